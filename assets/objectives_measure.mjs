// One measure closely: its way, areas side by side, before and after a date with the checks that belong to it, readings, versions.

import { button, el, text } from "./dom.mjs";
import { dtg, number, time } from "./format.mjs";
import { t } from "./i18n.mjs";
import { DAY_MS, areaField, dayField, day, figure, figureTitle, formOf, historyList, numberField, post, stateMark, timeChart, words } from "./plan_parts.mjs";
import { get, seenAs } from "./state.mjs";

const WEEK_MS = 7 * DAY_MS;
const told = (value) => number(value, { maximumFractionDigits: Math.abs(value) < 100 ? 1 : 0 });

/** Opens the side for a measure. */
export async function measureSide(door, id, edit) {
  const known = get("as_known_at");
  const ask = (more = {}) => {
    const query = new URLSearchParams({ id, ...more, ...(known ? { as_known_at: known } : {}) });
    return door.read(seenAs(`/api/objectives/measure?${query}`));
  };
  const found = await ask();
  const one = found.measure;
  const choices = door.choices();
  door.side.open(
    one.title,
    facts(one, choices),
    way(one, found),
    one.may && choices ? actsOf(one, edit) : null,
    found.areas.length ? areasNode(found, one) : null,
    found.around ? aroundNode(found.around, one, ask, choices) : el("p", "cg-plan-note", t("around.none")),
    one.may && choices ? readingForm(door, one) : null,
    readingsNode(found.readings, one),
    el("h3", "", t("plan.history")),
    historyList(found.history, (name, before, now) => t("plan.changed", { field: t(`plan.field.${name}`), from: say(name, before), to: say(name, now) })),
  );
}

const say = (name, value) => (value === null || value === undefined || value === "" ? t("plan.nothing") : name === "due" || name === "review" ? day(value) : typeof value === "number" ? told(value) : String(value));

function facts(one, choices) {
  const pairs = [
    [t("plan.owner"), one.agency],
    [t("plan.area"), one.area ? `${one.area_name} ${one.area}` : t("plan.everywhere")],
    [t("plan.from"), one.figure ? `${t("objectives.live")}: ${figureTitle(choices, one.figure)}` : t("plan.figure.none")],
    [t("plan.benchmark"), one.benchmark === null ? t("plan.nothing") : `${told(one.benchmark)} ${one.unit} (${one.benchmark_of || t("plan.own")})`],
    [t("objectives.complete"), one.completeness_pct === null ? t("unknown") : `${told(one.completeness_pct)} %`],
  ];
  return el("dl", "cg-plan-facts", ...pairs.flatMap(([name, value]) => [el("dt", "", name), el("dd", "", el("bdi", "", value))]));
}

function way(one) {
  const line = one.baseline === null || !one.baseline_time || !one.target_time ? [] : [{ t: one.baseline_time, value: one.baseline }, { t: one.target_time, value: one.target }];
  const points = one.trend.map(({ t: at, value }) => ({ t: at, value }));
  if (one.origin === "live" && one.as_of) points.push({ t: one.as_of, value: one.actual });
  const levels = one.benchmark === null ? [] : [{ value: one.benchmark }];
  return el(
    "div",
    "cg-plan-way-now",
    el("p", "cg-plan-now", figure(one.actual, one.unit), stateMark(one.state)),
    el("p", "cg-plan-note", one.as_of ? t("objectives.as_of", { time: dtg(one.as_of), from: one.origin === "live" ? t("objectives.live") : one.told_by }) : t("not_reported"), one.expected === null ? "" : ` · ${t("objectives.expected", { value: told(one.expected) })}`),
    timeChart(points, { line, levels, label: t("objectives.chart", { title: one.title }) }),
    el("p", "cg-plan-legend", el("span", "cg-plan-key", t("objectives.key.actual")), el("span", "cg-plan-key cg-plan-key-way", t("objectives.key.way")), levels.length ? el("span", "cg-plan-key cg-plan-key-level", t("plan.benchmark")) : null),
  );
}

function actsOf(one, edit) {
  const change = button("cg-link", t("plan.edit"));
  change.addEventListener("click", () => edit(one));
  return el("p", "cg-plan-acts", change);
}

function areasNode(found, one) {
  const most = Math.max(...found.areas.map((area) => area.value ?? 0), 1e-9);
  const rows = found.areas.toSorted((a, b) => (b.value ?? -1) - (a.value ?? -1)).map((area) => {
    const bar = el("span", "cg-plan-bar", el("i"));
    bar.firstChild.style.inlineSize = `${(100 * Math.max(0, area.value ?? 0)) / most}%`;
    const row = el("li", "", el("span", "", el("bdi", "", area.name)), area.value === null ? el("span", "cg-plan-none", t("not_reported")) : bar, area.value === null ? el("span") : figure(area.value), area.state ? stateMark(area.state) : el("span"));
    return row;
  });
  return el("div", "cg-plan-areas", el("h3", "", t("objectives.by_area")), one.unit === "%" ? null : el("p", "cg-plan-note", t("objectives.by_area.no_target")), el("ol", "", ...rows));
}

function aroundNode(first, one, ask, choices) {
  const area = choices ? areaField(choices, one.area) : null;
  const date = dayField(t("around.date"), "");
  const result = el("div", "cg-plan-around-result");
  result.setAttribute("role", "status");
  const draw = (found) => {
    const begin = time(found.begin);
    const points = found.values.map((value, at) => ({ t: begin + (at + 0.5) * WEEK_MS, value }));
    if (!found.verdict) return result.replaceChildren(timeChart(points, { label: t("around.chart") }), el("p", "cg-plan-note", t("around.ask")));
    const at = begin + found.index * WEEK_MS;
    const span = Math.min(found.index, found.values.length - found.index, 26) * WEEK_MS;
    const means = found.step ? [{ from: at - span, to: at, value: found.step.before }, { from: at, to: at + span, value: found.step.after }] : [];
    result.replaceChildren(timeChart(points, { upright: at, means, label: t("around.chart") }), ...verdict(found));
  };
  const ready = formOf({ ...(area ? { area } : {}), at: date }, t("around.go"), async ({ area: where, at }) => {
    if (!at) throw new Error(t("around.date_needed"));
    const { around } = await ask({ at, ...(where !== undefined ? { area: where } : {}) });
    if (!around) return result.replaceChildren(el("p", "cg-plan-note", t("around.none")));
    draw(around);
  });
  draw(first);
  return el("div", "cg-plan-around", el("h3", "", t("around.title")), ready, result);
}

/** What may be said, by the verdict alone: the words are fixed, and none of them says that one thing made another. */
function verdict(found) {
  const nodes = [];
  const { step } = found;
  if (step)
    nodes.push(
      el(
        "p",
        "cg-plan-step",
        t("around.step", { before: told(step.before), after: told(step.after), difference: `${step.difference > 0 ? "+" : ""}${told(step.difference)}`, low: told(step.low), high: told(step.high) }),
      ),
    );
  const said = el("p", "cg-plan-verdict", t(`around.verdict.${found.verdict}`));
  said.dataset.verdict = found.verdict;
  nodes.push(said);
  for (const [key, tried] of [["dates", found.dates], ["areas", found.areas_tried]])
    nodes.push(el("p", "cg-plan-note", tried.p === null ? t(`around.${key}.few`, { n: tried.tried }) : t(`around.${key}`, { n: tried.tried, p: number(tried.p, { maximumFractionDigits: 2, minimumFractionDigits: 2 }) })));
  nodes.push(el("p", "cg-plan-note", t("around.limits")));
  return nodes;
}

function readingForm(door, one) {
  const fields = {
    value: numberField(`${t("objectives.reading.value")}${one.unit ? ` (${one.unit})` : ""}`, null, { required: true }),
    date: dayField(t("objectives.reading.date"), new Date(door.now()).toISOString(), true),
    source: words(t("objectives.reading.source"), "", { required: true }),
    completeness_pct: numberField(t("objectives.reading.complete"), null),
  };
  const form = formOf(fields, t("plan.save"), async (values) => {
    await post("/api/objectives/reading", { ...values, measure: one.id }, door.signal);
    await door.done();
  });
  return el("details", "cg-plan-reading", el("summary", "", t("objectives.reading.new")), form);
}

function readingsNode(readings, one) {
  if (!readings.length) return el("p", "cg-plan-note", t("objectives.no_readings"));
  const rows = readings.map((each) => el("li", "", el("bdi", "cg-plan-when", day(each.date)), figure(each.value, one.unit), el("span", "", each.completeness_pct === null ? "" : el("bdi", "", `${told(each.completeness_pct)} %`)), el("span", "", text(el("bdi"), each.source), each.by ? el("small", "", each.by) : null)));
  return el("div", "cg-plan-readings", el("h3", "", t("objectives.readings")), el("ol", "", ...rows));
}
