// What could be moved: a proposal to discuss, with who gives, who gets, what holds it down and what stays unmet.

import { button, el } from "./dom.mjs";
import { number } from "./format.mjs";
import { lang, t } from "./i18n.mjs";
import { api, get } from "./state.mjs";

const whole = { maximumFractionDigits: 0 };
const arrow = () => (document.documentElement.dir === "rtl" ? "←" : "→");
const months = (value) => (value === null ? t("unknown") : t("supply.months", { n: number(value, { maximumFractionDigits: 1 }) }));

export function movesPanel(host, { read, open }) {
  let drawn = "";
  let turn = 0;

  async function load() {
    const mine = ++turn;
    if (!get("item")) {
      drawn = "";
      return host.replaceChildren(el("p", "cg-empty", t("supply.moves.choose")));
    }
    const asked = api("/api/supply/moves", { item: get("item") }, ["window", "from", "to"]);
    if (!drawn) host.replaceChildren(el("p", "cg-empty", t("supply.moves.wait")));
    try {
      const answer = await read(asked);
      if (mine !== turn) return null;
      const same = JSON.stringify(answer);
      if (same !== drawn) draw(answer);
      drawn = same;
    } catch (error) {
      if (mine !== turn || error.name === "AbortError") return null;
      drawn = "";
      host.replaceChildren(el("p", "cg-empty", error.message));
    }
    return null;
  }

  function draw(answer) {
    const sheet = el("a", "cg-action", t("supply.moves.sheet"));
    sheet.href = api("/api/supply/moves.xlsx", { item: get("item"), lang: lang() }, ["window", "from", "to"]);
    const head = el(
      "div",
      "cg-supply-proposal",
      el("h2", "", t("supply.moves.title", { item: answer.item_name })),
      el("p", "cg-supply-caution", t("supply.moves.caution")),
      el("p", "", t("supply.moves.terms", { target: answer.target_months, keep: answer.keep_months, sites: number(answer.considered), all: number(answer.sites) })),
      answer.may_export && answer.moves.length ? el("p", "", sheet) : "",
    );
    const lowest = el(
      "dl",
      "cg-supply-facts",
      fact("lowest", `${months(answer.lowest_before)} ${arrow()} ${months(answer.lowest_after)}`),
      fact("unmet", `${number(answer.unmet_before, whole)} ${arrow()} ${number(answer.unmet, whole)} ${answer.unit}`),
      fact("binding", answer.binding === null ? t("supply.not_known") : answer.binding.length ? answer.binding.map((one) => t("supply.binding.with", { what: t(`supply.binding.${one.kind}`), months: months(one.months) })).join(" · ") : answer.reached ? t("supply.binding.target") : t("supply.binding.none")),
      fact("left_out.name", t("supply.moves.left_out", { unknown: number(answer.unknown), held: number(answer.not_released), shut: number(answer.closed_roads), placeless: number(answer.placeless) })),
    );
    const list = el(
      "ol",
      "cg-supply-move-list",
      ...answer.moves.map((move) =>
        el(
          "li",
          "cg-supply-move",
          el("span", "cg-supply-way", place(move.from), el("i", "", "→"), place(move.to)),
          el("b", "", `${number(move.units, whole)} ${answer.unit}`),
          el("span", "", t("supply.moves.lifts", { before: months(move.to.before), after: months(move.to.after) })),
          el("span", "", t("supply.moves.leaves", { before: months(move.from.before), after: months(move.from.after) })),
          el("span", "cg-supply-hours", move.hours ? t(`supply.hours.${move.by}`, { low: number(move.hours[0], whole), high: number(move.hours[1], whole) }) : ""),
          el("span", move.survives === null ? "cg-supply-unsure" : move.survives ? "cg-supply-firm" : "cg-supply-shaky", t(move.survives === null ? "supply.not_known" : move.survives ? "supply.moves.firm" : "supply.moves.shaky")),
        ),
      ),
    );
    const short = el(
      "ol",
      "cg-supply-unmet",
      ...answer.left.map((one) => el("li", "", place(one), el("span", "", months(one.after)), el("b", "", t("supply.moves.short", { n: number(one.unmet, whole), unit: answer.unit })))),
    );
    host.replaceChildren(
      head,
      lowest,
      answer.moves.length ? list : el("p", "cg-empty", t("supply.moves.none")),
      answer.left.length ? el("h3", "", t("supply.moves.unmet")) : "",
      answer.left.length ? short : "",
      el("p", "cg-drawer-note", t("supply.moves.limits")),
    );
  }

  function place(one) {
    const node = button("cg-link", one.name);
    node.dir = "auto";
    node.addEventListener("click", () => open({ id: one.id, site: one.site, item: get("item") }));
    return node;
  }

  const fact = (name, value) => el("div", "", el("dt", "", t(`supply.moves.${name}`)), el("dd", "", value));
  return { load };
}
