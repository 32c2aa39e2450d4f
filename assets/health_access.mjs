// Access: people by how far they are, closures as reported and as tried, who loses access by the latter, and what runs dry first.

import { attr, button, el, keyed, part, parts, show, text } from "./dom.mjs";
import { age, dtg, number, time } from "./format.mjs";
import { t } from "./i18n.mjs";
import { people } from "./health_parts.mjs";
import { setFilters, visit } from "./state.mjs";
import { closeRoad } from "./ways.mjs";

export function accessPanel({ now }) {
  const goal = el("select", "cg-word-choice");
  goal.id = "access-goal";
  goal.setAttribute("aria-label", t("access.goal"));
  goal.addEventListener("change", () => setFilters({ goal: goal.value === "care" ? null : goal.value }));
  const road = el("select", "cg-word-choice");
  road.id = "access-road";
  road.setAttribute("aria-label", t("access.choose_road"));
  road.addEventListener("change", () => road.value && closeRoad(road.value, true));
  const about = el("p", "cg-health-told");
  const lost = el("section", "cg-lost");
  lost.setAttribute("role", "status");
  const head = el("b", "cg-lost-head");
  const slower = el("p");
  const areas = el("ol", "cg-lost-areas");
  const cut = el("p", "cg-lost-sites");
  lost.append(head, slower, areas, cut);
  const bands = el("ol", "cg-bands");
  const bandHead = el("div", "cg-bands-head", el("span", "", t("access.quick")), el("span", "", t("access.slow")));
  bandHead.setAttribute("aria-hidden", "true");
  const closures = el("ol", "cg-closures");
  const open = el("p", "cg-empty", t("access.none_closed"));
  const dry = el("ol", "cg-dry");
  const dryNote = el("p", "cg-health-told");
  const notes = el("p", "cg-health-notes");
  const section = (title, ...children) => el("section", "cg-access-part", el("h2", "", title), ...children);
  const host = el(
    "div",
    "cg-health-panel cg-access",
    el("div", "cg-access-ask", el("span", "cg-word", t("access.to")), goal, el("span", "cg-word", t("access.if_closed")), road),
    lost,
    section(t("access.people"), about, bandHead, bands),
    section(t("access.closures"), open, closures),
    section(t("access.dry"), dryNote, dry),
    notes,
  );

  function bandRow({ key }) {
    const swatch = el("i", "cg-swatch-box");
    swatch.dataset.draw = "ways";
    swatch.dataset.key = key;
    const bar = (name) => el("span", "cg-band-bar", part(`${name}_bar`, "i"));
    return el("li", "", swatch, el("span", "cg-band-name", t(`band.${key}`)), part("quick", "b"), bar("quick"), part("slow", "b"), bar("slow"));
  }

  function fillBands({ total, bands: told }) {
    keyed(bands, told, ({ key }) => key, bandRow, (node, one) => {
      const at = parts(node);
      for (const name of ["quick", "slow"]) {
        text(at[name], one[name] ? people(one[name]) : "0");
        at[`${name}_bar`].style.width = `${total ? (100 * one[name]) / total : 0}%`;
        attr(at[name], "data-zero", one[name] === 0);
      }
    });
  }

  function closureRow(one) {
    const name = button("cg-closure-name", "", "");
    name.removeAttribute("aria-label");
    name.addEventListener("click", () => visit({ record: one.id, kpi: null }));
    name.append(part("title", "b"), part("more", "small"));
    const act = button("cg-link", t("access.reopen"));
    act.dataset.part = "act";
    act.addEventListener("click", () => closeRoad(one.id, false));
    return el("li", "", part("mark", "i", "cg-shut"), name, part("age", "span", "cg-age"), act);
  }

  function fillClosure(node, one) {
    const at = parts(node);
    node.cgOne = one;
    attr(node, "data-tried", one.tried);
    attr(at.mark, "data-tried", one.tried);
    text(at.title, one.title);
    text(at.more, [t(one.tried ? "access.tried" : "access.reported"), one.tried ? t(`access.status.${one.status}`) : one.reason, one.area, one.closes ? "" : t("access.no_road_here")].filter(Boolean).join(" · "));
    show(at.act, one.tried);
    ageOf(node);
  }

  function ageOf(node) {
    const at = time(node.cgOne.observed);
    text(parts(node).age, Number.isFinite(at) ? age((now() - at) / 1000) : t("unknown"));
  }

  function fillLost(told, cutSites, anyTried) {
    show(lost, anyTried);
    attr(lost, "data-none", told.people === 0);
    text(head, told.people ? t("access.lose", { n: people(told.people) }) : t("access.nobody_loses"));
    show(text(slower, told.slower ? t("access.slower", { n: people(told.slower) }) : ""), told.slower > 0);
    keyed(areas, told.areas, ({ pcode }) => pcode, () => el("li", "", part("name", "span"), part("n", "b")), (node, one) => {
      text(parts(node).name, `${one.name} ${one.pcode}`);
      text(parts(node).n, people(one.people));
    });
    show(text(cut, cutSites.length ? t("access.cut_sites", { names: cutSites.map(({ title }) => title).join(", ") }) : ""), cutSites.length > 0);
  }

  function fillDry(told) {
    text(dryNote, told.cut_off ? t("access.cut_off", { count: told.cut_off, hubs: number(told.hubs), unknown: number(told.unknown) }) : t("access.none_cut"));
    keyed(
      dry,
      told.sites,
      ({ id }) => id,
      (one) => {
        const node = button("cg-dry-site", "", "");
        node.removeAttribute("aria-label");
        node.append(part("title", "b"), part("more", "small"));
        node.addEventListener("click", () => visit({ record: one.id, kpi: null }));
        return el("li", "", node, part("days", "b", "cg-dry-days"), part("age", "span", "cg-age"));
      },
      (node, one) => {
        const at = parts(node);
        node.cgOne = { observed: one.counted };
        attr(node, "data-class", one.status);
        text(at.title, one.title);
        text(at.more, [one.item, one.area, one.tried ? t("access.by_this") : ""].filter(Boolean).join(" · "));
        text(at.days, one.status === "stockout" ? t("access.out") : one.status === "not_reported" ? t("not_reported") : t("access.days", { count: Math.round(one.days), n: number(Math.round(one.days)) }));
        ageOf(node);
      },
    );
  }

  return {
    host,
    update(told) {
      const options = told.goals.map((name) => Object.assign(el("option", "", t(`goal.${name}`)), { value: name }));
      if (!goal.childElementCount) goal.replaceChildren(...options);
      goal.value = told.goal;
      const anyTried = told.closures.some((one) => one.tried);
      keyed(road, [{ id: "", title: t("access.choose_road") }, ...told.choices], ({ id }) => id, () => el("option"), (node, one) => {
        node.value = one.id;
        text(node, one.title);
      });
      road.value = "";
      text(
        about,
        [
          t("access.targets", { open: number(told.targets.open), placed: number(told.targets.placed) }),
          told.people.as_of ? t("access.population", { day: dtg(told.people.as_of).slice(-6) }) : "",
        ]
          .filter(Boolean)
          .join(" "),
      );
      fillBands(told.people);
      fillLost(told.lost, told.cut_sites, anyTried);
      keyed(closures, told.closures, ({ id }) => id, closureRow, fillClosure);
      show(open, told.closures.length === 0);
      fillDry(told.dry);
      const speeds = Object.entries(told.speeds)
        .map(([name, [quick, slow]]) => `${t(`road.${name}`)} ${quick}/${slow}`)
        .join(", ");
      text(notes, t("access.notes", { speeds, km: number(told.roads.km), unknown: number(told.roads.unknown) }));
    },
    tick() {
      for (const node of [...closures.children, ...dry.children]) ageOf(node);
    },
  };
}
