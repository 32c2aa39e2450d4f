// What a person makes of a story: an incident or a report with category, place and grade of their choosing, or nothing, and why.

import { attr, button, el, show, text } from "./dom.mjs";
import { SEVERITIES, grid, latlon, number } from "./format.mjs";
import { t } from "./i18n.mjs";
import { api } from "./state.mjs";

const REASONS = ["irrelevant", "known", "false", "old", "unchecked"];
const TITLE_LENGTH = 120;

export const percent = (share) => number(share, { style: "percent" });

export const quotes = (words) => words.flatMap((word, at) => [...(at ? [" · "] : []), el("q", "", el("bdi", "", word))]);

/** `does`: {read, signal, promote(story, parts), discard(story, reason)}. */
export function judgingForm(story, found, { read, signal, promote, discard }) {
  const fullest = story.posts.toSorted((a, b) => b.text.length - a.text.length)[0];
  let touched = false;

  const kind = radios("kind", ["incident", "report"], (name) => t(`triage.kind.${name}`), "incident");
  const title = el("input", "cg-triage-input");
  title.maxLength = 200;
  title.dir = "auto";
  title.value = (fullest.title || fullest.text.split("\n")[0]).slice(0, TITLE_LENGTH);

  const category = el("input", "cg-triage-input");
  category.maxLength = 80;
  const known = el("datalist");
  known.id = `categories-${story.id}`;
  known.append(...found.categories.map((name) => Object.assign(el("option"), { value: name })));
  category.setAttribute("list", known.id);
  const relevant = story.guesses.filter((one) => one.relevant);
  category.value = relevant[0]?.category ?? "";
  const guesses = el("div", "cg-triage-chips", ...story.guesses.map(guessChip));

  const severity = el("select", "cg-triage-input");
  severity.append(...SEVERITIES.map((name) => Object.assign(el("option", "", t(`severity.${name}`)), { value: name })));

  let place = story.places[0] ?? null;
  const places = el("div", "cg-triage-chips");
  const spot = el("p", "cg-triage-spot");
  const search = el("input", "cg-triage-input");
  search.type = "search";
  search.placeholder = t("triage.place.search");
  const hits = el("div", "cg-triage-chips");
  drawPlaces();

  const source = grade("ABCDEF", "source");
  const information = grade("123456", "information");
  const why = el("p", "cg-triage-why");
  show(why, false);

  const go = button("cg-triage-promote", t("triage.promote"));
  const drop = button("cg-triage-discard", t("triage.discard"));
  const reasons = el("div", "cg-triage-reasons");
  show(reasons, false);
  const own = el("input", "cg-triage-input");
  own.placeholder = t("triage.reason.own");
  own.maxLength = 300;
  reasons.append(
    el("p", "", t("triage.reason")),
    el("div", "cg-triage-chips", ...REASONS.map((name, at) => reasonChip(name, at + 1))),
    own,
  );
  own.addEventListener("keydown", (event) => event.key === "Enter" && own.value.trim() && discard(story, own.value.trim()));

  const node = el(
    "form",
    "cg-triage-form",
    field(t("triage.suggested"), guesses, story.guesses.length ? null : el("p", "cg-drawer-note", t("triage.no_topic.why"))),
    field(t("triage.kind"), kind.node),
    field(t("triage.headline"), title),
    el("div", "cg-triage-two", field(t("triage.category"), category, known), field(t("triage.severity"), severity)),
    field(t("triage.place"), places, spot, search, hits),
    el("div", "cg-triage-two", field(t("triage.grade.source"), source), field(t("triage.grade.information"), information)),
    why,
    el("div", "cg-triage-acts", go, drop),
    reasons,
  );
  node.noValidate = true;
  node.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  node.addEventListener("input", () => {
    touched = true;
    show(why, false);
  });
  go.addEventListener("click", send);
  drop.addEventListener("click", () => refuse());
  if (!found.may) for (const one of node.querySelectorAll("input, select, button")) one.disabled = true;
  if (!found.may) show(text(why, t("triage.not_yours")), true);

  let asked = 0;
  search.addEventListener("input", async () => {
    const turn = ++asked;
    const q = search.value.trim();
    const { places: listed } = q.length > 1 ? await read(api("/api/triage/places", { q })).catch(() => ({ places: [] })) : { places: [] };
    if (turn !== asked || signal.aborted) return;
    hits.replaceChildren(...listed.map((one) => placeChip(one, true)));
  });
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    hits.firstChild?.click();
  });

  function guessChip(one) {
    const chip = button("cg-triage-chip", "", "");
    chip.removeAttribute("aria-label");
    chip.append(el("b", "", t(`topic.${one.topic}`)), ` ${percent(one.confidence)}`, el("small", "", t("triage.because"), " ", ...quotes(one.because.slice(0, 6))));
    attr(chip, "data-idle", one.relevant ? null : "");
    chip.addEventListener("click", () => {
      touched = true;
      if (one.relevant) category.value = one.category;
      else refuse();
    });
    return chip;
  }

  function placeChip(one, picked = false) {
    const chip = button("cg-triage-chip", "", "");
    chip.removeAttribute("aria-label");
    const level = t(`triage.level.${one.kind}`);
    chip.append(el("b", "", el("bdi", "", one.name)), one.confidence === undefined ? "" : ` ${percent(one.confidence)}`);
    chip.append(el("small", "", [level, one.around, one.pcode].filter(Boolean).join(" · ")));
    if (one.because) chip.append(el("small", "", t("triage.because"), " ", ...quotes(one.because)));
    attr(chip, "aria-pressed", String(place === one));
    chip.addEventListener("click", () => {
      touched = true;
      place = place === one ? null : one;
      if (picked) {
        hits.replaceChildren();
        search.value = "";
      }
      drawPlaces();
    });
    return chip;
  }

  function drawPlaces() {
    const listed = place && !story.places.includes(place) ? [place, ...story.places] : story.places;
    places.replaceChildren(...listed.map((one) => placeChip(one)));
    const located = place && Number.isFinite(place.lon);
    const where = place ? (located ? `${latlon(place.lon, place.lat)} · ${grid(place.lon, place.lat, 3)}` : t("triage.place.area")) : t("triage.place.none");
    spot.replaceChildren(el("bdi", "", where));
    if (located) {
      const map = el("a", "", t("triage.place.map"));
      map.href = `/?at=${place.lat.toFixed(4)},${place.lon.toFixed(4)},9`;
      map.target = "_blank";
      spot.append(" · ", map);
    }
  }

  function reasonChip(name, key) {
    const chip = button("cg-triage-chip", "", "");
    chip.removeAttribute("aria-label");
    chip.append(el("kbd", "", String(key)), ` ${t(`triage.reason.${name}`)}`);
    chip.addEventListener("click", () => discard(story, t(`triage.reason.${name}`)));
    chip.addEventListener("keydown", (event) => reasons.querySelectorAll("button")[Number(event.key) - 1]?.click());
    return chip;
  }

  function refuse() {
    if (!found.may) return;
    show(reasons, true);
    reasons.querySelector("button").focus();
    reasons.scrollIntoView({ block: "nearest" });
  }

  /** Nothing goes on the picture before somebody has said how far it is believed. */
  function send() {
    if (!found.may) return;
    const missing = [
      [title, !title.value.trim(), "headline"],
      [category, !category.value.trim(), "category"],
      [source, !source.value, "grade"],
      [information, !information.value, "grade"],
    ].find(([, lacks]) => lacks);
    if (missing) {
      show(text(why, t(`triage.lacks.${missing[2]}`)), true);
      missing[0].focus();
      return;
    }
    go.disabled = true;
    promote(story, {
      kind: kind.value(),
      title: title.value.trim(),
      description: fullest.text,
      category: category.value.trim(),
      severity: severity.value,
      grade: source.value + information.value,
      place: place && { name: place.name, kind: place.kind, pcode: place.pcode, lon: place.lon, lat: place.lat },
    });
  }

  return {
    node,
    promote: send,
    discard: refuse,
    edit() {
      title.focus();
      title.select();
    },
    dirty: () => touched,
  };
}

function field(name, ...nodes) {
  const label = el("label", "cg-triage-field", el("span", "cg-triage-name", name));
  const control = nodes.find((node) => node && ["INPUT", "SELECT"].includes(node.tagName) && node.type !== "search");
  if (control) {
    label.append(...nodes.filter(Boolean));
    return label;
  }
  return el("div", "cg-triage-field", el("span", "cg-triage-name", name), ...nodes.filter(Boolean));
}

function radios(name, values, words, first) {
  const node = el("div", "cg-triage-radios");
  for (const value of values) {
    const input = Object.assign(el("input"), { type: "radio", name, value, checked: value === first });
    node.append(el("label", "", input, ` ${words(value)}`));
  }
  return { node, value: () => node.querySelector("input:checked").value };
}

/** An Admiralty grade, never chosen beforehand. */
function grade(letters, name) {
  const node = el("select", "cg-triage-input");
  node.append(Object.assign(el("option", "", t("triage.grade.choose")), { value: "" }));
  node.append(...[...letters].map((one) => Object.assign(el("option", "", `${one} · ${t(`grade.${name}.${one}`)}`), { value: one })));
  return node;
}
