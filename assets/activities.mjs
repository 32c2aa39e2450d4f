// Activities: who does what where. The matrix at the left; at the right what is missing, done twice or not reported, whom to ask,
// and the cell that was chosen.

import { cellPanel } from "./activities_cell.mjs";
import { contactsPanel } from "./activities_contacts.mjs";
import { matrixTable } from "./activities_matrix.mjs";
import { attr, button, el, keyed, part, parts, show, text } from "./dom.mjs";
import { age, number, time } from "./format.mjs";
import { lang, named, t } from "./i18n.mjs";
import { api, get, seenAs, setView } from "./state.mjs";

const TABS = ["gaps", "overlaps", "reports", "contacts"];
const FIGURES = ["share", "gap", "need", "who"];

/** Text of one direction inside text of another. */
const isolated = (words) => `\u2066${words}\u2069`;

export const sectorName = (code, name) => named(`sector.${code}`, name || t("act.no_sector"));

export function ownPage(host, { now, signal, read, sourceTitle }) {
  const figure = el("select", "cg-com-pick", ...FIGURES.map((name) => Object.assign(el("option", "", t(`act.figure.${name}`)), { value: name })));
  figure.setAttribute("aria-label", t("act.figure"));
  figure.value = FIGURES.includes(get("figure")) ? get("figure") : "share";
  figure.addEventListener("change", () => setView({ figure: figure.value === "share" ? null : figure.value }));
  const find = el("input", "cg-act-find");
  find.type = "search";
  find.placeholder = t("act.find");
  find.setAttribute("aria-label", t("act.find"));
  find.addEventListener("input", () => matrix.find(find.value));
  const files = el("span", "cg-act-files");
  const note = el("p", "cg-com-note");
  const head = el("div", "cg-act-head", el("h1", "", t("act.title")), figure, find, legend(), files, note);
  const tabs = el("div", "cg-act-tabs");
  tabs.setAttribute("role", "tablist");
  const lists = Object.fromEntries(TABS.slice(0, 3).map((name) => [name, el("ol", "cg-act-list")]));
  const none = el("p", "cg-empty");
  const matrix = matrixTable({ open: (sector, area) => choose(sector, area), signal });
  const contacts = contactsPanel({ signal, reload: () => load(), now });
  const cell = cellPanel({ now, read, sourceTitle, close: () => choose("", ""), signal });
  const side = el("aside", "cg-act-side", tabs, ...Object.values(lists), none, contacts.node, cell.node);
  side.setAttribute("aria-label", t("act.side"));
  host.replaceChildren(head, el("div", "cg-act-body", matrix.node, side));
  let found = null;
  let tab = TABS.includes(get("tab")) ? get("tab") : "gaps";

  for (const name of TABS) {
    const node = button("cg-act-tab", "", "");
    node.removeAttribute("aria-label");
    node.append(el("span", "", t(`act.tab.${name}`)), part("count", "b"));
    node.dataset.tab = name;
    node.setAttribute("role", "tab");
    node.addEventListener("click", () => {
      tab = name;
      setView({ tab: name === "gaps" ? null : name, cell: null });
      draw();
    });
    tabs.append(node);
  }

  function choose(sector, area) {
    setView({ cell: sector || area ? `${sector},${area}` : null });
    show_();
  }

  const chosen = () => {
    const [sector, area] = get("cell").split(",");
    return area ? { sector, area } : null;
  };

  function show_() {
    const one = chosen();
    show(cell.node, Boolean(one));
    attr(host, "data-open", one ? "" : null);
    for (const name of Object.keys(lists)) show(lists[name], !one && tab === name);
    show(contacts.node, !one && tab === "contacts");
    const listed = found && tab !== "contacts" ? rowsOf(tab).length : 1;
    show(text(none, tab === "contacts" ? "" : t(`act.none.${tab}`)), !one && !listed);
    for (const node of tabs.children) attr(node, "aria-selected", String(!one && node.dataset.tab === tab));
    matrix.chosen(one);
    if (one) cell.load(one.sector, one.area);
  }

  const sectorOf = (code) => sectorName(code, found.sectors.find((one) => one.code === code)?.name);
  const areaOf = (pcode) => found.areas.find((one) => one.pcode === pcode)?.name ?? pcode;
  const rowsOf = (name) => (name === "reports" ? found.organisations : found[name]);

  function fillPlaces(name) {
    keyed(
      lists[name],
      found[name],
      (one) => `${one.sector} ${one.area} ${one.what ?? ""}`,
      () => {
        const open = button("cg-act-place", "", "");
        open.removeAttribute("aria-label");
        open.append(part("what", "b"), part("figure", "span", "cg-act-gap"), part("why", "span", "cg-act-why"), part("ask", "span", "cg-act-ask"));
        const node = el("li", "", open);
        open.addEventListener("click", () => choose(node.cgPlace.sector, node.cgPlace.area));
        return node;
      },
      (node, one) => {
        node.cgPlace = one;
        const at = parts(node);
        text(at.what, `${sectorOf(one.sector)} · ${areaOf(one.area)}`);
        text(at.figure, name === "gaps" ? t("act.gap", { people: number(one.gap) }) : "");
        text(at.why, name === "gaps" ? standing(one) : t("act.overlap", { what: one.what, who: one.who.join(", ") }));
        const asked = one.ask.map((id) => found.contacts.find((each) => each.id === id)).filter(Boolean);
        text(at.ask, asked.length ? t("act.ask", { who: asked.map((each) => isolated([each.office, each.phone].filter(Boolean).join(" "))).join("; ") }) : t("act.ask.nobody"));
        attr(at.ask, "data-none", asked.length ? null : "");
      },
    );
  }

  function standing(one) {
    if (one.standing === "active") return t("act.standing.under");
    const words = t(`act.standing.${one.standing}`);
    return one.behind.length ? `${words} · ${t("act.report.due")}: ${one.behind.join(", ")}` : words;
  }

  function fillReports() {
    keyed(
      lists.reports,
      found.organisations,
      (one) => one.name,
      () => el("li", "cg-act-report", part("name", "b"), part("age", "span"), part("state", "span", "cg-act-why")),
      (node, one) => {
        const at = parts(node);
        attr(node, "data-behind", one.behind ? "" : null);
        text(at.name, one.name);
        text(at.age, one.reported ? age((now() - time(one.reported)) / 1000) : t("unknown"));
        text(at.state, `${t(one.behind ? "act.report.due" : "act.report.ok")} · ${t("act.count", { count: one.activities, n: number(one.activities) })}`);
      },
    );
  }

  function draw() {
    figure.value = FIGURES.includes(get("figure")) ? get("figure") : "share";
    matrix.draw(found, figure.value);
    fillPlaces("gaps");
    fillPlaces("overlaps");
    fillReports();
    contacts.draw(found);
    for (const node of tabs.children) {
      const name = node.dataset.tab;
      const count = name === "reports" ? found.organisations.filter((one) => one.behind).length : found[name].length;
      text(parts(node).count, number(count));
    }
    const days = number(found.report_every_days);
    text(note, [t("act.cadence", { days }), found.unplaced ? t("act.unplaced", { count: found.unplaced, n: number(found.unplaced) }) : ""].filter(Boolean).join(" "));
    files.replaceChildren(...(found.exports ? ["xlsx", "csv"].map(file) : []));
    show_();
  }

  function file(format) {
    const link = el("a", "cg-action", format.toUpperCase());
    link.href = seenAs(`/api/activities/export?format=${format}&lang=${lang()}`);
    link.setAttribute("aria-label", t("act.export", { format: format.toUpperCase() }));
    return link;
  }

  async function load() {
    found = await read(api("/api/activities", {}, ["window", "from", "to", "area", "category", "severity", "q"]));
    if (!signal.aborted) draw();
  }

  return {
    load,
    kinds: ["activities", "indicators", "contacts", "boundaries"],
    view: () => found && draw(),
    tick() {},
    shut() {
      if (!chosen()) return false;
      choose("", "");
      return true;
    },
  };
}

function legend() {
  const classes = [0, 1, 2, 3, 4].map((each) => {
    const key = el("i", "cg-act-key");
    key.dataset.share = String(each);
    return key;
  });
  const marks = ["no_report", "no_activity"].map((name) => {
    const key = el("i", "cg-act-key");
    key.dataset.standing = name;
    return el("span", "", key, t(`act.legend.${name}`));
  });
  return el("p", "cg-act-legend", el("span", "", t("act.legend.share"), " 0 %", ...classes, "100 %"), ...marks);
}
