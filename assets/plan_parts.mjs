// What the pages of objectives and risks share: states as shape and word, small charts over time, forms, and one side.

import { choice, field, words } from "./admin_forms.mjs";
import { attr, button, el, show, svg, text } from "./dom.mjs";
import { age, number, time } from "./format.mjs";
import { lang, t } from "./i18n.mjs";

export const DAY_MS = 86_400_000;

/** A state as shape and word: on_track, at_risk, off_track, not_reported. */
export function stateMark(state) {
  const node = el("span", "cg-plan-state", el("i"), el("span", "", t(`plan.state.${state}`)));
  node.dataset.state = state;
  return node;
}

export const figure = (value, unit = "") =>
  value === null || value === undefined
    ? el("span", "cg-plan-none", t("not_reported"))
    : el("span", "cg-plan-figure", el("bdi", "", number(value, { maximumFractionDigits: Math.abs(value) < 100 ? 1 : 0 })), unit ? ` ${unit}` : "");

/** A day as `20 NOV 26`, for dates that are agreed by day. */
export function day(value) {
  const at = new Date(time(value));
  if (Number.isNaN(at.getTime())) return "";
  return new Intl.DateTimeFormat("en-GB", { day: "2-digit", month: "short", year: "2-digit", timeZone: "UTC" }).format(at).toUpperCase();
}

export const inputDay = (value) => (value ? String(value).slice(0, 10) : "");
export const ageOf = (value, now) => age((now() - time(value)) / 1000);

export async function post(path, told, signal) {
  const answer = await fetch(`${path}?lang=${lang()}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(told),
    signal,
  });
  const found = await answer.json().catch(() => null);
  if (!answer.ok) throw new Error(found?.description ?? `HTTP ${answer.status}`);
  return found;
}

const SIZE = { width: 480, height: 150, left: 44, bottom: 20, top: 8, right: 8 };

/**
 * A line over time. `points` are [{t, value}] (value null: a gap). `line` is [{t, value}] of what is agreed, dashed;
 * `levels` are [{value, name}] across; `upright` is a moment marked by a vertical line; `means` are [{from, to, value}].
 */
export function timeChart(points, { line = [], levels = [], upright = null, means = [], label = "" } = {}) {
  const told = [...points, ...line, ...levels.map((one) => ({ ...one, t: points[0]?.t }))].filter((one) => Number.isFinite(one.value));
  const node = svg("svg", { class: "cg-plan-chart", viewBox: `0 0 ${SIZE.width} ${SIZE.height}`, role: "img", "aria-label": label });
  const times = [...points, ...line].map((one) => time(one.t)).filter(Number.isFinite);
  if (!told.length || !times.length) return node;
  const first = Math.min(...times);
  const last = Math.max(...times, first + DAY_MS);
  const least = Math.min(0, ...told.map((one) => one.value));
  const most = Math.max(...told.map((one) => one.value), least + 1e-9);
  const x = (at) => SIZE.left + ((time(at) - first) / (last - first)) * (SIZE.width - SIZE.left - SIZE.right);
  const y = (value) => SIZE.height - SIZE.bottom - ((value - least) / (most - least)) * (SIZE.height - SIZE.bottom - SIZE.top);
  const path = (list) => {
    let d = "";
    let broken = true;
    for (const one of list) {
      if (Number.isFinite(one.value)) d += `${broken ? "M" : "L"}${x(one.t).toFixed(1)} ${y(one.value).toFixed(1)}`;
      broken = !Number.isFinite(one.value);
    }
    return d;
  };
  const words_ = (value, at, anchor, more = {}) => svg("text", { x: at[0], y: at[1], "text-anchor": anchor, ...more }, value);
  node.append(svg("line", { class: "cg-plan-axis", x1: SIZE.left, x2: SIZE.width - SIZE.right, y1: y(least), y2: y(least) }));
  for (const value of [least, most]) node.append(words_(number(value, { maximumFractionDigits: most - least < 10 ? 1 : 0 }), [SIZE.left - 6, y(value) + 4], "end"));
  node.append(words_(day(first), [SIZE.left, SIZE.height - 4], "start"), words_(day(last), [SIZE.width - SIZE.right, SIZE.height - 4], "end"));
  for (const one of levels) node.append(svg("line", { class: "cg-plan-level", x1: SIZE.left, x2: SIZE.width - SIZE.right, y1: y(one.value), y2: y(one.value) }));
  if (line.length) node.append(svg("path", { class: "cg-plan-way", d: path(line) }));
  for (const one of means) node.append(svg("line", { class: "cg-plan-mean", x1: x(one.from), x2: x(one.to), y1: y(one.value), y2: y(one.value) }));
  if (upright !== null) node.append(svg("line", { class: "cg-plan-date", x1: x(upright), x2: x(upright), y1: SIZE.top, y2: SIZE.height - SIZE.bottom }));
  node.append(svg("path", { class: "cg-plan-line", d: path(points) }));
  if (points.length < 40)
    for (const one of points) if (Number.isFinite(one.value)) node.append(svg("circle", { class: "cg-plan-dot", cx: x(one.t), cy: y(one.value), r: 3 }));
  return node;
}

/** The way as a bar that begins at the baseline and ends at the target, whichever is the greater: where it should be by now (upright),
 * how far it is (filled), and where on it the benchmark lies. */
export function wayBar({ baseline, target, expected, actual, benchmark, state }) {
  const from = Number.isFinite(baseline) && baseline !== target ? baseline : 0;
  const share = (value) => (value - from) / (target - from || 1);
  const told = [actual, benchmark].filter(Number.isFinite).map(share);
  const least = Math.max(-0.4, Math.min(0, ...told));
  const most = Math.min(1.6, Math.max(1, ...told));
  const x = (value) => 4 + ((Math.min(most, Math.max(least, share(value))) - least) / (most - least)) * 152;
  const node = svg("svg", { class: "cg-plan-way-bar", viewBox: "0 0 160 22", "aria-hidden": "true", preserveAspectRatio: "none" });
  node.append(svg("line", { class: "cg-plan-track", x1: 4, x2: 156, y1: 11, y2: 11 }));
  if (Number.isFinite(actual)) {
    const ends = [x(from), x(actual)].toSorted((a, b) => a - b);
    node.append(svg("line", { class: "cg-plan-gone", "data-state": state, x1: ends[0], x2: ends[1] + 0.5, y1: 11, y2: 11 }));
  }
  node.append(svg("line", { class: "cg-plan-base", x1: x(from), x2: x(from), y1: 7, y2: 15 }));
  if (Number.isFinite(target)) node.append(svg("line", { class: "cg-plan-target", x1: x(target), x2: x(target), y1: 4, y2: 18 }));
  if (Number.isFinite(benchmark)) node.append(svg("path", { class: "cg-plan-benchmark", d: `M${x(benchmark)} 15l3 6h-6z` }));
  if (Number.isFinite(expected)) node.append(svg("line", { class: "cg-plan-expected", x1: x(expected), x2: x(expected), y1: 2, y2: 20 }));
  return node;
}

/** A side that is opened with a title and nodes, and shut by its own button or from outside. */
export function sideOf(host, label, closed) {
  const side = el("aside", "cg-plan-side");
  side.setAttribute("aria-label", label);
  side.hidden = true;
  let from = null;
  function shut() {
    if (side.hidden) return false;
    side.replaceChildren();
    show(side, false);
    attr(host, "data-side", null);
    closed();
    from?.isConnected && from.focus();
    return true;
  }
  function open(title, ...nodes) {
    const leave = button("cg-link", t("plan.close"));
    leave.addEventListener("click", shut);
    if (side.hidden) from = document.activeElement;
    side.replaceChildren(el("div", "cg-plan-side-head", el("h2", "", el("bdi", "", title)), leave), ...nodes.filter(Boolean));
    show(side, true);
    attr(host, "data-side", "");
    side.scrollTop = 0;
  }
  return { node: side, open, shut };
}

/** A form of {name: field}; `submit(values)` may refuse with a sentence, which is shown and nothing of what was typed is lost. */
export function formOf(fields, label, submit) {
  const error = el("p", "cg-form-error");
  error.setAttribute("role", "alert");
  error.hidden = true;
  const go = button("cg-action", label);
  go.type = "submit";
  const node = el("form", "cg-form cg-plan-form", ...Object.values(fields).map((one) => one.node), error, el("p", "cg-form-feet", go));
  node.noValidate = true;
  node.addEventListener("submit", async (event) => {
    event.preventDefault();
    error.hidden = true;
    go.disabled = true;
    try {
      await submit(Object.fromEntries(Object.entries(fields).map(([name, one]) => [name, one.value()])));
    } catch (problem) {
      error.hidden = false;
      text(error, problem.message);
    } finally {
      go.disabled = false;
    }
  });
  return node;
}

export const dayField = (label, value, required = false) => words(label, inputDay(value), { type: "date", required });
export function numberField(label, value, { note = "", required = false } = {}) {
  const made = words(label, value ?? "", { type: "number", required, note });
  const control = made.node.querySelector("input");
  control.step = "any";
  return { node: made.node, value: () => (control.value === "" ? null : Number(control.value)) };
}

export const agencyField = (choices, value) =>
  choice(t("plan.owner"), [...new Set([...choices.agencies.map((one) => one.name), ...(value ? [value] : [])])], value || choices.own || choices.agencies[0]?.name, (name) => choices.agencies.find((one) => one.name === name)?.title ?? name);

export const areaField = (choices, value, label = t("plan.area")) =>
  choice(label, ["", ...choices.areas.map((one) => one.pcode)], value ?? "", (code) => (code ? areaTitle(choices, code) : t("plan.everywhere")));

export function areaTitle(choices, code) {
  const one = choices.areas.find((each) => each.pcode === code);
  return one ? `${"\u2007\u2007".repeat(Math.max(0, one.level - 1))}${one.name} ${code}` : code;
}

export const figureField = (choices, value) =>
  choice(t("plan.figure"), ["", ...new Set([...choices.figures.map((one) => one.ref), ...(value ? [value] : [])])], value ?? "", (ref) => (ref ? figureTitle(choices, ref) : t("plan.figure.none")));

export const figureTitle = (choices, ref) => choices?.figures.find((one) => one.ref === ref)?.title ?? ref.slice(ref.indexOf(":") + 1);

export const shareField = (value) => choice(t("plan.share"), ["mission", "agency"], value ?? "mission", (name) => t(`plan.share.${name}`));

/** Versions of a record, newest first: when, by whom, and what was then different. */
export function historyList(versions, say) {
  const rows = versions.map((one, at) => {
    const before = versions[at - 1]?.said ?? {};
    const changed = at ? Object.keys(one.said).filter((name) => JSON.stringify(one.said[name]) !== JSON.stringify(before[name])) : [];
    const what = at ? changed.map((name) => say(name, before[name], one.said[name])).filter(Boolean).join(" · ") || t("plan.unchanged") : t("plan.begun");
    return el("li", "", el("bdi", "cg-plan-when", day(one.at)), el("span", "", one.by ? `${one.by}: ` : "", what));
  });
  return el("ol", "cg-plan-history", ...rows.toReversed());
}

export { field, choice, words };
