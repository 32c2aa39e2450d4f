// Pictures of the ground: which are shown and how strongly, kept in the address (`pictures=ID:80,ID:40`), and their rows in the list.

import { attr, el, part, parts, text } from "./dom.mjs";
import { age, dtg, time } from "./format.mjs";
import { t } from "./i18n.mjs";
import { get, setView } from "./state.mjs";

const USUAL = 80; // per cent

/** Key -> opacity of those the address names; without any the newest one. */
function chosen(layer) {
  const said = get("pictures");
  if (!said) return new Map((layer.legend ?? []).slice(0, 1).map(({ key }) => [key, USUAL]));
  return new Map(
    said.split(",").map((one) => {
      const [key, opacity] = one.split(":");
      return [key, Math.min(100, Math.max(0, Number.isFinite(Number(opacity ?? "x")) ? Number(opacity) : USUAL))];
    }),
  );
}

/** The pictures of a layer that are shown, newest first, each with its opacity in per cent. */
export function pictures(layer) {
  const shown = chosen(layer);
  return (layer.legend ?? []).filter(({ key }) => shown.has(key)).map((one) => ({ ...one, opacity: shown.get(one.key) }));
}

function choose(layer, key, opacity) {
  const shown = chosen(layer);
  if (opacity === null) shown.delete(key);
  else shown.set(key, opacity);
  setView({ pictures: [...shown].map((pair) => pair.join(":")).join(",") || "none" });
}

/** One picture in the list of layers: on or off, what it is called, when it was taken and by whom, and how strongly it shows. */
export function pictureRow() {
  const box = part("box", "input");
  box.type = "checkbox";
  const strength = part("strength", "input", "cg-strength");
  Object.assign(strength, { type: "range", min: 10, max: 100, step: 5 });
  const row = el(
    "li",
    "cg-picture",
    el("label", "cg-picture-head", box, part("label", "span", "cg-legend-label")),
    part("taken", "span", "cg-age"),
    strength,
  );
  box.addEventListener("change", () => choose(row.cgLayer, row.cgEntry.key, box.checked ? Number(strength.value) : null));
  strength.addEventListener("input", () => choose(row.cgLayer, row.cgEntry.key, Number(strength.value)));
  return row;
}

export function fillPicture(row, entry, layer, now) {
  const at = parts(row);
  const opacity = chosen(layer).get(entry.key);
  const { taken, source, notes } = entry.about;
  row.cgLayer = layer;
  row.cgEntry = entry;
  at.box.checked = opacity !== undefined;
  text(at.label, entry.label);
  const when = taken ? `${dtg(taken)} · ${age((now() - time(taken)) / 1000)}` : t("pictures.unknown");
  text(at.taken, [when, source, ...notes].join(" · "));
  attr(at.taken, "data-unknown", taken ? null : "true");
  attr(at.strength, "aria-label", t("pictures.strength", { title: entry.label }));
  at.strength.disabled = opacity === undefined;
  if (document.activeElement !== at.strength) at.strength.value = opacity ?? USUAL;
}
