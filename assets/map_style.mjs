// The whole map style as one value of what is to be seen: base, layers, theme, language and scale.

import { marks, REGULAR } from "./marks.mjs";

const file = (path) => new URL(`./vendor/${path}`, import.meta.url).href;
const LATIN = ["U+0000-00FF", "U+0131", "U+0152-0153", "U+02C6", "U+02DA", "U+02DC", "U+2000-206F", "U+20AC", "U+2122", "U+2191", "U+2193", "U+2212"];
const LATIN_EXT = ["U+0100-0130", "U+0132-0151", "U+0154-02C5", "U+1E00-1EFF", "U+2C60-2C7F", "U+A720-A7FF"];
const ARABIC = ["U+0600-06FF", "U+0750-077F", "U+08A0-08FF", "U+FB50-FDFF", "U+FE70-FEFC"];

function faces(weight) {
  return [
    { url: file(`noto-sans/noto-sans-latin-${weight}-normal.woff2`), "unicode-range": LATIN },
    { url: file(`noto-sans/noto-sans-latin-ext-${weight}-normal.woff2`), "unicode-range": LATIN_EXT },
    { url: file(`noto-sans-arabic/noto-sans-arabic-arabic-${weight}-normal.woff2`), "unicode-range": ARABIC },
  ];
}

function base(look) {
  const { colour, scale, lang } = look;
  const world = { source: "world" };
  const name = { "text-color": colour["place-area"], "text-halo-color": colour.halo, "text-halo-width": 1.2 * scale };
  const waterLine = (offset, opacity) => [10, {
    id: `world-water-${offset}`, type: "line", ...world, filter: ["==", ["geometry-type"], "Polygon"], layout: { "line-join": "round" },
    paint: { "line-color": colour["water-line"], "line-width": scale, "line-offset": -offset * scale, "line-opacity": opacity },
  }];
  const polygon = ["==", ["geometry-type"], "Polygon"];
  return [
    [0, { id: "water", type: "background", paint: { "background-color": colour.water } }],
    waterLine(4, 0.8), waterLine(9, 0.45),
    [15, { id: "world-land", type: "fill", ...world, filter: polygon, paint: {
      "fill-color": ["match", ["get", "own"], 1, colour["land-own"], colour.land], "fill-antialias": true } }],
    [18, { id: "world-border", type: "line", ...world, filter: polygon, layout: { "line-join": "round" },
      paint: { "line-color": ["match", ["get", "own"], 1, colour.coast, colour.border], "line-width": ["match", ["get", "own"], 1, 1.1 * scale, 0.6 * scale] } }],
    [22, { id: "grid-wide", type: "line", source: "grid", filter: ["==", ["get", "step"], 10], maxzoom: 5,
      paint: { "line-color": colour.graticule, "line-width": 0.7 * scale } }],
    [22, { id: "grid-near", type: "line", source: "grid", filter: ["==", ["get", "step"], 1], minzoom: 5,
      paint: { "line-color": colour.graticule, "line-width": 0.7 * scale } }],
    [57, { id: "world-name", type: "symbol", ...world, filter: ["all", ["!", polygon], ["!=", ["get", "own"], 1]], maxzoom: 8, layout: {
      "text-field": lang === "ar" ? ["get", "name"] : ["upcase", ["get", "name"]], "text-font": REGULAR,
      "text-size": ["interpolate", ["linear"], ["zoom"], 2, 9 * scale, 6, 12 * scale],
      "text-letter-spacing": lang === "ar" ? 0 : 0.18, "text-max-width": 7, "text-padding": 6 }, paint: name }],
  ];
}

/**
 * MapLibre style. `look`: {layers (of the server, those to be seen), mission, colour (palette), scale, ringFactor, lang,
 * detail ("50m" | "10m")}. Sources keep their address through every revision (see tiles.mjs).
 */
export function styleOf(look) {
  const box = (look.mission?.bbox ?? [-180, -80, 180, 80]).map((value) => Number(value.toFixed(2)));
  const near = [box[0] - 12, box[1] - 12, box[2] + 12, box[3] + 12];
  const country = encodeURIComponent(look.mission?.country || "-");
  const sources = {
    world: { type: "geojson", data: `cg-base://world/${look.detail}/${country}/${near}/${look.lang}`, tolerance: 0.3, maxzoom: 9 },
    grid: { type: "geojson", data: `cg-base://grid/${box}`, maxzoom: 9 },
  };
  const layers = [...base(look)];
  for (const layer of look.layers) {
    sources[layer.id] = {
      type: "vector", tiles: [`cg://${layer.id}/{z}/{x}/{y}`],
      minzoom: layer.minzoom ?? 0, maxzoom: Math.min(14, layer.maxzoom ?? 14),
    };
    layers.push(...marks(layer, look));
  }
  layers.sort((a, b) => a[0] - b[0]);
  return {
    version: 8,
    "font-faces": { "Noto Sans Regular": faces(400), "Noto Sans SemiBold": faces(600) },
    sources,
    layers: layers.map(([, layer]) => layer),
  };
}
