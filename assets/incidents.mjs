// The incidents page: one request under the sentence's filters feeds facets, trend and table; the map and the time at the foot
// read the same address. What answers late for filters that are no longer asked for is dropped.

import { attr, button, el } from "./dom.mjs";
import { t } from "./i18n.mjs";
import { facetPanel } from "./incidents_facets.mjs";
import { incidentTable } from "./incidents_table.mjs";
import { drawing } from "./map_draw.mjs";
import { patternPanel } from "./patterns.mjs";
import { api, get } from "./state.mjs";
import { viewMenu } from "./views.mjs";

/** What the map shows of itself; `layers` in the address adds others. */
const LAYERS = ["incidents", "boundaries", "labels"];
const OWN = ["since", "show", "sort"];

export function incidentsPage(app, { now, signal, sourceTitle }) {
  const own = () => Object.fromEntries(OWN.map((name) => [name, get(name)]));
  const read = async (path, abort) => {
    const answer = await fetch(path, { signal: abort });
    if (!answer.ok) {
      const told = await answer.json().catch(() => null);
      throw Object.assign(new Error(told?.description ?? `HTTP ${answer.status}`), { refused: answer.status });
    }
    return answer.json();
  };
  const facets = facetPanel(app.querySelector("#cg-facets"), { now, sourceTitle });
  const host = app.querySelector("#cg-incidents");
  const table = incidentTable(host, {
    now,
    sourceTitle,
    rowsOf: (offset, limit) => read(api("/api/incidents/rows", { ...own(), offset, limit }), signal),
  });
  viewMenu(app.querySelector("#cg-views"), { signal, read: (path) => read(path, signal) });
  const failed = el("p", "cg-empty cg-inc-failed");
  failed.setAttribute("role", "alert");
  failed.hidden = true;
  host.prepend(failed);
  let asking = null;
  let shown = "";
  let drawn = null;
  const found = patternPanel(facets.patterns, { signal, drawing: () => drawn });

  async function load() {
    found.load();
    asking?.abort();
    const mine = (asking = new AbortController());
    const address = api("/api/incidents", own());
    try {
      const found = await read(address, AbortSignal.any([signal, mine.signal]));
      failed.hidden = true;
      facets.take(found);
      table.take(found.table, address !== shown);
      shown = address;
    } catch (error) {
      if (mine.signal.aborted) return;
      failed.textContent = t("inc.failed", { reason: error.message });
      failed.hidden = false;
      if (!error.refused) throw error; // tried again by whoever asked
    } finally {
      if (asking === mine) asking = null;
    }
  }

  // Before the page's own round, which also waits for tiles: a choice answers at once.
  window.addEventListener("cg:filters", () => load().catch(() => null), { signal });
  let before = JSON.stringify(own());
  let looked = get("patterns");
  window.addEventListener(
    "cg:view",
    () => {
      const next = JSON.stringify(own());
      if (next !== before) load().catch(() => null);
      else table.draw();
      if (looked !== get("patterns")) found.load();
      looked = get("patterns");
      before = next;
    },
    { signal },
  );

  document.addEventListener(
    "keydown",
    (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (event.target.closest?.("input, textarea, select, [contenteditable], [role=combobox]")) return;
      const by = { j: 1, k: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      table.move(by);
    },
    { signal },
  );

  // On a phone the list and the map share the screen, one at a time.
  const toggle = button("cg-inc-toggle", t("inc.map"));
  const choose = button("cg-inc-toggle", t("inc.facets.open"));
  function turn(face) {
    attr(app, "data-face", face);
    toggle.textContent = t(face === "map" ? "inc.list" : "inc.map");
    choose.textContent = t(face === "facets" ? "inc.list" : "inc.facets.open");
    window.dispatchEvent(new Event("resize"));
  }
  toggle.addEventListener("click", () => turn(app.dataset.face === "map" ? null : "map"));
  choose.addEventListener("click", () => turn(app.dataset.face === "facets" ? null : "facets"));
  app.append(el("div", "cg-inc-faces", toggle, choose));

  return {
    load: () => (asking ? null : load()),
    map(made, over) {
      drawn = drawing(made, over, signal);
    },
    only(doc) {
      for (const layer of doc.layers) layer.on = LAYERS.includes(layer.id);
    },
    get drawing() {
      return drawn;
    },
  };
}
