// Risks: the matrix of likelihood and impact, the register as a list, and where they are on the map; the chosen one at the right.

import { Marker } from "./vendor/maplibre-gl/maplibre-gl.mjs";
import { attr, button, el, show } from "./dom.mjs";
import { dtg, number } from "./format.mjs";
import { named, t } from "./i18n.mjs";
import { agencyField, ageOf, areaField, choice, day, dayField, figureField, figureTitle, formOf, historyList, numberField, post, shareField, sideOf, words } from "./plan_parts.mjs";
import { get, seenAs, setView } from "./state.mjs";

const SCALE = [1, 2, 3, 4, 5];

export function risksPanel(host, { now, signal, read }) {
  const matrix = el("div", "cg-risk-matrix");
  const fresh = button("cg-action", t("risks.new"));
  const sums = el("p", "cg-plan-sums");
  const list = el("div", "cg-risk-list");
  const chosen = el("p", "cg-risk-chosen");
  const head = el("div", "cg-plan-head", el("h1", "", t("risks.title")), sums, fresh);
  const side = sideOf(host, t("risks.side"), () => setView({ open: null }));
  host.replaceChildren(el("div", "cg-plan-main", head, matrix, chosen, list), side.node);
  let doc = null;
  let drawn = "";
  let map = null;
  let markers = [];
  let only = null; // ids of what a cell of the matrix or a place on the map holds
  fresh.addEventListener("click", () => side.open(t("risks.new"), riskForm(null)));

  async function load() {
    const known = get("as_known_at");
    doc = await read(seenAs(`/api/risks?lang=${document.documentElement.lang}${known ? `&as_known_at=${encodeURIComponent(known)}` : ""}`));
    draw();
    if (get("open") && side.node.hidden) {
      const one = doc.risks.find(({ id }) => id === get("open"));
      if (one) await openRisk(one);
    }
  }

  function draw() {
    const told = JSON.stringify([doc.risks, doc.choices, only]);
    if (told === drawn) return;
    drawn = told;
    show(fresh, Boolean(doc.choices?.agencies.length));
    const open = doc.risks.filter((one) => one.state === "open");
    const raised = open.filter((one) => one.raised);
    const late = open.filter((one) => one.overdue);
    sums.replaceChildren(
      el("span", "cg-plan-sum", t("risks.open", { count: open.length })),
      el("span", raised.length ? "cg-plan-sum cg-risk-up" : "cg-plan-sum", t("risks.raised", { count: raised.length })),
      el("span", late.length ? "cg-plan-sum cg-plan-late" : "cg-plan-sum", t("risks.late", { count: late.length })),
    );
    drawMatrix(open);
    const shown = only ? doc.risks.filter(({ id }) => only.ids.includes(id)) : doc.risks;
    const all = button("cg-link", t("risks.all"));
    all.addEventListener("click", () => choose(null));
    chosen.replaceChildren(...(only ? [el("span", "", only.title), " ", all] : []));
    show(chosen, Boolean(only));
    const at = document.activeElement?.closest?.(".cg-risk-list [data-id]")?.dataset.id;
    list.replaceChildren(...(shown.length ? [columns(), ...shown.map(row)] : [el("p", "cg-empty", t("risks.none"))]));
    if (at) list.querySelector(`[data-id="${CSS.escape(at)}"]`)?.focus(); // drawn anew it keeps the place of whoever is at it
    drawMarkers(open);
  }

  function choose(what) {
    only = what;
    draw();
  }

  function drawMatrix(open) {
    const cells = [el("span", "cg-risk-axis cg-risk-axis-y", t("risks.likelihood"))];
    for (const likelihood of SCALE.toReversed()) {
      cells.push(el("span", "cg-risk-word", t(`risks.likelihood.${likelihood}`)));
      for (const impact of SCALE) {
        const here = open.filter((one) => one.likelihood === likelihood && one.impact === impact);
        const title = `${t(`risks.likelihood.${likelihood}`)}, ${t(`risks.impact.${impact}`)}`;
        const cell = button("cg-risk-cell", `${title}: ${number(here.length)}`, "");
        cell.dataset.band = bandOf(likelihood * impact);
        cell.disabled = !here.length;
        for (const one of here) {
          const chip = el("span", "cg-risk-chip", one.code || "•");
          attr(chip, "data-raised", one.raised ? "" : null);
          cell.append(chip);
        }
        attr(cell, "data-chosen", only?.title === title ? "" : null);
        cell.addEventListener("click", () => choose(only?.title === title ? null : { title, ids: here.map(({ id }) => id) }));
        cells.push(cell);
      }
    }
    cells.push(el("span", "cg-risk-corner"), ...SCALE.map((impact) => el("span", "cg-risk-word cg-risk-word-x", t(`risks.impact.${impact}`))), el("span", "cg-risk-axis cg-risk-axis-x", t("risks.impact")));
    matrix.replaceChildren(...cells);
  }

  const bandOf = (rating) => (rating >= 15 ? "critical" : rating >= 9 ? "high" : rating >= 4 ? "medium" : "low");

  function band(one) {
    const node = el("span", "cg-risk-band", el("b", "", el("bdi", "", one.rating || "?")), " ", t(`risks.band.${one.band}`));
    node.dataset.band = one.band;
    return node;
  }

  function columns() {
    return el("div", "cg-risk-row cg-risk-columns", ...["rating", "risk", "owner", "trigger", "review"].map((name) => el("span", "", t(`risks.col.${name}`))));
  }

  function row(one) {
    const node = el("button", "cg-risk-row");
    node.type = "button";
    node.dataset.id = one.id;
    attr(node, "data-state", one.state);
    attr(node, "data-raised", one.raised ? "" : null);
    node.append(
      band(one),
      el("span", "cg-risk-what", el("b", "", one.code ? `${one.code} ` : "", el("bdi", "", one.title)), el("small", "", [one.category, one.area ? one.area_name || one.area : t("plan.everywhere"), one.share === "agency" ? t("plan.share.only") : "", one.state === "closed" ? t("risks.closed") : ""].filter(Boolean).join(" · "))),
      el("span", "cg-plan-whose", one.agency),
      triggerNode(one),
      reviewNode(one),
    );
    node.addEventListener("click", () => openRisk(one).catch((error) => side.open(one.title, el("p", "cg-empty", error.message))));
    return node;
  }

  function reviewNode(one) {
    const node = el("span", "cg-risk-review", el("bdi", "", one.review ? day(one.review) : t("plan.nothing")));
    if (one.overdue) node.append(el("b", "cg-plan-late", ` ${t("plan.overdue")}`));
    return node;
  }

  const rule = (one) => t(`risks.rule.${one.trigger.comparison}`, { figure: figureTitle(doc.choices, one.trigger.figure), threshold: number(one.trigger.threshold) });

  function triggerNode(one) {
    if (one.raised)
      return el("span", "cg-risk-trigger cg-risk-up", el("b", "", t("risks.raised.since", { time: dtg(one.raised.since) })), el("small", "", one.raised.answered ? t("risks.answered") : t("risks.lies", { who: one.raised.who, value: number(one.raised.value, { maximumFractionDigits: 1 }) })));
    if (!one.trigger) return el("span", "cg-risk-trigger cg-plan-none-plain", t("risks.no_trigger"));
    const value = one.trigger.value === null ? t("not_reported") : number(one.trigger.value, { maximumFractionDigits: 1 });
    return el("span", "cg-risk-trigger", el("span", "", rule(one)), el("small", "", t("risks.now", { value })));
  }

  async function openRisk(one) {
    setView({ open: one.id });
    const known = get("as_known_at");
    const found = await read(seenAs(`/api/risks/one?id=${one.id}${known ? `&as_known_at=${encodeURIComponent(known)}` : ""}`));
    const facts = [
      [t("plan.owner"), one.agency],
      [t("plan.area"), one.area ? `${one.area_name} ${one.area}` : t("plan.everywhere")],
      [t("risks.likelihood"), t(`risks.likelihood.${one.likelihood || 0}`)],
      [t("risks.impact"), t(`risks.impact.${one.impact || 0}`)],
      [t("risks.review"), one.review ? `${day(one.review)}${one.overdue ? ` · ${t("plan.overdue")}` : ""}` : t("plan.nothing")],
      [t("risks.trigger"), one.trigger ? rule(one) : t("risks.no_trigger")],
      ...(one.trigger ? [[t("risks.value"), one.trigger.value === null ? t("not_reported") : `${number(one.trigger.value, { maximumFractionDigits: 1 })}${one.trigger.as_of ? ` · ${ageOf(one.trigger.as_of, now)}` : ""}`]] : []),
    ];
    const long = (key, words_) => (words_ ? [el("h3", "", t(key)), Object.assign(el("p", "cg-plan-words", words_), { dir: "auto" })] : []);
    side.open(
      `${one.code ? `${one.code} ` : ""}${one.title}`,
      el("p", "cg-plan-now", band(one), one.raised ? el("b", "cg-risk-up", t("risks.raised.since", { time: dtg(one.raised.since) })) : null),
      one.raised ? el("p", "cg-plan-note", one.raised.answered ? t("risks.answered") : [t("risks.lies", { who: one.raised.who, value: number(one.raised.value, { maximumFractionDigits: 1 }) }), one.raised.by ? t("risks.by", { time: dtg(one.raised.by) }) : ""].filter(Boolean).join(" · ")) : null,
      el("dl", "cg-plan-facts", ...facts.flatMap(([name, value]) => [el("dt", "", name), el("dd", "", el("bdi", "", value))])),
      ...long("risks.cause", one.cause),
      ...long("plan.description", one.description),
      ...long("risks.mitigation", one.mitigation),
      one.may && doc.choices ? editor(one) : null,
      el("h3", "", t("risks.crossings")),
      found.crossings.length ? el("ol", "cg-plan-history", ...found.crossings.map(crossing)) : el("p", "cg-plan-note", t("risks.crossings.none")),
      el("h3", "", t("plan.history")),
      historyList(found.history, (name, before, after) => t("plan.changed", { field: named(`plan.field.${name}`, name), from: say(name, before), to: say(name, after) })),
    );
    for (const node of list.children) attr(node, "data-chosen", node.dataset?.id === one.id ? "" : null);
  }

  const say = (name, value) => (value === null || value === "" ? t("plan.nothing") : name === "review" ? day(value) : name === "likelihood" || name === "impact" ? t(`risks.${name}.${value}`) : String(value));

  const crossing = (each) => el("li", "", el("bdi", "cg-plan-when", dtg(each.since)), el("span", "", t("risks.crossing", { value: number(each.value, { maximumFractionDigits: 1 }), threshold: number(each.threshold) }), each.ended ? ` · ${t("risks.crossing.ended", { time: dtg(each.ended) })}` : ""));

  function editor(one) {
    const node = el("details", "cg-plan-edit", el("summary", "", t("risks.edit")));
    node.addEventListener("toggle", () => node.open && node.childElementCount === 1 && node.append(riskForm(one)));
    return node;
  }

  function riskForm(before) {
    const one = before ?? {};
    const { choices } = doc;
    const scale = (name, value) => {
      const made = choice(t(`risks.${name}`), SCALE.map(String), String(value || 3), (at) => `${at} ${t(`risks.${name}.${at}`)}`);
      return { node: made.node, value: () => Number(made.value()) };
    };
    const fields = {
      title: words(t("risks.risk"), one.title ?? "", { required: true }),
      code: words(t("plan.code"), one.code ?? ""),
      category: words(t("risks.category"), one.category ?? ""),
      cause: words(t("risks.cause"), one.cause ?? "", { long: true }),
      area: areaField(choices, one.area),
      likelihood: scale("likelihood", one.likelihood),
      impact: scale("impact", one.impact),
      agency: agencyField(choices, one.agency),
      mitigation: words(t("risks.mitigation"), one.mitigation ?? "", { long: true }),
      review: dayField(t("risks.review"), one.review, true),
      figure: figureField(choices, one.trigger?.figure),
      comparison: choice(t("risks.comparison"), ["at_least", "at_most"], one.trigger?.comparison ?? "at_least", (name) => t(`risks.comparison.${name}`)),
      threshold: numberField(t("risks.threshold"), one.trigger?.threshold),
      state: choice(t("risks.state"), ["open", "closed"], one.state ?? "open", (name) => t(`risks.state.${name}`)),
      share: shareField(one.share),
    };
    return formOf(fields, t("plan.save"), async (values) => {
      const told = before ? { ...values, id: before.id, revision: before.revision, description: before.description } : values;
      await post("/api/risks/save", told, signal);
      side.shut();
      await load();
    });
  }

  /** One mark a place: how many risks, the highest of them; where there is no place they are in the list alone. */
  function drawMarkers(open) {
    for (const one of markers) one.remove();
    markers = [];
    if (!map) return;
    for (const [code, place] of Object.entries(doc.places)) {
      const here = open.filter((one) => one.area === code);
      if (!here.length) continue;
      const worst = here.toSorted((a, b) => b.rating - a.rating)[0];
      const mark = button("cg-risk-mark", `${place.name}: ${t("risks.open", { count: here.length })}`, here.map((one) => one.code || "•").join(" "));
      mark.append(el("small", "", el("bdi", "", place.name)));
      mark.dataset.band = worst.band;
      attr(mark, "data-raised", here.some((one) => one.raised) ? "" : null);
      mark.addEventListener("click", () => choose({ title: place.name, ids: here.map(({ id }) => id) }));
      markers.push(new Marker({ element: mark }).setLngLat([place.lon, place.lat]).addTo(map));
    }
  }

  return {
    load,
    shut: () => side.shut(),
    map(made) {
      map = made.map;
      if (doc) drawMarkers(doc.risks.filter((one) => one.state === "open"));
    },
  };
}
