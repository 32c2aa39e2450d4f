// The rest of the filter sentence: what has no word of its own until it is chosen (source, actor, grade, a drawn place), each
// with a way to take it out, so that no filter ever holds unseen.

import { button, el } from "./dom.mjs";
import { number } from "./format.mjs";
import { t } from "./i18n.mjs";
import { get, setFilters } from "./state.mjs";

const GRADES = ["", "A", "B", "C", "D", "E", "F"];

export function moreWords(host, { draws, sourceTitle, signal }) {

  function chip(name, words) {
    const gone = button("cg-chip", t("filter.without", { words }), "");
    gone.append(el("bdi", "", words), el("i", "", "×"));
    gone.dataset.filter = name;
    gone.addEventListener("click", () => setFilters({ [name]: null }));
    return gone;
  }

  function grade() {
    const choice = el("select", "cg-word-choice");
    choice.id = "word-grade";
    choice.setAttribute("aria-label", t("grade"));
    const held = get("grade").toUpperCase();
    const listed = GRADES.includes(held) ? GRADES : [...GRADES, held];
    choice.append(
      ...listed.map((value) =>
        Object.assign(el("option", "", value ? t("filter.grade.least", { grade: value }) : t("filter.grade.any")), { value }),
      ),
    );
    choice.value = held;
    choice.addEventListener("change", () => setFilters({ grade: choice.value }));
    return choice;
  }

  function place() {
    const [, , km] = get("radius").split(",").map(Number);
    const corners = get("polygon").split(",").length / 2;
    return [
      get("radius") && chip("radius", t("filter.radius", { km: number(km) })),
      get("polygon") && chip("polygon", t("filter.polygon", { n: number(corners) })),
      ...["polygon", "radius"].map((kind) => {
        const node = button("cg-draw", t(`draw.${kind}`), kind === "polygon" ? "⬠" : "◯");
        node.addEventListener("click", () => window.dispatchEvent(new CustomEvent("cg:draw", { detail: { kind } })));
        return draws ? node : null;
      }),
    ].filter(Boolean);
  }

  function update() {
    const list = (name, title = (value) => value) =>
      get(name) ? [el("span", "cg-word", t(`filter.more.${name}`)), chip(name, get(name).split(",").map(title).join(", "))] : [];
    const graded = draws || get("grade") ? [el("span", "cg-word", t("filter.more.grade")), grade()] : [];
    host.replaceChildren(...list("actor"), ...list("source", sourceTitle), ...graded, ...place());
  }

  window.addEventListener("cg:filters", update, { signal });
  update();
  return { update };
}
