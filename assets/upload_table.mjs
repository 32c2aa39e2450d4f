// What a file would come to: its first rows as they would be stored, what is refused and why, and which places are not known.

import { button, el } from "./dom.mjs";
import { dtg, number } from "./format.mjs";
import { named, t } from "./i18n.mjs";

const WAYS = ["code", "other vintage", "name", "position", "none"];
const WAY_KEYS = { "other vintage": "vintage" };
export const OUTCOMES = ["accepted", "revised", "unchanged", "retracted", "rejected"];
const TIME = /^\d{4}-\d\d-\d\dT/;

export const fieldName = (name) => named(`field.${name}`, name.replaceAll("_", " "));

/** Shape and word of what becomes of a row. */
export function outcome(name, count = null) {
  const mark = el("i", "cg-outcome-mark");
  mark.setAttribute("aria-hidden", "true");
  const words = el("span", "", t(`upload.outcome.${name}`));
  const node = el("span", "cg-outcome", mark, words, count === null ? null : el("b", "", number(count)));
  node.dataset.outcome = name;
  return node;
}

/** Fills `host` with the findings of the file at hand; `view` is which of the three lists is open. */
export function findingsPanel(host, { onView }) {
  const tabs = el("div", "cg-up-tabs");
  tabs.setAttribute("role", "tablist");
  const note = el("p", "cg-up-note");
  const body = el("div", "cg-up-body");
  host.replaceChildren(tabs, note, body);

  let drawn = [];

  function draw(file, view) {
    const found = file?.findings;
    const now = [file, found, view, file?.asking, file?.problem];
    if (now.every((one, i) => one === drawn[i]) && drawn.length) return;
    drawn = now;
    host.toggleAttribute("data-waiting", Boolean(file?.asking));
    host.setAttribute("aria-busy", String(Boolean(file?.asking)));
    tabs.replaceChildren();
    note.replaceChildren();
    if (!file) return body.replaceChildren();
    if (file.error || found?.error) return body.replaceChildren(refused(file.error || found.error));
    if (file.problem) return body.replaceChildren(refused(file.problem));
    if (!found) return body.replaceChildren(el("p", "cg-empty", t("upload.reading", { name: file.name })));
    const views = [
      ["rows", t("upload.view.rows"), null],
      ["rejects", t("upload.view.rejects"), found.rejected],
      ["places", t("upload.view.places"), found.places?.none ?? 0],
    ];
    for (const [key, words, count] of views) {
      const tab = button("cg-up-tab", words);
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-selected", String(key === view));
      tab.dataset.focus = `view-${key}`;
      if (count) tab.append(el("b", "", key === "places" ? t("upload.places.none", { count: number(count) }) : number(count)));
      tab.addEventListener("click", () => onView(key));
      tabs.append(tab);
    }
    note.append(said(found, view));
    body.replaceChildren(...(view === "rejects" ? rejects(found) : view === "places" ? places(found) : [rows(found)]));
  }

  return { draw };
}

function refused(reason) {
  const node = el("div", "cg-up-refused", outcome("rejected"), el("p", "", reason));
  node.setAttribute("role", "alert");
  return node;
}

function said(found, view) {
  if (view === "rows") {
    const part = { shown: number(found.rows.length), read: number(found.read) };
    return found.whole ? t("upload.note.whole", part) : t("upload.note.part", part);
  }
  return found.whole ? t(`upload.note.${view}`) : t("upload.note.some", { read: number(found.read) });
}

function rows(found) {
  if (!found.rows.length) return el("p", "cg-empty", t("upload.rows.none"));
  const columns = found.columns.filter((name) => name !== "attributes");
  if (found.columns.includes("attributes")) columns.push("attributes");
  const head = el("tr", "", header("#"), header(t("upload.outcome")), ...columns.map((name) => header(fieldName(name))));
  const lines = found.rows.map((row) => {
    row.outcome ||= "rejected";
    const cells = row.outcome === "rejected" ? refusedCells(row, columns.length) : columns.map((name) => cell(name, row.cells[name]));
    const line = el("tr", "", el("td", "cg-up-number", number(row.row)), el("td", "", outcome(row.outcome)), ...cells);
    line.dataset.outcome = row.outcome;
    return line;
  });
  return el("table", "cg-up-table", el("thead", "", head), el("tbody", "", ...lines));
}

function header(words) {
  const node = el("th", "", words);
  node.scope = "col";
  return node;
}

function refusedCells(row, span) {
  const node = el("td", "cg-up-why", bareDetail(row));
  node.colSpan = Math.max(1, span);
  return [node];
}

function cell(name, value) {
  if (value === undefined) return el("td", "cg-up-nil", "—");
  if (name === "attributes") {
    const listed = Object.entries(value).map(([key, item]) => `${key}: ${item}`);
    const node = el("td", "cg-up-rest", listed.join(" · "));
    node.title = listed.join("\n");
    return node;
  }
  if (typeof value === "number") return el("td", "cg-up-number", String(value));
  if (typeof value === "string" && TIME.test(value)) {
    const node = el("td", "cg-up-time", el("bdi", "", dtg(value)));
    node.title = value;
    return node;
  }
  const words = typeof value === "object" ? Object.entries(value).map(([key, item]) => (Array.isArray(value) ? item : `${key}: ${item}`)).join(", ") : String(value);
  const node = el("td", "", el("span", "cg-up-text", words));
  node.title = words.length > 40 ? words : "";
  return node;
}

function rejects(found) {
  if (!found.reasons?.length) return [el("p", "cg-empty", t("upload.rejects.none"))];
  return found.reasons.map((group) =>
    el(
      "section",
      "cg-up-reason",
      el("h3", "", outcome("rejected", group.count), el("span", "", group.reason)),
      ...group.examples.map((one) =>
        el(
          "div",
          "cg-up-example",
          el("span", "", t("feeds.row", { n: number(one.row) })),
          el("div", "", el("p", "", bareDetail(one)), el("pre", "", asItCame(one.raw))),
        ),
      ),
    ),
  );
}

const bareDetail = (one) => one.detail.replace(/^row [\d,]+, /, "");

/** A row of a table as its cells; anything else as it is. */
function asItCame(raw) {
  try {
    const told = JSON.parse(raw);
    const said = Object.entries(told.said ?? {}).map(([name, value]) => [fieldName(name), value]);
    const cells = [...said, ...Object.entries(told.rest ?? told.cells ?? {})];
    if (cells.length) return cells.map(([name, value]) => `${name}: ${value}`).join("  ·  ");
  } catch {
    // it is no table's row
  }
  return raw;
}

function places(found) {
  const counts = found.places ?? {};
  const total = WAYS.reduce((sum, way) => sum + (counts[way] ?? 0), 0);
  if (!total) return [el("p", "cg-empty", t("upload.places.nothing"))];
  const bars = WAYS.map((way) => {
    const count = counts[way] ?? 0;
    const fill = el("i");
    fill.style.inlineSize = `${(100 * count) / total}%`;
    const line = el(
      "div",
      "cg-up-way",
      el("b", "", number(count)),
      el("span", "", t(`upload.way.${WAY_KEYS[way] ?? way}`)),
      el("span", "cg-up-bar", fill),
    );
    line.dataset.way = way;
    return line;
  });
  const listed = found.unplaced ?? [];
  const missed = listed.filter((one) => !one.partly);
  const partly = listed.filter((one) => one.partly);
  return [
    el("div", "cg-up-ways", ...bars),
    el("h3", "cg-up-subhead", missed.length ? t("upload.places.unmatched") : t("upload.places.all")),
    ...missed.map(unmatched),
    ...(partly.length ? [el("h3", "cg-up-subhead", t("upload.places.partly")), ...partly.map(unmatched)] : []),
  ];
}

const unmatched = (one) =>
  el("div", "cg-up-missed", el("b", "", number(one.count)), el("span", "", one.text), one.note ? el("small", "", one.note) : null);
