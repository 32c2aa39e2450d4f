// The forms of a plan: an objective, a result, a task, a measure; and taking one back with a reason.

import { el } from "./dom.mjs";
import { t } from "./i18n.mjs";
import { agencyField, areaField, choice, dayField, figureField, formOf, numberField, post, shareField, words } from "./plan_parts.mjs";

const FIELDS = {
  objective: (choices, one) => ({
    code: words(t("plan.code"), one.code ?? ""),
    starts: dayField(t("plan.starts"), one.starts),
    ends: dayField(t("plan.ends"), one.ends),
    share: shareField(one.share),
  }),
  result: (choices, one) => ({ code: words(t("plan.code"), one.code ?? ""), share: shareField(one.share) }),
  task: (choices, one) => ({
    state: choice(t("objectives.task_state"), ["planned", "underway", "done", "stopped"], one.task_state ?? "planned", (name) => t(`objectives.task.${name}`)),
    starts: dayField(t("plan.starts"), one.starts),
    due: dayField(t("plan.due"), one.due, true),
    share: shareField(one.share),
  }),
  measure: (choices, one) => ({
    figure: figureField(choices, one.figure),
    unit: words(t("plan.unit"), one.unit ?? ""),
    area: areaField(choices, one.area),
    baseline: numberField(t("plan.baseline"), one.baseline),
    baseline_time: dayField(t("plan.baseline_time"), one.baseline_time),
    target: numberField(t("plan.target"), one.target, { required: true }),
    target_time: dayField(t("plan.target_time"), one.target_time),
    better: choice(t("plan.better"), ["up", "down"], one.better ?? "up", (name) => t(`plan.better.${name}`), t("plan.better.note")),
    benchmark: numberField(t("plan.benchmark"), one.benchmark),
    benchmark_of: words(t("plan.benchmark_of"), one.benchmark_of ?? ""),
    cadence_days: numberField(t("plan.cadence"), one.cadence_days, { note: t("plan.cadence.note") }),
    share: shareField(one.share),
  }),
};
const WITHIN = { result: "objective", task: "result", measure: "result" };

/** `within` is what a new part is part of, `before` what is changed. */
export function objectiveForm(door, kind, within, before) {
  const one = before ?? {};
  const choices = door.choices();
  const fields = {
    title: words(t("plan.title"), one.title ?? "", { required: true }),
    description: words(t("plan.description"), one.description ?? "", { long: true }),
    agency: agencyField(choices, one.agency ?? within?.agency),
    ...FIELDS[kind](choices, one),
  };
  return formOf(fields, t("plan.save"), async (values) => {
    const told = { ...values, kind };
    if (before) Object.assign(told, { id: before.id, revision: before.revision });
    else if (within) told[WITHIN[kind]] = within.id;
    await post("/api/objectives/save", told, door.signal);
    await door.done();
  });
}

export function withdrawForm(door, one) {
  const fields = { reason: words(t("plan.withdraw.why"), "", { required: true }) };
  const form = formOf(fields, t("plan.withdraw"), async ({ reason }) => {
    await post("/api/objectives/withdraw", { id: one.id, revision: one.revision, reason }, door.signal);
    await door.done();
  });
  return el("details", "cg-plan-withdraw", el("summary", "", t("plan.withdraw")), form);
}
