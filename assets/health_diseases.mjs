// Diseases by area in the newest week: cases beside how many of the sites reported, the threshold, and what its own past would expect.

import { attr, button, el, keyed, part, parts, show, text } from "./dom.mjs";
import { age, number, time, zulu } from "./format.mjs";
import { t } from "./i18n.mjs";
import { unknown, weeksLine } from "./health_parts.mjs";
import { get, setFilters, setView } from "./state.mjs";

const COLUMNS = ["area", "cases", "complete", "rate", "threshold", "expected", "weeks"];

export function diseasePanel({ now, sourceTitle }) {
  const chips = el("div", "cg-health-diseases");
  chips.setAttribute("role", "group");
  chips.setAttribute("aria-label", t("health.diseases"));
  const chance = el("p", "cg-health-chance");
  const about = el("p", "cg-health-told");
  const columns = el("div", "cg-disease-row cg-health-columns", ...COLUMNS.map((name) => el("span", `cg-d-${name}`, t(`health.col.${name}`))));
  columns.setAttribute("aria-hidden", "true");
  const list = el("div", "cg-health-list");
  const empty = el("p", "cg-empty", t("health.no_diseases"));
  const notes = el("p", "cg-health-notes", t("health.note.diseases"));
  const host = el("div", "cg-health-panel", chance, chips, about, columns, list, empty, notes);
  let found = { diseases: [] };

  const flags = ({ areas }) => areas.filter((one) => one.surge || one.over).length;
  const weight = ({ areas }) => areas.reduce((sum, one) => sum + (one.surge ? 1000 : one.over ? 1 : 0), 0);
  const chosen = () => found.diseases.find(({ disease }) => disease === get("disease")) ?? found.diseases.toSorted((a, b) => weight(b) - weight(a))[0];

  function make() {
    const node = button("cg-disease-row cg-health-item", "", "");
    node.removeAttribute("aria-label");
    node.append(
      el("span", "cg-d-area", part("name", "b"), part("flag", "small", "cg-flag")),
      el("span", "cg-d-cases", part("cases", "b")),
      el("span", "cg-d-complete", part("complete", "b"), el("span", "cg-complete", part("share", "i"))),
      el("span", "cg-d-rate", part("rate", "b")),
      el("span", "cg-d-threshold", part("threshold", "b")),
      el("span", "cg-d-expected", part("expected", "b"), part("upper", "small")),
      part("weeks", "span", "cg-d-weeks"),
    );
    node.addEventListener("click", () => setFilters({ area: node.cgCode === get("area") ? null : node.cgCode }));
    return node;
  }

  function fill(node, one) {
    const at = parts(node);
    node.cgCode = one.pcode;
    attr(node, "data-flag", one.surge ? "surge" : one.over ? "over" : one.cases === null ? "silent" : null);
    text(at.name, one.name);
    text(at.flag, [one.surge && t("health.surge"), one.over && t("health.over")].filter(Boolean).join(" · "));
    unknown(at.cases, one.cases === null ? null : number(one.cases), t("not_reported"));
    unknown(at.complete, one.completeness_pct === null ? null : t("health.pct", { n: number(one.completeness_pct) }), t("unknown"));
    at.share.style.width = `${Math.min(100, one.completeness_pct ?? 0)}%`;
    attr(at.complete, "data-low", one.completeness_pct !== null && one.completeness_pct < 60);
    unknown(at.rate, one.per_10k === null ? null : number(one.per_10k, { maximumFractionDigits: 1 }), t("unknown"));
    unknown(at.threshold, one.threshold === null ? null : number(one.threshold), t("unknown"));
    unknown(at.expected, one.expected === null ? null : number(one.expected, { maximumFractionDigits: 1 }), t("health.untested"));
    text(at.upper, one.upper === null ? "" : t("health.upper", { n: number(one.upper) }));
    const told = JSON.stringify(one.weeks);
    if (node.cgWeeks !== told) {
      node.cgWeeks = told;
      at.weeks.replaceChildren(weeksLine(one.weeks, one.threshold));
    }
    const weeks = one.weeks.map((value) => (value === null ? t("not_reported") : number(value))).join(", ");
    attr(at.weeks, "title", t("health.weeks_told", { weeks }));
  }

  function draw() {
    const shown = chosen();
    keyed(
      chips,
      found.diseases,
      ({ disease }) => disease,
      ({ disease }) => {
        const node = button("cg-disease", "", "");
        node.removeAttribute("aria-label");
        node.append(part("name", "span"), part("flags", "b"));
        node.addEventListener("click", () => setView({ disease }));
        return node;
      },
      (node, one) => {
        text(parts(node).name, one.disease);
        show(text(parts(node).flags, flags(one) ? number(flags(one)) : ""), flags(one) > 0);
        attr(node, "aria-pressed", one === shown);
        attr(node, "title", flags(one) ? t("health.flagged", { count: flags(one) }) : null);
      },
    );
    show(empty, !shown);
    show(columns, Boolean(shown));
    show(chance, Boolean(shown));
    keyed(list, shown?.areas ?? [], ({ pcode }) => pcode, make, fill);
    if (!shown) return text(about, "");
    const { tested, alarms, false_alarms: expected, method } = found.tests;
    text(chance, t("health.chance", { tested: number(tested), alarms: number(alarms), expected: number(expected, { maximumFractionDigits: 1 }), method }));
    return text(
      about,
      [
        t("health.week", { day: zulu(time(shown.week)).date, age: age((now() - time(shown.until)) / 1000) }),
        shown.sources.map(sourceTitle).join(", "),
        t(shown.single ? "health.rule.single" : "health.rule.double"),
      ].join(" · "),
    );
  }

  return {
    host,
    update(next) {
      found = next;
      draw();
    },
    tick() {
      draw();
    },
  };
}
