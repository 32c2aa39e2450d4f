// The matrix: areas down, sectors across; the head and the names stay in sight, arrow keys go from cell to cell.

import { attr, el, keyed, part, parts, show, text } from "./dom.mjs";
import { number, short } from "./format.mjs";
import { t } from "./i18n.mjs";
import { sectorName } from "./activities.mjs";

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
/** Reached less than this of the target and nobody at work: it stands out. */
const HALF = 0.5;
const percent = (share) => number(share, { style: "percent", maximumFractionDigits: 0 });

export function matrixTable({ open, signal }) {
  const heads = el("tr");
  const totals = el("tr", "cg-act-totals");
  const body = el("tbody");
  const table = el("table", "cg-act-matrix", el("thead", "", heads, totals), body);
  table.setAttribute("role", "grid");
  table.setAttribute("aria-label", t("act.matrix"));
  const empty = el("p", "cg-empty", t("act.empty"));
  const node = el("div", "cg-act-scroll", empty, table);
  let doc = { sectors: [], areas: [], cells: [] };
  let cells = new Map();
  let figure = "share";
  let sort = { by: "", down: true };
  let wanted = "";
  let at = [0, 0];
  let picked = null;

  function draw(found, name) {
    doc = found;
    figure = name;
    cells = new Map(doc.cells.map((one) => [`${one.sector} ${one.area}`, one]));
    show(empty, !doc.sectors.length);
    show(table, doc.sectors.length > 0);
    paint();
  }

  const rank = (one) => {
    if (!one) return -1;
    if (figure === "who") return one.who.length;
    return one[figure] ?? -1;
  };

  function sorted() {
    const areas = doc.areas.filter((one) => `${one.name} ${one.pcode} ${one.parent}`.toLocaleLowerCase().includes(wanted));
    const byName = (one, other) => one.parent.localeCompare(other.parent) || one.name.localeCompare(other.name);
    if (!sort.by) return areas.sort((one, other) => (sort.down ? 1 : -1) * byName(one, other));
    const of = (area) => rank(cells.get(`${sort.by} ${area.pcode}`));
    return areas.sort((one, other) => (sort.down ? of(other) - of(one) : of(one) - of(other)) || byName(one, other));
  }

  function paint() {
    const columns = [{ code: "", name: t("act.area") }, ...doc.sectors];
    keyed(heads, columns, (one) => `h${one.code}`, makeHead, fillHead);
    keyed(totals, columns, (one) => `t${one.code}`, (one) => el(one.code ? "td" : "th", "", part("big", "b"), part("small", "span")), fillTotal);
    keyed(body, sorted(), (one) => one.pcode, () => el("tr"), fillRow);
    focusable();
  }

  function makeHead(one) {
    const node_ = el("th", "", part("name", "button", "cg-act-head-button"));
    node_.scope = "col";
    node_.firstChild.type = "button";
    node_.firstChild.addEventListener("click", () => {
      sort = { by: one.code, down: sort.by === one.code ? !sort.down : true };
      paint();
    });
    return node_;
  }

  function fillHead(head, one) {
    const here = sort.by === one.code;
    text(parts(head).name, one.code === "" && one.name === t("act.area") ? one.name : sectorName(one.code, one.name));
    attr(head, "aria-sort", here ? (sort.down === Boolean(one.code) ? "descending" : "ascending") : null);
  }

  function fillTotal(node_, one) {
    const { big, small } = parts(node_);
    if (!one.code) return text(big, t("act.total"));
    const mine = doc.cells.filter((each) => each.sector === one.code);
    const sum = (name) => mine.reduce((total, each) => total + (each[name] ?? 0), 0);
    const said = mine.filter((each) => each.targeted !== null && each.reached !== null);
    const targeted = said.reduce((total, each) => total + each.targeted, 0);
    const reached = said.reduce((total, each) => total + each.reached, 0);
    text(big, targeted ? percent(reached / targeted) : t("unknown"));
    return text(small, mine.some((each) => each.need !== null) ? t("act.in_need", { n: short(sum("need")) }) : "");
  }

  function fillRow(row, area) {
    const columns = [null, ...doc.sectors];
    keyed(row, columns, (one) => one?.code ?? " ", (one) => (one ? makeCell() : makeName()), (node_, one) => (one ? fillCell(node_, cells.get(`${one.code} ${area.pcode}`), one, area) : fillName(node_, area)));
  }

  function makeName() {
    const name = el("th", "", part("name", "b"), part("parent", "span"));
    name.scope = "row";
    return name;
  }

  function fillName(node_, area) {
    text(parts(node_).name, area.name);
    text(parts(node_).parent, `${area.parent} · ${area.pcode}`);
  }

  function makeCell() {
    const node_ = el("td", "", part("big", "b"), part("small", "span"));
    node_.tabIndex = -1;
    node_.setAttribute("role", "gridcell");
    node_.addEventListener("click", () => open(node_.cgAt.sector, node_.cgAt.area));
    return node_;
  }

  function fillCell(node_, one, sector, area) {
    node_.cgAt = { sector: sector.code, area: area.pcode };
    const { big, small } = parts(node_);
    const standing = one?.standing ?? "no_activity";
    const known = one && one.share !== null;
    attr(node_, "data-standing", standing);
    attr(node_, "data-share", known ? String(Math.min(4, Math.floor(one.share * 5))) : null);
    attr(node_, "data-need", one?.need && (one.share === null || one.share < HALF) ? "" : null);
    text(big, bigOf(one));
    text(small, smallOf(one, standing));
    const words = `${sectorName(sector.code, sector.name)}, ${area.name}: ${t(`act.standing.${standing}`)}`;
    attr(node_, "aria-label", one ? `${words}; ${told(one)}` : words);
    attr(node_, "title", one ? `${t(`act.standing.${standing}`)} · ${told(one)}${one.behind.length ? ` · ${t("act.report.due")}: ${one.behind.join(", ")}` : ""}` : null);
    attr(node_, "data-chosen", picked && picked.sector === sector.code && picked.area === area.pcode ? "" : null);
  }

  function bigOf(one) {
    if (!one) return "–";
    if (figure === "who") return number(one.who.length);
    if (one[figure] === null) return "–";
    return figure === "share" ? percent(one.share) : short(Math.round(one[figure]));
  }

  function smallOf(one, standing) {
    if (one?.fewer_than || one?.counted) return one.counted ? t("act.counted", { n: number(one.counted) }) : t("fewer_than", { n: one.fewer_than });
    if (standing === "active") return t("act.orgs", { count: one.who.length, n: number(one.who.length) });
    return t(`act.short.${standing}`);
  }

  const people = (value) => (value === null ? t("unknown") : number(Math.round(value)));
  const told = (one) => t("act.told", { need: people(one.need), targeted: people(one.targeted), reached: people(one.reached), who: one.who.join(", ") || "–" });

  const rowsShown = () => [...body.children];
  function focusable() {
    const rows = rowsShown();
    at = [Math.min(at[0], Math.max(rows.length - 1, 0)), Math.min(at[1], Math.max(doc.sectors.length - 1, 0))];
    for (const [y, row] of rows.entries()) for (const [x, node_] of [...row.children].slice(1).entries()) node_.tabIndex = y === at[0] && x === at[1] ? 0 : -1;
  }

  table.addEventListener(
    "keydown",
    (event) => {
      const here = event.target.closest?.('td[role="gridcell"]');
      if (!here) return;
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        return open(here.cgAt.sector, here.cgAt.area);
      }
      const step = STEPS[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      const rows = rowsShown();
      const y = rows.indexOf(here.parentNode);
      const x = [...here.parentNode.children].indexOf(here) - 1;
      const across = document.documentElement.dir === "rtl" ? -step[1] : step[1];
      at = [Math.min(Math.max(y + step[0], 0), rows.length - 1), Math.min(Math.max(x + across, 0), doc.sectors.length - 1)];
      focusable();
      rows[at[0]].children[at[1] + 1].focus();
    },
    { signal },
  );

  return {
    node,
    draw,
    find(words) {
      wanted = words.trim().toLocaleLowerCase();
      paint();
    },
    chosen(one) {
      picked = one;
      if (doc.areas.length) paint();
    },
  };
}
