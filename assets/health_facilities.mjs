// Facilities, what wants attention first: closed, partly working, not reported, open; with whom each serves and where they would go.

import { attr, button, el, keyed, part, parts, show, text } from "./dom.mjs";
import { age, number, time } from "./format.mjs";
import { named, t } from "./i18n.mjs";
import { people, unknown } from "./health_parts.mjs";
import { get, visit } from "./state.mjs";

const STATES = ["open", "partly", "closed", "unknown"];

export function facilityPanel({ now }) {
  const states = el("ul", "cg-health-states");
  const told = el("p", "cg-health-told");
  const services = el("ul", "cg-health-services");
  const list = el("div", "cg-health-list");
  const notes = el("p", "cg-health-notes");
  const columns = el(
    "div",
    "cg-health-row cg-health-columns",
    ...["facility", "catchment", "beds", "waiting", "alternate", "assessed"].map((name) => el("span", `cg-h-${name}`, t(`health.col.${name}`))),
  );
  columns.setAttribute("aria-hidden", "true");
  const empty = el("p", "cg-empty", t("health.no_facilities"));
  const host = el("div", "cg-health-panel", states, told, services, columns, list, empty, notes);

  function make() {
    const node = button("cg-health-row cg-health-item", "", "");
    node.removeAttribute("aria-label");
    node.append(
      el("span", "cg-h-facility", part("mark", "i", "cg-func"), el("span", "", part("title", "b"), part("more", "small"))),
      el("span", "cg-h-catchment", part("people", "b"), part("stated", "small")),
      el("span", "cg-h-beds", part("beds", "b")),
      el("span", "cg-h-waiting", part("waits", "b")),
      el("span", "cg-h-alternate", part("other", "b"), part("band", "small")),
      el("span", "cg-h-assessed", part("age", "b")),
    );
    node.addEventListener("click", () => visit({ record: node.cgOne.id, kpi: null }));
    return node;
  }

  function fill(node, one) {
    const at = parts(node);
    node.cgOne = one;
    attr(node, "data-state", one.functionality);
    attr(node, "aria-current", get("record") === one.id ? "true" : null);
    attr(at.mark, "data-state", one.functionality);
    text(at.title, one.title);
    text(at.more, [t(`functionality.${one.functionality}`), one.type, one.area].filter(Boolean).join(" · "));
    unknown(at.people, one.catchment === null ? null : people(one.catchment), t(one.on_road ? "health.not_working" : "health.no_road"));
    text(at.stated, one.stated_people === null ? "" : t("health.stated", { n: people(one.stated_people) }));
    unknown(at.beds, one.beds === null ? null : number(one.beds), t("not_reported"));
    unknown(at.waits, one.waiting_min !== null ? waiting(one.waiting_min) : one.functionality === "closed" ? "" : null, t("not_reported"));
    const other = one.alternate;
    unknown(at.other, other && (other.title ?? t("band.none")), t("health.no_road"));
    text(at.band, other?.title ? t("health.away", { band: t(`band.${other.band}`) }) : "");
    fillAge(node);
  }

  function fillAge(node) {
    const at = time(node.cgOne.assessed);
    const seconds = (now() - at) / 1000;
    unknown(parts(node).age, Number.isFinite(at) ? age(seconds) : null, t("unknown"));
    attr(parts(node).age, "data-old", seconds > 60 * 86_400);
  }

  return {
    host,
    update({ facilities, summary }) {
      keyed(
        states,
        STATES,
        (state) => state,
        (state) => {
          const mark = el("i", "cg-func");
          mark.dataset.state = state;
          return el("li", "", mark, part("count", "b"), part("word", "span"));
        },
        (node, state) => {
          text(parts(node).count, number(summary.states[state]));
          text(parts(node).word, t(`functionality.${state}`));
          attr(node, "data-none", summary.states[state] === 0);
        },
      );
      const lines = [
        summary.beds === null ? t("health.beds_unknown") : t("health.beds", { n: number(summary.beds), m: number(summary.beds_unknown) }),
        summary.waiting_median_min === null
          ? t("health.waiting_unknown")
          : t("health.waiting", { wait: waiting(summary.waiting_median_min), n: number(summary.waiting_told) }),
      ];
      text(told, lines.join(" "));
      keyed(
        services,
        summary.services,
        ({ name }) => name,
        () =>
          el("li", "", part("name", "span"), el("span", "cg-service-bar", ...["open", "partly", "closed", "unknown"].map((state) => part(state, "i"))), part("count", "small")),
        (node, one) => {
          const at = parts(node);
          text(at.name, named(`service.${one.name}`, one.name));
          const all = one.open + one.partly + one.closed + one.unknown;
          for (const state of STATES) {
            at[state].style.flexGrow = one[state];
            attr(at[state], "data-state", state);
          }
          text(at.count, t("health.service", { n: number(one.open), all: number(all) }));
          attr(node, "title", STATES.map((state) => `${t(`functionality.${state}`)}: ${one[state]}`).join("\n"));
        },
      );
      show(services, summary.services.length > 0);
      show(empty, facilities.length === 0);
      show(columns, facilities.length > 0);
      keyed(list, facilities, ({ id }) => id, make, fill);
      text(
        notes,
        [
          t("health.note.catchment"),
          summary.silent ? t("health.note.silent", { n: number(summary.silent) }) : "",
          summary.assumed ? t("health.note.assumed") : "",
          summary.unlocated ? t("health.note.unlocated", { n: number(summary.unlocated) }) : "",
          summary.shown < summary.total ? t("health.note.shown", { shown: number(summary.shown), total: number(summary.total) }) : "",
        ]
          .filter(Boolean)
          .join(" "),
      );
    },
    tick() {
      for (const node of list.children) fillAge(node);
    },
  };
}

/** To a quarter of an hour: what a list says of waiting is no more exact. */
const waiting = (minutes) =>
  minutes < 90 ? t("health.min", { n: number(Math.max(5, Math.round(minutes / 5) * 5)) }) : t("health.h", { n: number(Math.round(minutes / 30) / 2) });
