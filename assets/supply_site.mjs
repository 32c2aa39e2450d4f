// One site: its items, and of one of them the months behind, what is left if nothing arrives, and the chance of a stock-out.

import { attr, button, el, svg, text } from "./dom.mjs";
import { age, dtg, number, time } from "./format.mjs";
import { t } from "./i18n.mjs";
import { api, get, visit } from "./state.mjs";
import { mark, trackWords } from "./supply.mjs";
import { daysWords, endsWords, percent, shortDay } from "./supply_table.mjs";

const W = 640;
const H = 190;
const FOOT = 18;
const whole = { maximumFractionDigits: 0 };

export function sitePanel(host, { now, read, sourceTitle, shut }) {
  const close = button("cg-close", t("close"), "×");
  close.addEventListener("click", shut);
  const title = el("h2", "");
  title.dir = "auto";
  const head = el("div", "cg-supply-site-head", title, el("span", "cg-brush-gap"), close);
  const body = el("div", "cg-supply-site-body");
  host.setAttribute("aria-label", t("supply.site"));
  host.replaceChildren(head, body);
  let turn = 0;
  let drawn = "";

  async function load() {
    const mine = ++turn;
    const asked = api("/api/supply/site", { id: get("site"), item: get("product") || get("item"), horizon: get("horizon") || "30" }, ["window", "from", "to", "area", "agency", "source"]);
    let answer;
    try {
      answer = await read(asked);
    } catch (error) {
      if (mine !== turn) return;
      drawn = "";
      text(title, "");
      return body.replaceChildren(el("p", "cg-empty", t(error.refused === 404 ? "supply.site.none" : "drawer.failed", { reason: error.message })));
    }
    if (mine !== turn) return;
    const { now: _, ...rest } = answer;
    const same = JSON.stringify(rest);
    if (same === drawn) return;
    drawn = same;
    draw(answer);
  }

  function draw(answer) {
    const row = answer.items.find((one) => one.item === answer.chosen);
    const { site } = answer;
    text(title, site.name);
    const counted = time(row.counted);
    const about = el(
      "p",
      "cg-supply-about",
      [site.area, site.pcode].filter(Boolean).join(" "),
      " · ",
      t("supply.reported", { time: Number.isFinite(counted) ? dtg(counted) : t("unknown"), age: age((now() - counted) / 1000) }),
      ` · ${sourceTitle(row.source)} · ${row.agency} · ${row.grade}`,
    );
    const items = el("ol", "cg-supply-items", ...answer.items.map((one) => itemNode(one, answer.chosen)));
    items.setAttribute("aria-label", t("supply.items"));
    body.replaceChildren(about, items, el("h3", "", row.item_name), facts(row, answer), fan(row, answer, now()), chance(row, answer), coming(row), people(answer), more(row));
    body.scrollTop = 0;
  }

  function more(row) {
    const record = button("cg-action", t("supply.record"));
    record.addEventListener("click", () => visit({ record: row.id }));
    return el("p", "cg-supply-more", record);
  }
  return { load };
}

function itemNode(one, chosen) {
  const node = button("cg-supply-item", "", "");
  node.removeAttribute("aria-label");
  node.append(mark(one.status), el("span", "", one.item_name), el("b", "", daysWords(one)));
  attr(node, "aria-current", one.item === chosen ? "true" : null);
  node.addEventListener("click", () => visit({ product: one.item }));
  return el("li", "", node);
}

function facts(row, answer) {
  const units = (value) => (value === null || value === undefined ? t("unknown") : `${number(value, whole)}${row.unit ? ` ${row.unit}` : ""}`);
  const rows = [
    ["stock", units(row.stock), row.expired ? t("supply.fact.expired", { n: units(row.expired) }) : ""],
    ["amc", row.amc ? units(row.amc) : t("unknown"), row.amc ? t(row.amc_computed ? "supply.fact.computed" : "supply.fact.stated", { told: number(row.months_told), dry: number(row.months_dry) }) : t("supply.fact.no_use")],
    ["days", daysWords(row), ""],
    ["ends", endsWords(row, Date.parse(answer.now)), t("supply.fact.if_nothing")],
    ["reorder", row.reorder_at === null ? t("unknown") : units(row.reorder_at), row.reorder_at !== null && row.stock <= row.reorder_at ? t("supply.fact.below", { lead: number(answer.lead_days), safety: number(answer.safety_days) }) : t("supply.fact.reorder", { lead: number(answer.lead_days), safety: number(answer.safety_days) })],
    ["wasting", row.wasting === null ? t("unknown") : row.wasting > 0.5 ? units(row.wasting) : t("supply.fact.none"), ""],
  ];
  if (answer.minimum)
    rows.push(["minimum", answer.minimum.days_at_minimum === null ? t("unknown") : t("supply.d", { n: number(answer.minimum.days_at_minimum, whole) }), t("supply.fact.minimum", { per: number(answer.minimum.per_person, { maximumSignificantDigits: 3 }), used: answer.minimum.used_per_person === null ? t("unknown") : number(answer.minimum.used_per_person, { maximumSignificantDigits: 3 }) })]);
  return el("dl", "cg-supply-facts", ...rows.map(([name, value, more]) => el("div", "", el("dt", "", t(`supply.fact.${name}.name`)), el("dd", "", el("bdi", "", value), more ? el("small", "", more) : null))));
}

function chance(row, answer) {
  const days = answer.horizon;
  const figure = el("b", "cg-supply-figure", row.chance === null ? "–" : percent(row.chance));
  const why = row.chance !== null ? row.drivers.map((name) => t(`supply.driver.${name}`)).join(" · ") : t(row.status === "stockout" ? "supply.chance.out" : "supply.chance.thin");
  return el(
    "div",
    "cg-supply-chance",
    el("p", "", el("span", "", t("supply.chance", { days })), figure),
    el("p", "cg-supply-drivers", why),
    el("p", "cg-supply-track", trackWords(answer.track, days)),
  );
}

/** Stock at the end of the months behind, then what is left if nothing arrives: the middle and the 80 % range. */
function fan(row, answer, nowMs) {
  const months = answer.past.slice(-12).map((one) => {
    const [year, month] = one.month.split("-").map(Number);
    return { ...one, at: Date.UTC(year, month, 1), from: Date.UTC(year, month - 1, 1) };
  });
  const counted = time(row.counted);
  const gone = answer.fan ? answer.fan.high.findIndex((left) => left <= 0) : -1; // nothing more to tell after that
  const ahead = answer.fan ? answer.fan.days.map((day) => Date.parse(day)).slice(0, gone < 0 ? undefined : Math.max(5, gone + 3)) : [];
  const first = months[0].from;
  const last = ahead.at(-1) ?? nowMs + 30 * 86_400_000;
  const top = Math.max(1, row.stock ?? 0, ...months.map((one) => Math.max(one.stock ?? 0, one.used ?? 0)));
  const x = (at) => ((at - first) / (last - first)) * W;
  const y = (value) => 12 + (1 - value / top) * (H - FOOT - 12);
  const root = svg("svg", { viewBox: `0 0 ${W} ${H}`, class: "cg-supply-fan", role: "img", "aria-label": t("supply.fan", { item: row.item_name }) });
  for (const one of months) {
    const width = Math.max(2, x(one.at) - x(one.from) - 3);
    if (one.used === null) root.append(svg("rect", { x: x(one.from) + 1, y: y(0) - 5, width, height: 5, class: "cg-fan-gap" }, titled(`${one.month}: ${t("supply.fan.gap")}`)));
    else root.append(svg("rect", { x: x(one.from) + 1, y: y(one.used), width, height: Math.max(1, y(0) - y(one.used)), class: one.censored ? "cg-fan-dry" : "cg-fan-used" }, titled(`${one.month}: ${number(one.used, whole)}${one.censored ? ` · ${t("supply.fan.dry")}` : ""}`)));
  }
  const held = months.filter((one) => one.stock !== null);
  for (let at = 1; at < held.length; at += 1)
    root.append(svg("line", { x1: x(held[at - 1].at), y1: y(held[at - 1].stock), x2: x(held[at].at), y2: y(held[at].stock), class: held[at].from > held[at - 1].at ? "cg-fan-stock cg-fan-missing" : "cg-fan-stock" }));
  if (held.length && row.stock !== null) root.append(svg("line", { x1: x(held.at(-1).at), y1: y(held.at(-1).stock), x2: x(counted), y2: y(row.stock), class: "cg-fan-stock" }));
  if (answer.fan) {
    const { low, middle, high } = answer.fan;
    const up = ahead.map((at, n) => `${x(at)},${y(high[n])}`);
    const down = ahead.map((at, n) => `${x(at)},${y(low[n])}`).reverse();
    root.append(svg("polygon", { points: [...up, ...down].join(" "), class: "cg-fan-range" }));
    root.append(svg("polyline", { points: ahead.map((at, n) => `${x(at)},${y(middle[n])}`).join(" "), class: "cg-fan-middle" }));
    const [early, , late] = row.ends.map((value) => (value ? time(value) : null));
    if (early !== null && row.status !== "stockout")
      root.append(svg("rect", { x: x(early), y: y(0) - 2, width: Math.max(3, x(Math.min(late ?? last, last)) - x(early)), height: 5, class: "cg-fan-end" }, titled(endsWords(row, nowMs))));
  }
  root.append(svg("line", { x1: 0, x2: W, y1: y(0), y2: y(0), class: "cg-fan-axis" }));
  root.append(svg("line", { x1: x(counted), x2: x(counted), y1: 6, y2: y(0), class: "cg-fan-now" }));
  const label = (at, words, anchor) => {
    const node = svg("text", { x: at, y: H - 4, "text-anchor": anchor });
    node.textContent = words;
    root.append(node);
  };
  label(0, shortDay(first, nowMs), "start");
  label(Math.min(x(counted), W - 120), `${t("supply.fan.count")} ${shortDay(counted, nowMs)}`, "middle");
  label(W, shortDay(last, nowMs), "end");
  const peak = svg("text", { x: 0, y: 9, "text-anchor": "start" });
  peak.textContent = number(top, whole);
  root.append(peak);
  const legend = el("p", "cg-supply-legend", t("supply.fan.legend"), answer.fan ? "" : ` ${t("supply.fan.none")}`);
  return el("div", "cg-supply-fan-box", root, legend);
}

function titled(words) {
  const node = svg("title");
  node.textContent = words;
  return node;
}

function coming(row) {
  const list = row.coming.map((one) => {
    const node = button("cg-supply-coming-one", "", "");
    node.removeAttribute("aria-label");
    const due = one.due ? dtg(one.due) : t("supply.no_date");
    node.append(el("bdi", "", due), el("b", "", t(one.late ? "supply.late" : one.confirmed ? "supply.confirmed" : "supply.planned")), el("bdi", "", one.quantity === null ? t("unknown") : `${number(one.quantity, whole)} ${one.unit}`));
    node.addEventListener("click", () => visit({ record: one.record }));
    return el("li", "", node);
  });
  const words = row.break ? el("p", "cg-supply-break", t(`supply.break.${row.break}.long`)) : null;
  return el("div", "cg-supply-pipeline", el("h3", "", t("supply.pipeline")), list.length ? el("ol", "", ...list) : el("p", "cg-drawer-note", t("supply.nothing_coming")), words ?? "");
}

function people({ site }) {
  const words = [t("supply.people", { n: site.people === null ? t("unknown") : number(site.people) })];
  if (site.district) words.push(t("supply.in_need", { place: site.district, n: site.in_need === null ? t("unknown") : number(site.in_need) }));
  return el("p", "cg-supply-people", words.join(" · "));
}
