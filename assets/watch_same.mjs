// Several reports of one event: two side by side, what agrees marked, and a person's judgement, which can be taken back.

import { attr, button, el, show, text } from "./dom.mjs";
import { age, dtg, latlon, number, severityWord } from "./format.mjs";
import { lang, named, t } from "./i18n.mjs";
import { api, get, setView, visit } from "./state.mjs";

const JUDGED = ["open", "linked", "refused"];
const AGREES = 0.75;
/** Row of the comparison -> which reason of the suggestion speaks of it. */
const ROWS = [
  ["title", "words"],
  ["category", "category"],
  ["time", "time"],
  ["place", "distance"],
  ["actors", "actors"],
  ["fatalities", "fatalities"],
  ["injured", ""],
  ["severity", ""],
  ["grade", ""],
  ["description", "words"],
];

export function samePart({ read, act, count }) {
  const filter = el("div", "cg-watch-filter");
  const summary = el("p", "cg-watch-summary");
  const list = el("ol", "cg-same-list");
  const node = el("div", "cg-same", el("div", "cg-watch-bar", summary, filter), el("p", "cg-watch-quiet", t("same.about")), list);
  let found = null;

  for (const name of JUDGED) {
    const choice = button("cg-watch-choice", t(`same.${name}`));
    choice.dataset.judged = name;
    choice.addEventListener("click", () => {
      setView({ judged: name === "open" ? null : name });
      load();
    });
    filter.append(choice);
  }

  async function load() {
    const judged = JUDGED.includes(get("judged")) ? get("judged") : "open";
    for (const choice of filter.children) attr(choice, "aria-pressed", String(choice.dataset.judged === judged));
    found = await read(api("/api/watch/same", { judged, lang: lang() }));
    const repeated = found.reports - found.events;
    text(
      summary,
      repeated
        ? t("same.once", { events: number(found.events), reports: number(found.reports), count: repeated })
        : t("same.reports", { reports: number(found.reports) }),
    );
    if (judged === "open") count("same", found.total);
    list.replaceChildren(...(found.pairs.length ? found.pairs.map(pairNode) : [el("li", "cg-empty", t(`same.none.${judged}`))]));
  }

  function pairNode(pair) {
    const reason = Object.fromEntries(pair.reasons.map((one) => [one.what === "day" ? "time" : one.what, one]));
    const head = el("div", "cg-same-head");
    if (pair.score !== null) head.append(el("b", "cg-same-score", `${Math.round(pair.score * 100)} %`), el("span", "", reasons(pair.reasons)));
    if (pair.verdict && pair.verdict.verdict !== "open") {
      const { by, at, reason: why, verdict } = pair.verdict;
      head.append(el("span", "", [t(`same.was.${verdict}`, { by, time: dtg(at) }), why].filter(Boolean).join(" · ")));
    }
    const [one, other] = pair.reports;
    const table = el("table", "cg-same-table");
    table.append(
      el("thead", "", el("tr", "", el("th"), ...pair.reports.map(whose))),
      el("tbody", "", ...ROWS.map(([name, by]) => rowNode(name, one, other, reason[by])).filter(Boolean)),
    );
    const node = el("li", "cg-same-pair", head, table, doesNode(pair));
    node.dataset.pair = `${one.id} ${other.id}`;
    return node;
  }

  function whose(report) {
    const open = button("cg-link", report.agency || report.source);
    open.addEventListener("click", () => visit({ record: report.id }));
    const head = el("th", "", open, el("small", "", ` ${report.source}`));
    head.scope = "col";
    return head;
  }

  function rowNode(name, one, other, reason) {
    const [a, b] = [value(name, one), value(name, other)];
    if (!a && !b) return null;
    const label = el("th", "", t(`same.field.${name}`));
    label.scope = "row";
    const cells = [a, b].map((words) => Object.assign(el("td", "", words || t("unknown")), { dir: "auto" }));
    const row = el("tr", "", label, ...cells);
    const agrees = Boolean(a && b) && (reason ? reason.score >= AGREES : a === b);
    attr(row, "data-agrees", agrees ? "" : null);
    if (agrees) label.append(el("span", "cg-same-agrees", t("same.agrees")));
    return row;
  }

  function value(name, report) {
    switch (name) {
      case "time":
        return report.event_time ? dtg(report.event_time) : "";
      case "place":
        return [report.place, Number.isFinite(report.lon) ? latlon(report.lon, report.lat) : ""].filter(Boolean).join(" · ");
      case "actors":
        return report.actors.join(" / ");
      case "category":
        return [named(`category.${report.category}`, report.category), report.sub_event_type].filter(Boolean).join(" · ");
      case "severity":
        return severityWord(report.severity);
      default:
        return report[name] === null || report[name] === undefined ? "" : String(report[name]);
    }
  }

  function doesNode(pair) {
    if (!found.may) return null;
    const [one, other] = pair.reports.map(({ id }) => id);
    const why = Object.assign(el("input", "cg-input"), { placeholder: t("same.why"), maxLength: 500 });
    why.setAttribute("aria-label", t("same.why"));
    const does = (verdict) => {
      const made = button("cg-action", t(`same.do.${verdict}`));
      made.dataset.verdict = verdict;
      made.addEventListener("click", () => {
        const told = { one, other, verdict, looked_at: pair.looked_at, reason: why.value };
        return act("/api/watch/link", pair.score === null ? told : { ...told, score: pair.score }, t(`same.done.${verdict}`));
      });
      return made;
    };
    const judged = pair.verdict && pair.verdict.verdict !== "open";
    return el("div", "cg-same-does", ...(judged ? [does("open")] : [does("linked"), does("refused")]), why);
  }

  return { node, load };
}

/** What speaks for it, in words: "1.2 km apart, 40 min apart, same kind". */
function reasons(list) {
  return list
    .filter((one) => one.score >= 0.5)
    .map((one) => {
      if (one.what === "distance") return t("same.reason.distance", { km: number(one.value) });
      if (one.what === "time") return t("same.reason.time", { age: age(one.value * 3600) });
      if (one.what === "day") return one.value ? t("same.reason.near_day", { age: age(one.value * 3600) }) : t("same.reason.day");
      return t(`same.reason.${one.what}`);
    })
    .join(" · ");
}
