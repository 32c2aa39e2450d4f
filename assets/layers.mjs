// The list of layers: on or off, how many, how old, and the legend of each one that is on.

import { attr, button, el, keyed, part, parts, show, text } from "./dom.mjs";
import { age, dtg, number, time } from "./format.mjs";
import { t } from "./i18n.mjs";
import { paint } from "./images.mjs";
import { shownLayers } from "./map.mjs";
import { ringSize } from "./marks_points.mjs";
import { fillPicture, pictureRow } from "./pictures.mjs";
import { setView } from "./state.mjs";
import { themeName } from "./theme.mjs";
import { explain } from "./tip.mjs";

const SEVERITY = { unknown: 0, minor: 1, moderate: 2, serious: 3, severe: 4, critical: 5 };
const AFFILIATION = { friend: "F", neutral: "N", hostile: "H", unknown: "U" };
const LINE_DASH = { open: "", restricted: "4 2", closed: "2 1.6", unknown: "1 2" };

/** Puts a painted mark into a canvas; painted again only when its name changes. */
function stamp(node, name) {
  const root = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
  const ratio = (devicePixelRatio || 1) * root;
  if (node.cgName === `${name}@${ratio}`) return;
  node.cgName = `${name}@${ratio}`;
  Promise.resolve(paint(name, ratio)).then(
    (drawn) => {
      if (node.cgName !== `${name}@${ratio}`) return;
      node.width = drawn.width;
      node.height = drawn.height;
      node.style.width = `${(drawn.width / ratio) * root}px`;
      node.style.height = `${(drawn.height / ratio) * root}px`;
      node.getContext("2d").drawImage(drawn, 0, 0);
    },
    (error) => console.error(error.message),
  );
}

function swatchOf(layer, key) {
  const theme = themeName();
  if (layer.draw === "cells") return `dot/${theme}/${SEVERITY[key] ?? 0}`;
  if (layer.draw === "symbols") return `unit/${theme}/10/0/S${AFFILIATION[key] ?? "U"}GPU---------`;
  if (layer.draw === "status") return `status/${theme}/${key}/12`;
  return null;
}

/** A sample of an area or a line as a small CSS-drawn box; its look is in the style sheet by data-draw and data-key. */
function legendRow() {
  return el(
    "li",
    "cg-legend-row",
    part("canvas", "canvas", "cg-swatch"),
    part("box", "i", "cg-swatch-box"),
    part("label", "span", "cg-legend-label"),
    part("count", "span", "cg-legend-count"),
  );
}

function fillLegend(node, entry, layer) {
  const at = parts(node);
  const name = swatchOf(layer, entry.key);
  show(at.canvas, Boolean(name));
  show(at.box, !name);
  if (name) stamp(at.canvas, name);
  attr(at.box, "data-draw", layer.draw);
  attr(at.box, "data-key", entry.key);
  attr(at.box, "data-dash", LINE_DASH[entry.key] === undefined ? null : entry.key);
  text(at.label, entry.label);
  text(at.count, entry.count === null || entry.count === undefined ? "" : number(entry.count));
}

export function layerPanel(host, { now, factor }) {
  host.setAttribute("role", "region");
  host.setAttribute("aria-label", t("layers.region"));
  const list = el("div", "cg-layer-list");
  const rings = el("div", "cg-rings");
  const heading = el("div", "cg-panel-head", el("h2", "", t("layers")));
  host.replaceChildren(heading, list);
  let doc = { layers: [] };

  function make() {
    const box = el("input");
    box.type = "checkbox";
    const label = el(
      "label",
      "cg-layer-head",
      box,
      part("title", "span", "cg-layer-title"),
      part("count", "span", "cg-layer-count"),
      part("age", "span", "cg-age"),
    );
    const choice = part("choice", "select", "cg-choice");
    choice.addEventListener("change", () => setView({ [node.cgLayer.parameter]: choice.value }));
    const node = el("div", "cg-layer", label, choice, part("legend", "ul", "cg-legend"));
    box.dataset.part = "box";
    box.addEventListener("change", () => toggle(node.cgLayer.id, box.checked));
    explain(label, () => about(node.cgLayer));
    return node;
  }

  function toggle(id, on) {
    const ids = new Set(shownLayers(doc).map((layer) => layer.id));
    if (on) ids.add(id);
    else ids.delete(id);
    const own = doc.layers.filter((layer) => layer.on).map((layer) => layer.id);
    const same = own.length === ids.size && own.every((layer) => ids.has(layer));
    setView({ layers: same ? null : [...ids].join(",") || "none" });
  }

  function about(layer) {
    return [layer.sources.join(", "), layer.as_of ? t("as_of", { time: dtg(layer.as_of) }) : "", layer.limits]
      .filter(Boolean)
      .join("\n");
  }

  function fill(node, layer) {
    const at = parts(node);
    const on = shownLayers(doc).includes(layer);
    node.cgLayer = layer;
    attr(node, "data-state", layer.state);
    attr(node, "data-on", on);
    if (at.box.checked !== on) at.box.checked = on;
    text(at.title, layer.title);
    text(at.count, layer.count === null || layer.count === undefined ? "" : number(layer.count));
    fillAge(node);
    fillChoice(at.choice, layer, on);
    const told = on && layer.count !== 0 ? layer.legend : [];
    show(at.legend, told.length > 0);
    attr(at.legend, "data-draw", layer.draw);
    const pictures = layer.draw === "pictures";
    keyed(
      at.legend,
      told,
      (entry) => entry.key,
      pictures ? pictureRow : legendRow,
      (row, entry) => (pictures ? fillPicture(row, entry, layer, now) : fillLegend(row, entry, layer)),
    );
  }

  /** Which figure or item the layer shows, where it leaves one to choose. */
  function fillChoice(node, { choices = [], choice, title }, on) {
    show(node, on && choices.length > 1);
    const all = choices.some(({ key }) => key === choice) ? choices : [{ key: "", label: t("layers.all") }, ...choices];
    keyed(
      node,
      all,
      ({ key }) => key,
      () => el("option"),
      (option, { key, label }) => {
        option.value = key;
        text(option, label);
      },
    );
    attr(node, "aria-label", title);
    if (document.activeElement !== node && node.value !== choice) node.value = choice;
  }

  function fillAge(node) {
    const { as_of: asOf, state } = node.cgLayer;
    const known = asOf ? age((now() - time(asOf)) / 1000) : "";
    const word = state === "fresh" || !state ? "" : t(`layers.${state}`);
    text(parts(node).age, [known, word].filter(Boolean).join(" · "));
  }

  /** Sizes of the rings as they are now, so that a circle can be read as a number; in the legend of the first such layer. */
  function ringKey() {
    const first = [...list.children].find(
      ({ cgLayer }) => cgLayer.draw === "cells" && cgLayer.count && shownLayers(doc).includes(cgLayer),
    );
    if (!first) return rings.remove();
    if (rings.parentNode !== first) first.append(rings);
    const steps = [5, 50, 500, 5000].filter(
      (count, i, all) => i === 0 || ringSize(count, factor()) > ringSize(all[i - 1], factor()) + 3,
    );
    keyed(
      rings,
      steps,
      (count) => count,
      () => el("span", "cg-ring-key", part("canvas", "canvas", "cg-swatch"), part("label", "span")),
      (node, count) => {
        const at = parts(node);
        stamp(at.canvas, `ring/${themeName()}/${ringSize(count, factor())}/0.6.2.1.1.0`);
        text(at.label, number(count));
      },
    );
  }

  function draw() {
    const groups = [...new Set(doc.layers.map((layer) => layer.group))];
    const wanted = groups.flatMap((group) => doc.layers.filter((layer) => layer.group === group));
    keyed(list, wanted, (layer) => layer.id, make, fill);
    ringKey();
  }

  return {
    update(next = doc) {
      doc = next;
      draw();
    },
    tick() {
      for (const node of list.children) fillAge(node);
    },
    rings: ringKey,
  };
}
