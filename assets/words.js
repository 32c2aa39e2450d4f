// The words of the filter sentence are made by Dash; what a person chooses in them goes to the browser modules, which alone
// write the address. A classic script, because Dash looks for the function before any module has run.
{
  const DEFAULT_WINDOW = "28d";
  const INTERVAL = "chosen"; // stands in the window's place while `from` and `to` are in the address

  /** What a word means for the address; null takes a parameter out of it. */
  const means = {
    window: (value) =>
      value === INTERVAL ? {} : { from: null, to: null, window: value === DEFAULT_WINDOW ? null : value },
    as_known_at: (value) => ({ as_known_at: value && `${value.replace(" ", "T")}Z` }),
    q: (value) => ({ q: value.trim() }),
  };

  window.dash_clientside ??= {};
  window.dash_clientside.commonground = {
    ...window.dash_clientside.commonground,

    /** `told` is what the server last put into each word: what still is so was not chosen here. */
    words(...values) {
      const told = values.pop();
      const detail = {};
      Object.keys(told).forEach((name, i) => {
        const value = values[i] ?? "";
        if (value !== (told[name] ?? "")) Object.assign(detail, means[name]?.(value) ?? { [name]: value });
      });
      window.dispatchEvent(new CustomEvent("cg:chosen", { detail }));
    },
  };
}
