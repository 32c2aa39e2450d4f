// What every map owes its reader, along its lower edge: where the pointer is, the scale, the disclaimer on boundaries and
// where the data comes from; and in its middle, when there is nothing at all, what to do about it.

import { el, keyed, part, parts, show, text } from "./dom.mjs";
import { dtg, grid, latlon, number } from "./format.mjs";
import { t } from "./i18n.mjs";
import { shownLayers } from "./map.mjs";
import { get } from "./state.mjs";

export function mapFoot(view, host) {
  const { map } = view;
  const degrees = el("bdi");
  const reference = el("bdi", "cg-mgrs");
  const label = el("bdi");
  const length = el("i");
  const sources = el("span", "cg-attribution");
  const stopped = el("ul", "cg-map-stopped");
  stopped.setAttribute("aria-live", "polite"); // a role would take the list from its items
  const nothing = el("p", "cg-map-note");
  nothing.setAttribute("role", "status");
  host.append(
    nothing,
    el(
      "div",
      "cg-map-foot",
      stopped,
      el(
        "div",
        "cg-map-foot-row",
        el("div", "cg-coordinates", degrees, reference),
        el("div", "cg-scale", label, length),
      ),
      el("p", "cg-disclaimer", `${t("map.disclaimer")} `, sources),
    ),
  );

  /** Scale bar: a round length not longer than an eighth of the map, in km or m. */
  function scale() {
    const y = map.getCanvas().clientHeight - 24;
    const metres = map.unproject([0, y]).distanceTo(map.unproject([100, y])) / (100 * view.scale);
    const wanted = metres * Math.max(70, Math.min(200, host.clientWidth / 8));
    const power = 10 ** Math.floor(Math.log10(wanted));
    const round = power * ([5, 2, 1].find((step) => step * power <= wanted) ?? 1);
    length.style.width = `${Math.round(round / metres)}px`;
    text(label, round >= 1000 ? `${number(round / 1000)} km` : `${round} m`);
  }
  /** A layer nobody tells anything of any more looks calm: the map says that its feed stopped, and since when. */
  function silent(doc) {
    const gone = known() ? [] : shownLayers(doc).filter((layer) => typeof layer.stopped_since === "string");
    show(stopped, gone.length > 0);
    keyed(
      stopped,
      gone,
      (layer) => layer.id,
      () => el("li", "", part("word", "b"), part("layer", "span"), part("since", "span")),
      (node, layer) => {
        text(parts(node).word, t("map.stopped"));
        text(parts(node).layer, layer.title);
        text(parts(node).since, layer.stopped_since ? t("map.stopped_since", { time: dtg(layer.stopped_since) }) : "");
      },
    );
  }

  const known = () => get("as_known_at");
  map.on("move", scale);
  map.on("resize", scale);
  scale();

  return {
    update(doc) {
      const own = [doc.mission?.basemap?.attribution].filter(Boolean);
      const names = new Set(shownLayers(doc).flatMap((layer) => layer.sources));
      const at = known();
      const empty = doc.layers.every((layer) => !layer.count);
      show(text(nothing, at ? t("map.nothing_known", { time: dtg(at) }) : t("map.nothing")), empty);
      silent(doc);
      text(sources, t("map.sources", { names: ["Natural Earth", ...own, ...names].join(", ") }));
    },
    locate({ lng, lat }) {
      text(degrees, latlon(lng, lat));
      text(reference, grid(lng, lat));
    },
  };
}
