// Joint assessments: a text of an area and a time, who signed it, and who does not agree and why.

import { button, el } from "./dom.mjs";
import { dtg } from "./format.mjs";
import { t } from "./i18n.mjs";
import { agencyField, areaField, dayField, day, formOf, post, shareField, words } from "./plan_parts.mjs";

export function assessmentList(list, assessments, door) {
  list.cgWrite = (before = null) => assessmentForm(door, before);
  list.replaceChildren(...(assessments.length ? assessments.map((one) => card(one, door, list)) : [el("p", "cg-empty", t("assessments.none"))]));
}

function card(one, door, list) {
  const agrees = one.signatures.filter((each) => each.position === "agrees");
  const dissents = one.signatures.filter((each) => each.position === "dissents");
  const choices = door.choices();
  const body = el("p", "cg-plan-words", one.description);
  body.dir = "auto";
  const node = el(
    "article",
    "cg-plan-assessment",
    el("header", "", el("h2", "", el("bdi", "", one.title)), el("span", "cg-plan-whose", one.agency)),
    el("p", "cg-plan-note", el("bdi", "", `${one.area_name || one.area} ${one.area}`), " · ", el("bdi", "", day(one.at))),
    body,
    el("p", "cg-plan-signed", agrees.length ? `${t("assessments.agree")} ` : t("assessments.nobody"), ...agrees.flatMap((each) => [signature(each), " "])),
    ...dissents.map(dissent),
  );
  node.dataset.id = one.id;
  const acts = el("p", "cg-plan-acts");
  if (choices?.signs) {
    const mine = one.signatures.find((each) => each.agency === choices.own);
    const agree = button("cg-link", t("assessments.sign", { agency: choices.own }));
    agree.addEventListener("click", () => door.side.open(one.title, ask(one, door, "agrees")));
    const against = button("cg-link", t("assessments.dissent"));
    against.addEventListener("click", () => door.side.open(one.title, ask(one, door, "dissents")));
    acts.append(...(mine?.position === "agrees" && mine.of_this_text ? [] : [agree]), against);
    if (mine && mine.position !== "withdrawn") {
      const back = button("cg-link", t("assessments.withdraw"));
      back.addEventListener("click", () => door.side.open(one.title, ask(one, door, "withdrawn")));
      acts.append(back);
    }
  }
  if (one.may && choices) {
    const change = button("cg-link", t("plan.edit"));
    change.addEventListener("click", () => door.side.open(one.title, list.cgWrite(one)));
    acts.append(change);
  }
  if (acts.childElementCount) node.append(acts);
  return node;
}

function signature(each) {
  const node = el("span", "cg-plan-signature", el("b", "", each.agency), ` ${each.by}`, each.of_this_text ? null : el("small", "", ` ${t("assessments.earlier")}`));
  node.title = dtg(each.at);
  return node;
}

function dissent(each) {
  const said = el("p", "cg-plan-words", each.text);
  said.dir = "auto";
  return el("blockquote", "cg-plan-dissent", el("p", "", t("assessments.dissents"), " ", signature(each)), said);
}

function ask(one, door, position) {
  const body = el("p", "cg-plan-words", one.description);
  body.dir = "auto";
  const fields = { text: words(t(position === "dissents" ? "assessments.why" : "assessments.remark"), "", { long: true, required: position === "dissents" }) };
  const form = formOf(fields, t(`assessments.do.${position}`), async (values) => {
    await post("/api/assessments/sign", { id: one.id, revision: one.revision, position, ...values }, door.signal);
    await door.done();
  });
  return el("div", "", body, form);
}

function assessmentForm(door, before) {
  const choices = door.choices();
  const one = before ?? {};
  const fields = {
    title: words(t("plan.title"), one.title ?? "", { required: true }),
    description: words(t("assessments.text"), one.description ?? "", { long: true, required: true }),
    area: areaField(choices, one.area, t("assessments.area")),
    at: dayField(t("assessments.at"), one.at ?? new Date(door.now()).toISOString(), true),
    agency: agencyField(choices, one.agency),
    share: shareField(one.share),
  };
  return formOf(fields, t("plan.save"), async (values) => {
    await post("/api/assessments/write", before ? { ...values, id: before.id, revision: before.revision } : values, door.signal);
    await door.done();
  });
}
