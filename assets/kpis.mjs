// The panel of figures. Every figure shows its age and opens the records behind it; zero, unknown, not reported and
// stale are four different looks (data-state on the card, dressed by the style sheet).

import { attr, button, el, keyed, part, parts, show, text } from "./dom.mjs";
import { age, dtg, number, severityOf, severityWord, time } from "./format.mjs";
import { t } from "./i18n.mjs";
import { drawBars, drawSpark, sparkLine } from "./spark.mjs";
import { setFilters, visit } from "./state.mjs";
import { since as short } from "./strip.mjs";
import { explain } from "./tip.mjs";

const LISTED = 3;
const LISTED_ON_WALL = 8; // as many of them as stand whole beside the other figures

function card() {
  const figure = button("cg-figure", "", "");
  figure.removeAttribute("aria-label");
  figure.append(part("value", "bdi", "cg-value"), part("unit", "span", "cg-unit"));
  const node = el(
    "section",
    "cg-kpi",
    el("div", "cg-kpi-head", part("title", "h2", "cg-kpi-title"), part("source", "p", "cg-kpi-source")),
    el("div", "cg-kpi-row", figure, part("caption", "p", "cg-kpi-caption"), sparkLine()),
    part("bars", "div", "cg-bars"),
    part("list", "ol", "cg-list"),
  );
  figure.dataset.part = "figure";
  node.querySelector("svg").dataset.part = "spark";
  parts(node).figure.addEventListener("click", () => visit({ kpi: node.cgKpi.id, record: null }));
  for (const about of [node.querySelector(".cg-kpi-head"), node.querySelector(".cg-kpi-row")]) {
    explain(about, () => explanation(node.cgKpi));
  }
  return node;
}

function explanation(kpi) {
  const target = Number.isFinite(kpi.target) ? t("kpi.target", { n: number(kpi.target), unit: kpi.unit ?? "" }) : "";
  return [
    kpi.method,
    target,
    kpi.as_of ? t("as_of", { time: dtg(kpi.as_of) }) : t("kpi.no_time"),
    kpi.source,
    t("kpi.opens"),
  ]
    .filter(Boolean)
    .join("\n");
}

/** The one look a figure has: its own state, except that a known zero is plain. */
function face(kpi) {
  if (kpi.state === "not_reported") return { words: t("not_reported"), unit: "", known: false };
  if (kpi.state === "unknown" || kpi.value === null || kpi.value === undefined)
    return { words: t("unknown"), unit: "", known: false };
  const words = kpi.display || number(kpi.value);
  return { words, unit: kpi.unit && !words.endsWith(kpi.unit) ? kpi.unit : "", known: true };
}

function listRow() {
  const row = button("cg-item", "", "");
  row.removeAttribute("aria-label");
  row.append(
    part("mark", "i", "cg-sev"),
    part("title", "span", "cg-item-title"),
    part("place", "span", "cg-item-place"),
    part("age", "span", "cg-age"),
  );
  const node = el("li", "", row);
  row.addEventListener("click", () => visit({ record: node.cgItem.id }));
  return node;
}

function fillRow(node, item, now) {
  const { mark, title, place, age: old } = parts(node);
  node.cgItem = item;
  mark.dataset.severity = severityOf(item.severity);
  attr(mark, "title", severityWord(item.severity));
  text(title, item.title);
  text(place, item.place);
  text(old, age((now - time(item.t)) / 1000));
}

export function kpiPanel(host, { now, wall = false }) {
  host.setAttribute("role", "region");
  host.setAttribute("aria-label", t("kpi.region"));
  const body = el("div", "cg-kpis");
  host.replaceChildren(body);

  function fill(node, kpi) {
    const at = parts(node);
    const { words, unit, known } = face(kpi);
    node.cgKpi = kpi;
    attr(node, "data-state", known ? kpi.state : kpi.state === "not_reported" ? "not_reported" : "unknown");
    attr(node, "data-id", kpi.id);
    attr(node, "data-zero", known && kpi.value === 0 ? "true" : null);
    text(at.title, kpi.title);
    attr(at.source, "title", kpi.source);
    text(at.value, words);
    text(at.unit, unit);
    attr(node, "data-long", known && words.length + unit.length > 5 ? "true" : null);
    attr(at.figure, "aria-label", `${kpi.title}: ${words} ${unit}. ${t("kpi.opens")}`);
    text(at.caption, kpi.caption);
    drawSpark(at.spark, kpi.spark, known ? kpi.target : null);
    node.classList.toggle("cg-wide", Boolean(kpi.bars?.length || kpi.list?.length || kpi.spark?.length));
    show(at.bars, Boolean(kpi.bars?.length));
    if (kpi.bars?.length) drawBars(at.bars, kpi.bars, (bar) => setFilters({ category: bar.key ?? bar.label }));
    show(at.list, Boolean(kpi.list?.length));
    if (kpi.list?.length)
      keyed(
        at.list,
        kpi.list.slice(0, wall ? LISTED_ON_WALL : LISTED),
        (item) => item.id,
        listRow,
        (row, item) => fillRow(row, item, now()),
      );
    fillSource(node, kpi);
  }

  function fillSource(node, kpi) {
    const { source } = parts(node);
    const seconds = kpi.as_of ? (now() - time(kpi.as_of)) / 1000 : null;
    const since = kpi.stopped_since && t("map.stopped_since", { time: short(kpi.stopped_since) });
    const word = kpi.stopped_since ? `${t("map.stopped")} ${since}` : t("state.stale");
    const stale = kpi.state !== "stale" ? "" : seconds === null || since ? word : `${word}, ${age(seconds)}`;
    text(source, [stale, kpi.source].filter(Boolean).join(" · "));
  }

  /** Where small figures stand two abreast (on the wall), the last of an odd number takes the whole row. */
  function pair() {
    const small = [...body.children].filter((node) => !node.classList.contains("cg-wide"));
    small.forEach((node, i) => {
      node.classList.toggle("cg-second", i % 2 === 1);
      node.classList.toggle("cg-alone", i === small.length - 1 && i % 2 === 0);
    });
  }

  document.fonts.ready.then(() => {
    fitted = "";
    fit();
  });

  /** The wall does not scroll: it says less, step by step, until all figures stand whole. */
  function fit() {
    if (!wall) return;
    const shape = `${shapes().join()} ${host.clientHeight}`;
    if (shape === fitted) return;
    fitted = shape;
    for (const tight of ["0", "few", null, "1", "2", "3"]) {
      attr(body, "data-tight", tight);
      if (body.scrollHeight <= host.clientHeight + 1) break;
    }
  }
  let fitted = "";
  const shapes = () => [...body.children].map((node) => `${node.dataset.id}${node.classList.contains("cg-wide")}${parts(node).list.children.length}`);

  return {
    update(answer) {
      keyed(body, answer.kpis, (kpi) => kpi.id, card, fill);
      pair();
      fit();
    },
    /** Ages move on while nothing arrives. */
    tick() {
      for (const node of body.children) {
        for (const row of parts(node).list.children) fillRow(row, row.cgItem, now());
      }
    },
  };
}
