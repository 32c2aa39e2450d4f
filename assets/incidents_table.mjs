// The table: only the rows in view are nodes, only the pages in view are asked for. j and k walk it, Enter opens the record.

import { attr, el, keyed, part, parts, text } from "./dom.mjs";
import { age, dtg, number, severityOf, severityWord, time } from "./format.mjs";
import { t } from "./i18n.mjs";
import { get, setView, visit } from "./state.mjs";

const PAGE = 60;
const AROUND = 6;
const PAGES_KEPT = 40;
const SORTS = ["time", "severity", "received"];
const MOST_PX = 8_000_000; // what browsers can scroll for certain; longer lists move in larger steps

export function incidentTable(host, { now, sourceTitle, rowsOf }) {
  const count = el("h2", "cg-inc-count");
  const sort = el("select", "cg-word-choice");
  sort.setAttribute("aria-label", t("inc.sort"));
  sort.append(...SORTS.map((value) => Object.assign(el("option", "", t(`inc.sort.${value}`)), { value })));
  sort.addEventListener("change", () => setView({ sort: sort.value === "time" ? null : sort.value }));
  const head = el("div", "cg-inc-head", count, el("span", "cg-brush-gap"), sort);
  const names = el(
    "div",
    "cg-inc-row cg-inc-names",
    ...["when", "what", "where", "source", "grade"].map((name) => el("span", `cg-inc-${name}`, t(`inc.col.${name}`))),
  );
  names.setAttribute("role", "row");
  const tall = el("div", "cg-inc-tall");
  const window_ = el("div", "cg-inc-window");
  tall.append(window_);
  const scroll = el("div", "cg-inc-scroll", tall);
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "grid");
  scroll.setAttribute("aria-label", t("inc.table"));
  const empty = el("p", "cg-empty");
  host.replaceChildren(head, names, scroll, empty);

  let total = 0;
  let pages = new Map(); // page number -> rows
  let wanted = new Set();
  let turn = 0;
  let current = -1;

  const rowPx = () => Number.parseFloat(getComputedStyle(host).getPropertyValue("--row")) * rem() || 44;
  const rem = () => Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  const span = () => Math.min(MOST_PX, total * rowPx());
  /** Pixels of the whole list to one of the scroll bar's: 1 until the list is longer than a browser can scroll. */
  const ratio = () => Math.max(1, (total * rowPx() - scroll.clientHeight) / Math.max(1, span() - scroll.clientHeight));
  const first = () => Math.max(0, Math.floor((scroll.scrollTop * ratio()) / rowPx()) - AROUND);
  const rowAt = (index) => pages.get(Math.floor(index / PAGE))?.[index % PAGE];

  function make() {
    const node = el(
      "div",
      "cg-inc-row",
      part("when", "span", "cg-inc-when"),
      el(
        "span",
        "cg-inc-what",
        part("mark", "i", "cg-sev"),
        el("span", "cg-inc-text", part("title", "span", "cg-inc-title"), part("more", "span", "cg-inc-more")),
        part("flag", "b", "cg-inc-flag"),
      ),
      part("where", "span", "cg-inc-where"),
      part("source", "span", "cg-inc-source"),
      part("grade", "span", "cg-inc-grade"),
    );
    node.setAttribute("role", "row");
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
    if (!row) {
      for (const name of ["when", "title", "more", "where", "source", "grade", "flag"]) text(at[name], "");
      return;
    }
    const when = time(row.t);
    text(at.when, Number.isFinite(when) ? dtg(when).slice(0, 7) + dtg(when).slice(7, 11) : t("unknown"));
    at.when.title = Number.isFinite(when) ? `${dtg(when)} · ${age((now() - when) / 1000)}` : "";
    attr(at.mark, "data-severity", severityOf(row.severity));
    at.mark.title = severityWord(row.severity);
    attr(at.mark, "aria-label", severityWord(row.severity));
    text(at.title, row.title);
    const killed = row.fatalities ? t("inc.killed", { count: row.fatalities, n: number(row.fatalities) }) : "";
    text(at.more, [severityWord(row.severity), row.category !== row.title ? row.category : "", row.actors.join(" – "), killed].filter(Boolean).join(" · "));
    text(at.flag, row.flag ? t(`inc.flag.${row.flag}`) : "");
    attr(at.flag, "data-flag", row.flag || null);
    text(at.where, [row.place, row.pcode].filter(Boolean).join(" "));
    text(at.source, sourceTitle(row.source));
    text(at.grade, row.grade);
    attr(node, "data-open", get("record") === row.id ? "true" : null);
  }

  function draw() {
    const height = rowPx();
    const from = Math.min(first(), Math.max(0, total - 1));
    const many = Math.min(total - from, Math.ceil(scroll.clientHeight / height) + 2 * AROUND);
    tall.style.height = `${span()}px`;
    window_.style.transform = `translateY(${scroll.scrollTop + from * height - scroll.scrollTop * ratio()}px)`;
    const shown = Array.from({ length: Math.max(0, many) }, (_, i) => from + i);
    keyed(window_, shown, (index) => index % 400, make, fill);
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
      if (pages.size > PAGES_KEPT) pages.delete(pages.keys().next().value);
    } catch (error) {
      if (error.name !== "AbortError") setTimeout(() => mine === turn && draw(), 2000);
    } finally {
      wanted.delete(page);
    }
    if (mine === turn && pages.has(page)) draw();
  }

  function go(index, open = false) {
    if (!total) return;
    current = Math.min(total - 1, Math.max(0, index));
    const height = rowPx();
    const top = scroll.scrollTop * ratio();
    if (current * height < top) scroll.scrollTop = (current * height) / ratio();
    else if ((current + 1) * height > top + scroll.clientHeight)
      scroll.scrollTop = ((current + 1) * height - scroll.clientHeight) / ratio();
    draw();
    const row = rowAt(current);
    if (row && (open || get("record"))) visit({ record: row.id, kpi: null });
  }

  scroll.addEventListener("scroll", draw, { passive: true });
  new ResizeObserver(draw).observe(scroll);
  scroll.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity }[event.key];
    if (by !== undefined) {
      event.preventDefault();
      go(Number.isFinite(by) ? current + by : by > 0 ? total - 1 : 0);
    } else if (event.key === "Enter") {
      event.preventDefault();
      go(current < 0 ? 0 : current, true);
    }
  });

  return {
    /** The first page came with the rest of the page: `{count, rows}`; `anew` where it is another selection. */
    take(found, anew) {
      turn += 1;
      total = found.count;
      pages = new Map([[0, found.rows]]);
      wanted = new Set();
      sort.value = get("sort") || "time";
      if (anew) {
        current = -1;
        scroll.scrollTop = 0;
      }
      text(count, t("inc.count", { count: total, n: number(total) }));
      text(empty, t(get("show") ? "inc.none.changed" : "inc.none"));
      empty.hidden = total > 0;
      scroll.hidden = !total;
      draw();
    },
    draw,
    move: (by) => {
      scroll.focus({ preventScroll: true });
      go(current + by);
    },
    open: () => go(current < 0 ? 0 : current, true),
  };
}
