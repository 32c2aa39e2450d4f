// On a phone the panels share one sheet under the map; these tabs say which one is up.

import { attr, button, el } from "./dom.mjs";
import { t } from "./i18n.mjs";

const SHEETS = ["kpis", "layers", "time", "sources"];

export function phoneTabs(host, app) {
  const bar = el("div", "cg-tabs");
  bar.setAttribute("role", "tablist");
  app.dataset.sheet = "kpis";
  for (const name of SHEETS) {
    const tab = button("cg-tab", t(`tabs.${name}`));
    tab.dataset.sheet = name;
    tab.setAttribute("role", "tab");
    tab.addEventListener("click", () => choose(app.dataset.sheet === name ? "none" : name));
    bar.append(tab);
  }
  function choose(name) {
    app.dataset.sheet = name;
    for (const tab of bar.children) attr(tab, "aria-selected", tab.dataset.sheet === name);
  }
  choose("kpis");
  host.append(bar);
}
