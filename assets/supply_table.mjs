// The ranked table: only the rows in view are nodes, only the pages in view are asked for. Arrows walk it, Enter opens the site.

import { attr, el, keyed, part, parts, text } from "./dom.mjs";
import { age, number, time } from "./format.mjs";
import { t } from "./i18n.mjs";
import { get } from "./state.mjs";

const PAGE = 60;
const AROUND = 6;
const COLUMNS = ["site", "stock", "rate", "days", "ends", "chance", "coming", "people", "age"];

export function supplyTable(host, { now, open, rowsOf }) {
  const names = el("div", "cg-supply-row cg-supply-names", ...COLUMNS.map((name) => el("span", `cg-sc-${name}`, t(`supply.col.${name}`))));
  for (const [at, node] of [...names.children].entries()) {
    node.setAttribute("role", "columnheader");
    node.title = t(`supply.how.${COLUMNS[at]}`);
  }
  names.setAttribute("role", "row");
  const window_ = el("div", "cg-supply-window");
  const tall = el("div", "cg-supply-tall", window_);
  const scroll = el("div", "cg-supply-scroll", tall);
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "grid");
  scroll.setAttribute("aria-label", t("supply.table"));
  const empty = el("p", "cg-empty", t("supply.none"));
  host.replaceChildren(names, scroll, empty);

  let total = 0;
  let pages = new Map();
  let wanted = new Set();
  let turn = 0;
  let current = -1;
  let chosen = ["", ""];

  const rem = () => Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  const rowPx = () => Number.parseFloat(getComputedStyle(host).getPropertyValue("--row")) * rem() || 40;
  const rowAt = (index) => pages.get(Math.floor(index / PAGE))?.[index % PAGE];

  function make() {
    const node = el(
      "div",
      "cg-supply-row",
      el("span", "cg-sc-site", part("mark", "i", "cg-stock"), el("span", "cg-sc-two", part("name", "b"), part("item", "small"))),
      ...COLUMNS.slice(1).map((name) => el("span", `cg-sc-${name}`, part(name, "bdi"), name === "coming" ? part("coming_more", "small") : null)),
    );
    node.setAttribute("role", "row");
    for (const cell of node.children) cell.setAttribute("role", "gridcell");
    node.addEventListener("click", () => go(node.cgIndex, true));
    return node;
  }

  function fill(node, index) {
    const row = rowAt(index);
    const at = parts(node);
    node.cgIndex = index;
    attr(node, "aria-rowindex", index + 1);
    attr(node, "aria-selected", index === current ? "true" : null);
    attr(node, "data-waiting", row ? null : "true");
    if (!row) return;
    attr(node, "data-open", [row.site, row.id].includes(chosen[0]) && (!chosen[1] || chosen[1] === row.item) ? "true" : null);
    attr(at.mark, "data-class", row.status);
    at.mark.title = t(`supply.class.${row.status}`);
    attr(at.mark, "role", "img");
    attr(at.mark, "aria-label", t(`supply.class.${row.status}`));
    text(at.name, row.name);
    text(at.item, (get("item") ? [row.area, row.pcode] : [row.item_name, row.area]).filter(Boolean).join(" · "));
    at.name.dir = at.item.dir = "auto";
    text(at.stock, row.stock === null ? t("unknown") : number(row.stock, { maximumFractionDigits: 0 }));
    text(at.rate, row.amc ? number(row.amc / 30.4375, { maximumSignificantDigits: 3 }) : t("unknown"));
    text(at.days, daysWords(row));
    attr(at.days, "data-unknown", row.days === null && row.status !== "stockout" ? "" : null);
    text(at.ends, endsWords(row, now()));
    text(at.chance, row.chance === null ? "–" : percent(row.chance));
    attr(at.chance, "data-high", row.chance >= 0.5 ? "" : null);
    text(at.coming, comingWords(row));
    attr(at.coming, "data-break", row.break || null);
    text(at.coming_more, row.break ? t(`supply.break.${row.break}`) : "");
    text(at.people, row.people === null ? t("unknown") : number(row.people));
    attr(at.people, "data-unknown", row.people === null ? "" : null);
    const counted = time(row.counted);
    text(at.age, Number.isFinite(counted) ? age((now() - counted) / 1000) : t("unknown"));
  }

  function draw() {
    const height = rowPx();
    const from = Math.max(0, Math.min(Math.floor(scroll.scrollTop / height) - AROUND, total - 1));
    const many = Math.max(0, Math.min(total - from, Math.ceil(scroll.clientHeight / height) + 2 * AROUND));
    tall.style.height = `${total * height}px`;
    window_.style.transform = `translateY(${from * height}px)`;
    keyed(window_, Array.from({ length: many }, (_, i) => from + i), (index) => index % 300, make, fill);
    attr(scroll, "aria-rowcount", total);
    for (const page of new Set([Math.floor(from / PAGE), Math.floor(Math.max(from, from + many - 1) / PAGE)])) fetchPage(page);
  }

  async function fetchPage(page) {
    if (!total || pages.has(page) || wanted.has(page)) return;
    wanted.add(page);
    const mine = turn;
    try {
      const found = await rowsOf(page * PAGE, PAGE);
      if (mine !== turn) return;
      pages.set(page, found.rows);
    } catch {
      setTimeout(() => mine === turn && draw(), 2000);
    } finally {
      wanted.delete(page);
    }
    if (mine === turn && pages.has(page)) draw();
  }

  function go(index, opens = false) {
    if (!total) return;
    current = Math.min(total - 1, Math.max(0, index));
    const height = rowPx();
    const top = current * height;
    if (top < scroll.scrollTop) scroll.scrollTop = top;
    else if (top + height > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = top + height - scroll.clientHeight;
    draw();
    const row = rowAt(current);
    if (row && (opens || chosen[0])) open(row);
  }

  scroll.addEventListener("scroll", draw, { passive: true });
  new ResizeObserver(draw).observe(scroll);
  scroll.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity }[event.key];
    if (by !== undefined) {
      event.preventDefault();
      go(Number.isFinite(by) ? current + by : by > 0 ? total - 1 : 0);
    } else if (event.key === "Enter") {
      event.preventDefault();
      go(current < 0 ? 0 : current, true);
    }
  });

  return {
    take(found, anew) {
      turn += 1;
      total = found.count;
      pages = new Map([[0, found.rows]]);
      wanted = new Set();
      if (anew) {
        current = -1;
        scroll.scrollTop = 0;
      }
      empty.hidden = total > 0;
      scroll.hidden = !total;
      draw();
    },
    draw,
    mark(site, item) {
      chosen = [site, item];
      draw();
    },
  };
}

export const percent = (value) => number(value, { style: "percent", maximumFractionDigits: 0 });

export function daysWords(row) {
  if (row.status === "stockout") return t("supply.d", { n: 0 });
  if (row.days === null) return t("unknown");
  return t("supply.d", { n: number(Math.floor(row.days)) });
}

/** `21–23 NOV`, "now", "ran out by now", or after a year: what is left of the stock is not asked of the reader. */
export function endsWords(row, nowMs) {
  if (row.status === "stockout") return t("supply.now");
  if (!row.ends_known) return t("unknown");
  const [low, , high] = row.ends.map((value) => (value ? time(value) : null));
  if (low === null) return t("supply.later");
  if (high !== null && high < nowMs) return t("supply.by_now");
  const from = low < nowMs ? t("supply.now") : shortDay(low, nowMs);
  return `${from}–${high === null ? t("supply.later") : shortDay(high, nowMs)}`;
}

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
export function shortDay(ms, nowMs) {
  const at = new Date(ms);
  const year = Math.abs(ms - nowMs) > 300 * 86_400_000 ? ` ${String(at.getUTCFullYear()).slice(2)}` : "";
  return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]}${year}`;
}

function comingWords(row) {
  const next = row.coming[0];
  if (!next) return "–";
  const due = next.due ? shortDay(time(next.due), Date.now()) : t("supply.no_date");
  return `${due} · ${t(next.late ? "supply.late" : next.confirmed ? "supply.confirmed" : "supply.planned")}`;
}
