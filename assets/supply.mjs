// Supply: one sentence asks, the map and the ranked table answer, a site opens under the table, and what could be moved beside it.

import { attr, button, el, keyed, part, parts, show, text } from "./dom.mjs";
import { number } from "./format.mjs";
import { lang, t } from "./i18n.mjs";
import { api, get, setFilters, setView, visit } from "./state.mjs";
import { movesPanel } from "./supply_moves.mjs";
import { sitePanel } from "./supply_site.mjs";
import { supplyTable } from "./supply_table.mjs";

const HORIZONS = ["30", "60", "90"];
const SORTS = ["days", "chance", "people"];
export const CLASSES = ["stockout", "lt7", "d7_14", "d14_30", "gt30", "overstock", "unknown", "not_reported"];
/** What else the map shows here: whether one can get there. */
const LAYERS = ["supply", "routes", "crossings", "boundaries", "labels"];

export function supplyPage(app, { now, signal, read, sourceTitle }) {
  const ask = app.querySelector("#cg-supply-ask");
  const host = app.querySelector("#cg-supply");
  const choice = (name, change) => {
    const node = el("select", "cg-word-choice");
    node.setAttribute("aria-label", t(`supply.ask.${name}`));
    node.addEventListener("change", () => change(node.value));
    return node;
  };
  const item = choice("item", (value) => setFilters({ item: value }));
  const area = choice("area", (value) => setFilters({ area: value }));
  const horizon = choice("horizon", (value) => setView({ horizon: value === "30" ? null : value }));
  const counted = el("span", "cg-count");
  ask.replaceChildren(
    el("span", "cg-word", t("supply.ask.of")), item,
    el("span", "cg-word", t("supply.ask.in")), area,
    el("span", "cg-word", t("supply.ask.ahead")), horizon,
    counted,
  );
  horizon.append(...HORIZONS.map((days) => option(days, t("supply.days", { n: days }))));

  const tabs = el("div", "cg-supply-tabs");
  tabs.setAttribute("role", "tablist");
  const sort = choice("sort", (value) => setView({ sort: value === "days" ? null : value }));
  sort.append(...SORTS.map((name) => option(name, t(`supply.sort.${name}`))));
  const classes = el("ol", "cg-supply-classes");
  const notes = el("p", "cg-supply-notes");
  const list = el("div", "cg-supply-list");
  const moved = el("div", "cg-supply-moves");
  const site = el("section", "cg-supply-site");
  site.hidden = true;
  const head = el("div", "cg-supply-head", tabs, el("span", "cg-brush-gap"), sort);
  const sites = el("div", "cg-supply-sites", classes, list, notes);
  host.replaceChildren(head, sites, moved, site);

  let found = null;
  let told = "";
  let waiting = null;
  const open = (row) => visit({ site: row.site ?? row.id, product: row.item, tab: null, record: null, kpi: null });
  const query = () => ({ item: get("item"), horizon: get("horizon") || "30", sort: get("sort") || "days" });
  const rowsOf = (offset, limit) => read(api("/api/supply/rows", { ...query(), offset, limit }, ["window", "from", "to"])).then((more) => more.table ?? more);
  const table = supplyTable(list, { now, open, rowsOf });
  const drawer = sitePanel(site, { now, read, sourceTitle, shut: () => visit({ site: null, product: null }) });
  const moves = movesPanel(moved, { read, open });

  for (const name of ["sites", "moves"]) {
    const tab = button("cg-supply-tab", t(`supply.tab.${name}`));
    tab.dataset.tab = name;
    tab.setAttribute("role", "tab");
    tab.addEventListener("click", () => visit({ tab: name === "sites" ? null : name, site: null, product: null }));
    tabs.append(tab);
  }

  function view() {
    const tab = get("tab") === "moves" ? "moves" : "sites";
    for (const node of tabs.children) attr(node, "aria-selected", String(node.dataset.tab === tab));
    show(sites, tab === "sites");
    show(moved, tab === "moves");
    show(sort, tab === "sites");
    attr(host, "data-open", get("site") && tab === "sites" ? "" : null);
    show(site, Boolean(get("site")) && tab === "sites");
    table.mark(get("site"), get("product"));
  }

  async function load() {
    view();
    const asked = api("/api/supply", { ...query(), limit: 60 }, ["window", "from", "to"]);
    const jobs = [read(asked).then((answer) => draw(answer, asked))];
    if (get("site")) jobs.push(drawer.load());
    if (get("tab") === "moves") jobs.push(moves.load());
    await Promise.all(jobs);
    view();
  }

  function draw(answer, asked) {
    const anew = asked !== told;
    told = asked;
    found = answer;
    fillChoice(item, [["", t("supply.every_item")], ...answer.items.map((one) => [one.item, `${one.name} · ${number(one.short)}/${number(one.sites)}`])], get("item"));
    fillChoice(area, [["", t("supply.everywhere")], ...answer.areas.map((one) => [one.pcode, one.name])], get("area"));
    horizon.value = query().horizon;
    sort.value = query().sort;
    const short = answer.classes.stockout + answer.classes.lt7;
    counted.replaceChildren(
      ...t("supply.count", { short: "\u0000", all: number(answer.table.count), sites: number(answer.sites) })
        .split("\u0000")
        .flatMap((words, at) => (at ? [el("b", "", number(short)), words] : [words])),
    );
    keyed(
      classes,
      CLASSES,
      (name) => name,
      (name) => el("li", "", mark(name), el("span", "", t(`supply.class.${name}`)), part("n", "b")),
      (node, name) => {
        text(parts(node).n, number(answer.classes[name]));
        attr(node, "data-none", answer.classes[name] ? null : "");
      },
    );
    notes.replaceChildren(...noted(answer));
    table.take(answer.table, anew);
  }

  signal.addEventListener("abort", () => clearTimeout(waiting));
  window.addEventListener(
    "cg:view",
    () => {
      view();
      const asked = api("/api/supply", { ...query(), limit: 60 }, ["window", "from", "to"]);
      const jobs = asked === told ? [] : [load()];
      if (!jobs.length && get("site")) jobs.push(drawer.load());
      if (!jobs.length && get("tab") === "moves") jobs.push(moves.load());
      Promise.all(jobs).catch((error) => signal.aborted || text(notes, error.message));
    },
    { signal },
  );

  return {
    load,
    /** Only what tells of supply and the way there is on the map, unless the address says otherwise. */
    only(doc) {
      for (const layer of doc.layers) layer.on = LAYERS.includes(layer.id);
    },
    /** Whether a click on the map was for here: a site of the supply layer. */
    open(what) {
      if (what.layer !== "supply" || !what.record) return false;
      visit({ site: what.record, product: get("item") || null, tab: null, record: null, kpi: null });
      return true;
    },
    tick() {
      table.draw();
    },
    get found() {
      return found;
    },
  };
}

export function mark(name) {
  const node = el("i", "cg-stock");
  node.dataset.class = name;
  return node;
}

const option = (value, words) => Object.assign(el("option", "", words), { value });

function fillChoice(node, options, value) {
  keyed(node, options, ([key]) => key, ([key, words]) => option(key, words), (one, [, words]) => text(one, words));
  node.value = value;
  if (node.selectedIndex < 0) node.value = "";
}

/** What the figures cannot tell, and how the forecasts did. */
function noted(answer) {
  const { limits, track } = answer;
  const said = [];
  if (limits.never_reported) said.push(t("supply.note.never", { n: number(limits.never_reported) }));
  if (limits.from_history) said.push(t("supply.note.computed", { n: number(limits.from_history), months: answer.months, dry: number(limits.censored_months) }));
  said.push(t("supply.note.way", { n: number(answer.on_the_way), unmatched: number(answer.unmatched) }));
  return [el("span", "", said.join(" ")), el("span", "cg-supply-track", trackWords(track, answer.horizon))];
}

/** How the forecasts did on months they were not made with. */
export function trackWords(track, horizon) {
  const share = (value) => number(value, { maximumFractionDigits: 0, style: "percent" });
  const words = [];
  if (track.months) words.push(t("supply.track.range", { share: share(track.coverage), n: number(track.months) }));
  if (track.why || !track.rows) words.push(t("supply.track.thin"));
  else
    words.push(
      t("supply.track.chance", {
        days: horizon,
        caught: share(track.caught),
        brier: number(track.brier, { maximumFractionDigits: 3 }),
        base: share(track.base),
        n: number(track.rows),
      }),
    );
  return words.join(" ");
}
