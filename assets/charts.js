// Dash writes its own address of plotly.js to this name and loads it when a page shows its first chart. The bundle at
// that address is four times the size of the one our charts need, so the name is held here (a classic script, because
// it must run before Dash's own).
{
  const bundle = new URL("vendor/plotly.js-basic-dist-min/plotly-basic.min.js", document.currentScript.src).href;
  Object.defineProperty(window, "_dashPlotlyJSURL", { get: () => bundle, set() {} });
}
