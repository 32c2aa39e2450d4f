// Health: the map at the left; facilities, diseases and who can get there at the right, each a list ranked by what wants attention.

import { accessPanel } from "./health_access.mjs";
import { attr, button, el, show, text } from "./dom.mjs";
import { t } from "./i18n.mjs";
import { diseasePanel } from "./health_diseases.mjs";
import { facilityPanel } from "./health_facilities.mjs";
import { api, get, setFilters, setView } from "./state.mjs";
import { closeRoad, tried } from "./ways.mjs";

const TABS = ["facilities", "diseases", "access"];
const LAYERS = {
  facilities: ["facilities", "boundaries", "labels", "routes"],
  diseases: ["facilities", "boundaries", "labels", "alerts"],
  access: ["access", "facilities", "crossings", "boundaries", "labels"],
};
const ROADS = ["access", "routes", "crossings"];

export function ownPage(host, { now, signal, read, sourceTitle }) {
  const tabs = el("div", "cg-health-tabs");
  tabs.setAttribute("role", "tablist");
  const area = button("cg-chip", t("health.all_areas"), "");
  const name = el("bdi");
  area.append(name, el("i", "", "×"));
  area.addEventListener("click", () => setFilters({ area: null }));
  const failed = el("p", "cg-health-failed");
  failed.setAttribute("role", "status");
  const body = el("div", "cg-health-body");
  body.setAttribute("role", "tabpanel");
  host.replaceChildren(el("div", "cg-health-head", el("h1", "", t("health.title")), tabs, area), failed, body);
  const panels = {
    facilities: facilityPanel({ now }),
    diseases: diseasePanel({ now, sourceTitle }),
    access: accessPanel({ now }),
  };
  for (const key of TABS) {
    const tab = button("cg-health-tab", t(`health.tab.${key}`));
    tab.dataset.tab = key;
    tab.setAttribute("role", "tab");
    tab.addEventListener("click", () => setView({ tab: key === TABS[0] ? null : key }));
    tabs.append(tab);
  }
  let doc = null;
  const open = () => (TABS.includes(get("tab")) ? get("tab") : TABS[0]);

  function turn() {
    for (const tab of tabs.children) attr(tab, "aria-selected", tab.dataset.tab === open());
    const panel = panels[open()].host;
    if (body.firstElementChild !== panel) body.replaceChildren(panel);
    attr(body, "aria-label", t(`health.tab.${open()}`));
    show(area, Boolean(get("area")));
    text(name, get("area"));
  }
  turn();

  let asked = 0;
  async function load() {
    const turnOf = ++asked;
    const what = { goal: get("goal"), closed: get("closed") };
    try {
      const [health, access] = await Promise.all([read(api("/api/health", what)), read(api("/api/access", what))]);
      if (turnOf !== asked) return;
      failed.hidden = true;
      panels.facilities.update(health);
      panels.diseases.update(health);
      panels.access.update(access);
    } catch (error) {
      if (signal.aborted || turnOf !== asked) return;
      show(text(failed, t("health.failed", { reason: error.message })), true);
    }
  }

  return {
    kinds: ["sites", "routes", "indicators", "supply", "boundaries"],
    load,
    /** Which layers this page shows of itself. */
    only(layers) {
      doc = layers;
      for (const layer of layers.layers) layer.on = LAYERS[open()].includes(layer.id);
    },
    view() {
      turn();
      if (doc) this.only(doc);
    },
    /** A click on a road while access is asked about closes it, to see what would be; another opens it again. */
    open(what) {
      if (open() !== "access" || !what.record || !ROADS.includes(what.layer)) return false;
      closeRoad(what.record, !tried().includes(what.record));
      return true;
    },
    tick() {
      panels[open()].tick?.();
    },
  };
}
