// Objectives: what was agreed at the left, one line a measure with where it should be and where it is; the chosen one at the right.

import { attr, button, el, show, text } from "./dom.mjs";
import { dtg, number, time } from "./format.mjs";
import { t } from "./i18n.mjs";
import { assessmentList } from "./assessments.mjs";
import { measureSide } from "./objectives_measure.mjs";
import { objectiveForm, withdrawForm } from "./objectives_forms.mjs";
import { ageOf, day, figure, sideOf, stateMark, wayBar } from "./plan_parts.mjs";
import { drawSpark, sparkLine } from "./spark.mjs";
import { get, seenAs, setView } from "./state.mjs";

const STATES = ["off_track", "at_risk", "not_reported", "on_track"];
const COLUMNS = ["measure", "way", "actual", "trend", "benchmark", "owner", "complete", "age", "state"];
const TABS = ["plan", "assessments"];

export function objectivesPanel(host, { now, signal, read }) {
  const tabs = el("div", "cg-plan-tabs");
  tabs.setAttribute("role", "tablist");
  const sums = el("p", "cg-plan-sums");
  const fresh = button("cg-action", t("objectives.new"));
  const head = el("div", "cg-plan-head", el("h1", "", t("objectives.title")), tabs, sums, fresh);
  const list = el("div", "cg-plan-list");
  const side = sideOf(host, t("objectives.side"), () => setView({ open: null }));
  const main = el("div", "cg-plan-main", head, list);
  host.replaceChildren(main, side.node);
  let doc = null;
  let drawn = "";
  const unfolded = new Set();
  const tab = () => (TABS.includes(get("tab")) ? get("tab") : "plan");

  for (const name of TABS) {
    const one = button("cg-plan-tab", t(`objectives.tab.${name}`));
    one.dataset.tab = name;
    one.setAttribute("role", "tab");
    one.addEventListener("click", () => {
      setView({ tab: name === "plan" ? null : name, open: null });
      side.shut();
      draw();
    });
    tabs.append(one);
  }

  const door = {
    now,
    signal,
    read,
    choices: () => doc.choices,
    side,
    async done() {
      side.shut();
      await load();
    },
    load: () => load(),
  };
  fresh.addEventListener("click", () => (tab() === "plan" ? write("objective") : side.open(t("assessments.new"), list.cgWrite())));

  function write(kind, within = null, before = null) {
    const title = before ? before.title : t(`objectives.new.${kind}`);
    side.open(title, objectiveForm(door, kind, within, before), before ? withdrawForm(door, before) : null);
    side.node.querySelector("input, select, textarea")?.focus();
  }

  async function load() {
    doc = await read(seenAs(`/api/objectives?lang=${document.documentElement.lang}${get("as_known_at") ? `&as_known_at=${encodeURIComponent(get("as_known_at"))}` : ""}`));
    draw();
    if (get("open") && side.node.hidden) openMeasure(get("open"));
  }

  function draw() {
    for (const one of tabs.children) attr(one, "aria-selected", String(one.dataset.tab === tab()));
    const told = JSON.stringify([tab(), doc.objectives, doc.assessments, doc.choices]);
    if (told === drawn) return;
    drawn = told;
    // Ages and where a figure should be by now move on: what is drawn anew keeps the place of whoever is at it.
    const at = document.activeElement?.closest?.(".cg-plan-list [data-id]")?.dataset.id;
    drawAll();
    if (at && !document.activeElement?.closest?.("#cg-objectives")) list.querySelector(`[data-id="${CSS.escape(at)}"]`)?.focus();
  }

  function drawAll() {
    show(fresh, Boolean(doc.choices?.agencies.length));
    text(fresh, t(tab() === "plan" ? "objectives.new" : "assessments.new"));
    show(sums, tab() === "plan");
    if (tab() === "assessments") return assessmentList(list, doc.assessments, door);
    drawSums();
    list.replaceChildren(...(doc.objectives.length ? [columns(), ...doc.objectives.map(objectiveNode)] : [empty()]));
  }

  const columns = () => el("div", "cg-plan-measure cg-plan-columns", ...COLUMNS.map((name) => el("span", `cg-plan-col-${name}`, t(`objectives.col.${name}`))));
  const empty = () => el("p", "cg-empty", t(doc.choices?.agencies.length ? "objectives.none.write" : "objectives.none"));

  function drawSums() {
    const every = doc.objectives.flatMap((one) => one.results.flatMap((result) => result.measures));
    sums.replaceChildren(
      ...STATES.map((state) => {
        const count = every.filter((one) => one.state === state).length;
        const node = el("span", "cg-plan-sum", el("b", "", el("bdi", "", number(count))), " ", stateMark(state));
        attr(node, "data-zero", count ? null : "");
        return node;
      }),
    );
  }

  function objectiveNode(one) {
    const box = el(
      "section",
      "cg-plan-objective",
      el(
        "header",
        "cg-plan-objective-head",
        el("b", "cg-plan-code", one.code),
        el("div", "", el("h2", "", el("bdi", "", one.title)), one.description ? el("p", "cg-plan-note", el("bdi", "", one.description)) : null),
        whose(one),
        timeline(one),
        stateMark(one.state),
      ),
      ...one.results.map((result) => resultNode(result)),
      one.may && doc.choices ? acts([["objectives.new.result", () => write("result", one)], ["plan.edit", () => write("objective", null, one)]]) : null,
    );
    box.dataset.id = one.id;
    return box;
  }

  function acts(told) {
    const node = el("p", "cg-plan-acts");
    for (const [key, run] of told) {
      const one = button("cg-link", t(key));
      one.addEventListener("click", run);
      node.append(one);
    }
    return node;
  }

  function timeline(one) {
    if (!one.starts || !one.ends) return el("span");
    const gone = Math.min(1, Math.max(0, (now() - time(one.starts)) / (time(one.ends) - time(one.starts))));
    const bar = el("span", "cg-plan-time", el("i"));
    bar.firstChild.style.inlineSize = `${gone * 100}%`;
    return el("span", "cg-plan-dates", el("bdi", "", `${day(one.starts)} – ${day(one.ends)}`), bar);
  }

  const whose = (one) =>
    el("span", "cg-plan-whose", one.agency, one.share === "agency" ? el("small", "", t("plan.share.only")) : null);

  function resultNode(one) {
    const late = one.tasks.filter((task) => task.overdue).length;
    const node = el(
      "div",
      "cg-plan-result",
      el("div", "cg-plan-result-head", el("span", "cg-plan-code", one.code), el("h3", "", el("bdi", "", one.title)), whose(one), stateMark(one.state)),
      ...one.measures.map(measureRow),
      one.measures.length ? null : el("p", "cg-plan-note", t("objectives.no_measure")),
      one.tasks.length ? tasksNode(one, late) : null,
      one.may && doc.choices
        ? acts([["objectives.new.measure", () => write("measure", one)], ["objectives.new.task", () => write("task", one)], ["plan.edit", () => write("result", null, one)]])
        : null,
    );
    node.dataset.state = one.state;
    return node;
  }

  function tasksNode(one, late) {
    const node = el("details", "cg-plan-tasks", el("summary", "", t("objectives.tasks", { count: one.tasks.length }), late ? el("b", "cg-plan-late", ` · ${t("objectives.overdue", { count: late })}`) : null));
    node.open = unfolded.has(one.id);
    node.addEventListener("toggle", () => (node.open ? unfolded.add(one.id) : unfolded.delete(one.id)));
    for (const task of one.tasks) {
      const row = el(
        "div",
        "cg-plan-task",
        el("span", "cg-plan-task-state", t(`objectives.task.${task.task_state}`)),
        el("bdi", "", task.title),
        whose(task),
        el("bdi", "cg-plan-when", task.due ? t("objectives.due", { day: day(task.due) }) : ""),
        task.overdue ? el("b", "cg-plan-late", t("plan.overdue")) : el("span"),
        task.may && doc.choices ? acts([["plan.edit", () => write("task", null, task)]]) : el("span"),
      );
      row.dataset.state = task.task_state;
      node.append(row);
    }
    return node;
  }

  function measureRow(one) {
    const spark = sparkLine();
    const row = el("button", "cg-plan-measure");
    row.type = "button";
    row.append(
      el("span", "cg-plan-name", el("bdi", "", one.title), one.area ? el("small", "", one.area_name || one.area) : null),
      el("span", "cg-plan-way-cell", wayBar(one)),
      el("span", "cg-plan-actual", figure(one.actual, one.unit), el("small", "", t("objectives.target", { value: number(one.target, { maximumFractionDigits: 1 }) }))),
      el("span", "cg-plan-spark", spark),
      el("span", "cg-plan-bench", one.benchmark === null ? "" : `${t(one.benchmark_met === null ? "objectives.benchmark" : one.benchmark_met ? "objectives.benchmark.met" : "objectives.benchmark.missed")} `, one.benchmark === null ? null : el("small", "", `${one.benchmark_of} `, el("bdi", "", number(one.benchmark)))),
      el("span", "cg-plan-whose", one.agency),
      el("span", "cg-plan-complete", one.completeness_pct === null ? "–" : el("bdi", "", `${number(one.completeness_pct, { maximumFractionDigits: 0 })} %`)),
      el("span", "cg-plan-age", one.as_of ? el("bdi", "", ageOf(one.as_of, now)) : t("age.never")),
      stateMark(one.state),
    );
    attr(row, "data-stale", one.stale ? "" : null);
    row.dataset.id = one.id;
    drawSpark(spark, one.trend.map(({ value }) => value), one.target);
    row.setAttribute("aria-label", `${one.title}: ${t(`plan.state.${one.state}`)}`);
    row.title = one.as_of ? t("objectives.as_of", { time: dtg(one.as_of), from: one.origin === "live" ? t("objectives.live") : one.told_by }) : t("not_reported");
    row.addEventListener("click", () => openMeasure(one.id));
    return row;
  }

  async function openMeasure(id) {
    setView({ open: id });
    try {
      await measureSide(door, id, (measure) => write("measure", null, measure));
    } catch (error) {
      if (!signal.aborted) side.open(t("objectives.title"), el("p", "cg-empty", error.message));
    }
  }

  return { load, shut: () => side.shut() };
}
