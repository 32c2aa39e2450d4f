// The whole map style as one value of what is to be seen: base, layers, theme, language and scale.

import { namesIn } from "./countries.mjs";
import { graticule } from "./graticule.mjs";
import { marks } from "./marks.mjs";
import { REGULAR } from "./marks_shared.mjs";
import { pictures } from "./pictures.mjs";
import { get, seenAs } from "./state.mjs";
import { street } from "./street.mjs";

const file = (path) => new URL(`./vendor/${path}`, import.meta.url).href;
const LATIN = [
  "U+0000-00FF",
  "U+0131",
  "U+0152-0153",
  "U+02C6",
  "U+02DA",
  "U+02DC",
  "U+2000-206F",
  "U+20AC",
  "U+2122",
  "U+2191",
  "U+2193",
  "U+2212",
];
const LATIN_EXT = ["U+0100-0130", "U+0132-0151", "U+0154-02C5", "U+1E00-1EFF", "U+2C60-2C7F", "U+A720-A7FF"];
const ARABIC = ["U+0600-06FF", "U+0750-077F", "U+08A0-08FF", "U+FB50-FDFF", "U+FE70-FEFC"];

function faces(weight) {
  return [
    { url: file(`noto-sans/noto-sans-latin-${weight}-normal.woff2`), "unicode-range": LATIN },
    { url: file(`noto-sans/noto-sans-latin-ext-${weight}-normal.woff2`), "unicode-range": LATIN_EXT },
    { url: file(`noto-sans-arabic/noto-sans-arabic-arabic-${weight}-normal.woff2`), "unicode-range": ARABIC },
  ];
}

const localNames = new Map();
/** The base map has English names; where the browser knows a country's name in the page's language, that one stands. */
function countryName(lang) {
  if (lang === "en") return ["get", "name"];
  if (!localNames.has(lang))
    localNames.set(lang, [
      "match",
      ["get", "name"],
      ...new Map(namesIn(lang)).entries().flatMap((pair) => pair),
      ["get", "name"],
    ]);
  return localNames.get(lang);
}

/** A box as a polygon; names of countries inside the mission's own box give way to the mission's own names. */
function outline(box) {
  const [w, s, e, n] = box ?? [0, 0, 0, 0];
  return {
    type: "Polygon",
    coordinates: [
      [
        [w, s],
        [e, s],
        [e, n],
        [w, n],
        [w, s],
      ],
    ],
  };
}

function base(look) {
  const { colour, lang, own, mission } = look;
  const bordered = look.layers.some((layer) => layer.draw === "boundaries" && layer.count);
  const land = { source: "world", "source-layer": "countries" };
  const borders = { source: "world", "source-layer": "borders" };
  const round = { "line-join": "round" };
  const waterLine = (offset, opacity) => [
    10,
    {
      id: `world-water-${offset}`,
      type: "line",
      ...land,
      layout: round,
      paint: { "line-color": colour["water-line"], "line-width": 1, "line-offset": -offset, "line-opacity": opacity },
    },
  ];
  const border = (id, disputed, more) => [
    17,
    {
      id,
      type: "line",
      ...borders,
      layout: round,
      filter: ["==", ["get", "disputed"], disputed],
      paint: { "line-color": colour.border, "line-width": 0.8, ...more },
    },
  ];
  return [
    [0, { id: "water", type: "background", paint: { "background-color": colour.water } }],
    waterLine(4, 0.8),
    waterLine(9, 0.45),
    [
      15,
      {
        id: "world-land",
        type: "fill",
        ...land,
        paint: {
          "fill-color": ["case", ["==", ["get", "id"], own || "-"], colour["land-own"], colour.land],
        },
      },
    ],
    [
      16,
      {
        id: "world-coast",
        type: "line",
        ...land,
        layout: round,
        paint: {
          "line-color": colour.border,
          "line-width": 0.7,
          "line-opacity": 0.7,
        },
      },
    ],
    border("world-border", 0, {}),
    border("world-border-disputed", 1, { "line-dasharray": [3, 2.4] }),
    [
      18,
      {
        id: "world-own",
        type: "line",
        ...land,
        layout: round,
        filter: ["==", ["get", "id"], (!bordered && own) || "-"],
        paint: {
          "line-color": colour.coast,
          "line-width": 1.1,
        },
      },
    ],
    [
      22,
      {
        id: "grid-wide",
        type: "line",
        source: "grid",
        filter: ["==", ["get", "step"], 10],
        maxzoom: 5,
        paint: { "line-color": colour.graticule, "line-width": 0.7 },
      },
    ],
    [
      22,
      {
        id: "grid-near",
        type: "line",
        source: "grid",
        filter: ["==", ["get", "step"], 1],
        minzoom: 5,
        paint: { "line-color": colour.graticule, "line-width": 0.7 },
      },
    ],
    [
      57,
      {
        id: "world-name",
        type: "symbol",
        source: "world",
        "source-layer": "names",
        maxzoom: 9,
        filter: ["all", [">=", ["zoom"], ["get", "from_zoom"]], ["!", ["within", outline(mission?.bbox)]]],
        layout: {
          "text-field": lang === "ar" ? countryName(lang) : ["upcase", countryName(lang)],
          "text-font": REGULAR,
          "text-size": ["interpolate", ["linear"], ["zoom"], 2, 9, 6, 12],
          "text-letter-spacing": lang === "ar" ? 0 : 0.18,
          "text-max-width": 7,
          "text-padding": 6,
        },
        paint: {
          "text-color": colour["place-area"],
          "text-opacity": 0.8,
          "text-halo-color": colour.halo,
          "text-halo-width": 1.2,
        },
      },
    ],
  ];
}

/** Pictures over land and under every line, the newest on top. */
function show(chosen, sources, layers) {
  const known = get("as_known_at");
  const then = known ? `?as_known_at=${encodeURIComponent(known)}` : "";
  for (const { key, about, opacity } of chosen.toReversed()) {
    const id = `picture ${key}`;
    sources[id] = {
      type: "raster",
      tiles: [`${location.origin}${seenAs(`/imagery/${key}/${about.version}/{z}/{x}/{y}${then}`)}`],
      tileSize: 512,
      bounds: about.bounds,
      minzoom: about.minzoom,
      maxzoom: about.maxzoom,
    };
    layers.push([34, { id, type: "raster", source: id, paint: { "raster-opacity": opacity / 100 } }]);
  }
}

/**
 * MapLibre style. `look`: {layers (of the server, those to be seen), mission, own (ISO number of the mission's country, ""
 * for none), colour (palette), ringFactor, lang}. Sources keep their address through every revision (see tiles.mjs).
 */
export function styleOf(look) {
  const box = (look.mission?.bbox ?? [-180, -80, 180, 80]).map((value) => Number(value.toFixed(2)));
  const sources = {
    world: { type: "vector", tiles: [`${file("base/")}{z}/{x}/{y}.pbf`], maxzoom: 5 },
    grid: { type: "geojson", data: graticule(box), maxzoom: 9 },
  };
  const streets = street(look.mission?.basemap, look);
  Object.assign(sources, streets.sources);
  const layers = [...base(look), ...streets.layers];
  for (const layer of look.layers) {
    sources[layer.id] = {
      type: "vector",
      tiles: [`cg://${layer.id}/{z}/{x}/{y}`],
      minzoom: layer.minzoom ?? 0,
      maxzoom: Math.min(14, layer.maxzoom ?? 14),
    };
    layers.push(...marks(layer, look));
    if (layer.draw === "pictures") show(pictures(layer), sources, layers);
  }
  layers.sort((a, b) => a[0] - b[0]);
  return {
    version: 8,
    transition: { duration: 0, delay: 0 },
    "font-faces": { "Noto Sans Regular": faces(400), "Noto Sans SemiBold": faces(600) },
    sources,
    layers: layers.map(([, layer]) => layer),
  };
}
