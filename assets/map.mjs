// The map: made once, then only told what changed. New data never moves the view and never blanks what is seen.

import { addProtocol, Map as MapLibre } from "./vendor/maplibre-gl/maplibre-gl.mjs";
import { lang } from "./i18n.mjs";
import { resolve, trim } from "./images.mjs";
import { styleOf } from "./map_style.mjs";
import { RING } from "./marks_points.mjs";
import { numericCode } from "./countries.mjs";
import { chosenLayers, get, position, setView } from "./state.mjs";
import { mapScale, palette } from "./theme.mjs";
import { setRevision, tileProtocol } from "./tiles.mjs";

addProtocol("cg", tileProtocol);

const WORLD = [
  [-120, -50],
  [150, 65],
];
/** How long a tile of units, and of anything else, is true while nothing arrives (ms): its ages and windows move on. */
const MOVING_LASTS = 60_000;
const TILE_LASTS = 300_000;
const HELD_MS = 1500; // a picture that takes longer to come is shown as it comes
const FULL_RING = 6.8; // px of diameter for a count of one, before bounds; smaller when cells are fuller

/**
 * A map that can be held: what arrives meanwhile is drawn once, at the end. A revision comes in a dozen tiles, and drawing
 * the map a dozen times for it is slow where there is no graphics card, and shows pictures that never were.
 */
class LiveMap extends MapLibre {
  triggerRepaint() {
    if (this.held && !this.isMoving()) this.owed = true;
    else super.triggerRepaint();
  }

  /** Holds until `work` is done, or has taken too long. */
  async drawOnce(work, most = HELD_MS) {
    this.held = (this.held ?? 0) + 1;
    let held = true;
    const release = () => {
      clearTimeout(timer);
      if (!held) return;
      held = false;
      // Drawn while still held: a frame with new marks asks for another one, in case their places were found over several
      // frames. Without fading they never are, and the other one is the same to the pixel.
      if (this.held === 1 && this.owed) this.redraw();
      this.held -= 1;
      if (!this.held) this.owed = false;
    };
    const timer = setTimeout(release, most);
    return work.finally(release);
  }
}

/** Ids of the layers to be seen: the address decides, else the server's own choice. */
export function shownLayers(doc) {
  const own = document.getElementById("cg-map")?.dataset.layers; // a page's own ground, where the address says nothing
  const chosen = chosenLayers() ?? (own ? new Set(own.split(",")) : null);
  return doc.layers.filter((layer) => (chosen ? chosen.has(layer.id) : layer.on));
}

const until = (target, event, most) =>
  new Promise((done) => {
    const finish = () => {
      clearTimeout(timer);
      target.off(event, finish);
      done();
    };
    const timer = setTimeout(finish, most);
    target.on(event, finish);
  });

/**
 * Makes the map inside `host`. `doc` is the answer of /api/layers. Returns {map, update, refresh, fit, painted, destroy}.
 */
export async function createMap(host, doc, { still = false } = {}) {
  let layers = doc;
  let ringFactor = firstFactor(doc);
  let styled = "";
  let framed = null;
  let scaled = 1;
  // On a large screen the whole map is drawn larger, marks, names and cells alike: a smaller map, scaled up by CSS and
  // drawn at as many more pixels, so that it stays sharp.
  const ratio = () => scaled * (devicePixelRatio || 1);
  const rescale = () => {
    scaled = mapScale();
    host.style.setProperty("--scale", scaled);
    if (map) {
      map.setPixelRatio(ratio());
      restyle();
    }
  };
  let map = null;
  rescale();
  const start = position();
  map = new LiveMap({
    pixelRatio: ratio(),
    container: host,
    style: style(),
    ...(start ?? { bounds: bounds(), fitBoundsOptions: { padding: padding() } }),
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    maxZoom: 17,
    minZoom: 1,
    fadeDuration: 0,
    interactive: !still,
    refreshExpiredTiles: false,
    maxTileCacheSize: 60,
    cancelPendingTileRequestsWhileZooming: true,
    locale: { "Map.Title": host.getAttribute("aria-label") ?? "Map" },
  });
  map.setMissingStyleImageResolver((name) => resolve(map, name));
  if (!still) {
    map.touchZoomRotate.disableRotation();
    map.keyboard.disableRotation();
  }
  await map.once("style.load");
  map.on("error", (event) => console.error(`map: ${event.error?.message ?? event}`));

  function bounds() {
    const box = framed ?? layers.mission?.bbox;
    return box
      ? [
          [box[0], box[1]],
          [box[2], box[3]],
        ]
      : WORLD;
  }

  function padding() {
    const { clientWidth, clientHeight } = host;
    const edge = Math.max(12, Math.min(clientWidth, clientHeight) * 0.045);
    // On the wall the legend stands along the foot.
    return still ? { top: edge, right: edge, left: edge, bottom: edge + clientHeight * 0.1 } : edge;
  }

  function style() {
    const colour = palette();
    colour.name += `@${ratio()}`; // marks painted for another theme or density are other marks
    return styleOf({
      layers: shownLayers(layers),
      mission: layers.mission,
      own: numericCode(layers.mission?.country),
      colour,
      ringFactor,
      lang: lang(),
    });
  }

  function firstFactor({ layers: all }) {
    const most = Math.max(1, ...all.filter((layer) => layer.draw === "cells").map((layer) => layer.count ?? 0));
    return stepped(RING.most / Math.sqrt(Math.max(1, most / 25)));
  }

  /** Factors come in steps of a quarter octave, so that rings keep their size while the picture lives. */
  function stepped(factor) {
    return Math.min(FULL_RING, 2 ** (Math.round(Math.log2(factor) * 4) / 4));
  }

  function restyle() {
    const next = style();
    const text = JSON.stringify(next);
    if (text === styled) return;
    styled = text;
    map.setStyle(next, { diff: true, validate: false });
  }

  /** Fits ring sizes to the fullest cell in view, at each new zoom level. */
  let levelled = null;
  function level() {
    const zoom = Math.floor(map.getZoom());
    if (zoom === levelled) return;
    levelled = zoom;
    let most = 0;
    for (const layer of shownLayers(layers)) {
      if (layer.draw !== "cells" || !map.getSource(layer.id)) continue;
      for (const { properties } of map.querySourceFeatures(layer.id, { sourceLayer: layer.id })) {
        if (properties.n > most) most = properties.n;
      }
    }
    if (most < 2) return;
    const wanted = stepped(RING.most / Math.sqrt(most));
    if (wanted === ringFactor) return;
    ringFactor = wanted;
    restyle();
    window.dispatchEvent(new CustomEvent("cg:rings", { detail: { factor: ringFactor } }));
  }
  map.on("idle", level);

  let ours = !start; // the view is the mission's until a person moves it
  const onMoveEnd = (event) => {
    if (still || (!event.originalEvent && ours)) return; // an address of a wall is as it was written
    ours = false;
    const { lng, lat } = map.getCenter().wrap();
    setView({ at: `${lat.toFixed(4)},${lng.toFixed(4)},${map.getZoom().toFixed(2)}` });
  };
  map.on("moveend", onMoveEnd);
  const onResize = () => {
    if (scaled !== mapScale()) rescale();
    if (ours) map.fitBounds(bounds(), { padding: padding(), animate: false });
  };
  map.on("resize", onResize);

  const busy = new Map();
  /** Fetches a source's tiles again, one round at a time; the old tiles stay until the new ones are there. */
  async function reload(id) {
    if (busy.has(id)) {
      busy.get(id).again = true;
      return busy.get(id).done;
    }
    const job = { again: false };
    job.done = (async () => {
      do {
        job.again = false;
        if (!map.getSource(id)) break;
        map.refreshTiles(id);
        await loaded(id);
      } while (job.again);
      busy.delete(id);
    })();
    busy.set(id, job);
    return job.done;
  }

  async function loaded(id, most = 20_000) {
    const end = Date.now() + most;
    while (map.getSource(id) && !map.isSourceLoaded(id) && Date.now() < end) await until(map, "sourcedata", 500);
  }

  let drawn = false;
  map.on("data", () => (drawn = false));
  map.on("render", () => (drawn = true));
  /** Waits until what was loaded has been drawn. A hidden tab draws nothing, so the wait has an end. */
  async function painted() {
    await Promise.all(shownLayers(layers).map(({ id }) => loaded(id)));
    if (drawn) return;
    map.triggerRepaint();
    await until(map, "render", 1000);
  }

  // The first frame that knows all sources asks for their tiles; the next shows them all.
  const asked = () => {
    const shown = shownLayers(layers).map(({ id }) => id);
    if (!shown.every((id) => map.getSource(id)?.loaded())) return;
    map.off("render", asked);
    map.drawOnce(Promise.all(shown.map((id) => loaded(id))));
  };
  map.on("render", asked);
  const reloadAll = (ids) => map.drawOnce(Promise.all(ids.map(reload)));

  return {
    map,
    /** A new answer of /api/layers, or another choice of layers, theme or language. */
    update(next = layers) {
      layers = next;
      restyle();
    },
    /** Shows `revision` for the layers whose kind is in `kinds` (null: all of them). */
    async refresh(revision, kinds) {
      const touched = layers.layers.filter(
        (layer) => !kinds || collectionsOf(layer).some((kind) => kinds.includes(kind)),
      );
      for (const { id, draw } of touched) setRevision(id, revision, draw === "symbols" ? MOVING_LASTS : TILE_LASTS);
      const shown = new Set(shownLayers(layers).map(({ id }) => id));
      await reloadAll(touched.map(({ id }) => id).filter((id) => shown.has(id)));
      trim(map);
    },
    /** The same revision under other filters. */
    reload: () => reloadAll(shownLayers(layers).map(({ id }) => id)),
    painted,
    /** Factor from the map's own pixels to the page's. */
    get scale() {
      return scaled;
    },
    fit() {
      ours = true;
      setView({ at: null });
      map.fitBounds(bounds(), { padding: padding(), animate: false });
    },
    /** Where a scene looks: the address's place where it has one, else a box (west, south, east, north), or null: the mission. */
    frame(box) {
      framed = box;
      const wanted = position();
      ours = !wanted;
      if (wanted) map.jumpTo(wanted);
      else map.fitBounds(bounds(), { padding: padding(), animate: false });
    },
    get ringFactor() {
      return ringFactor;
    },
    /** The address was changed from outside (history, a link): go where it says. */
    follow() {
      const wanted = position();
      if (wanted) map.jumpTo(wanted);
      else if (!get("at") && !ours) this.fit();
    },
    destroy() {
      map.remove();
    },
  };
}

const COLLECTIONS = { activity: "activities", boundary: "boundaries", feedback: "feedback", supply: "supply" };

/** Collections a layer draws from; a layer names kinds of record (`incident`), news names collections (`incidents`). */
const collectionsOf = (layer) =>
  String(layer.kind ?? "")
    .split(",")
    .map((kind) => COLLECTIONS[kind] ?? (kind.endsWith("s") ? kind : `${kind}s`));
