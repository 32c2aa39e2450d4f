// Street detail under everything else, from the home folder's own base map where there is one. Two vector schemes are known by
// the names of their layers, Protomaps Basemaps and OpenMapTiles; of any other nothing is drawn. A raster one is shown dimmed.

import { REGULAR } from "./marks_shared.mjs";

const WATER = ["water", "ocean"];
const COURSES = ["waterway", "physical_line"];
const ROADS = ["roads", "transportation"];
const BUILDINGS = ["buildings", "building"];
const NAMES = ["roads", "transportation_name"];
const GREAT = ["motorway", "trunk", "primary", "highway", "major_road"];
const FROM_ZOOM = 6; // farther out the country's own boundaries and roads say more

/** {sources, layers} to add to a style; `told` is what the server says of the base map, or null. */
export function street(told, { colour, lang }) {
  if (!told) return { sources: {}, layers: [] };
  const tiles = [`${location.origin}/basemap/${told.version}/{z}/{x}/{y}`];
  const source = {
    type: told.kind,
    tiles,
    minzoom: told.minzoom,
    maxzoom: told.maxzoom,
    bounds: told.bounds,
    ...(told.kind === "raster" ? { tileSize: 256 } : {}),
  };
  const layers = told.kind === "raster" ? [raster()] : vector(told.layers, colour, lang);
  return { sources: { street: source }, layers };
}

const raster = () => [
  32,
  {
    id: "street-raster",
    type: "raster",
    source: "street",
    minzoom: FROM_ZOOM,
    paint: { "raster-opacity": 0.45, "raster-saturation": -0.7, "raster-fade-duration": 0 },
  },
];

function vector(present, colour, lang) {
  const of = (id, name, more) => ({
    id: `street-${id}-${name}`,
    source: "street",
    "source-layer": name,
    minzoom: FROM_ZOOM,
    ...more,
  });
  const great = ["in", ["coalesce", ["get", "kind"], ["get", "class"], ""], ["literal", GREAT]];
  const round = { "line-join": "round", "line-cap": "round" };
  const width = (wide, narrow) => [
    "interpolate",
    ["exponential", 1.5],
    ["zoom"],
    6,
    ["case", great, wide / 4, 0.2],
    16,
    ["case", great, wide * 3, narrow * 3],
  ];
  const found = (names) => names.filter((name) => present.includes(name));
  return [
    ...found(WATER).map((name) => [
      32,
      of("water", name, {
        type: "fill",
        filter: ["==", ["geometry-type"], "Polygon"],
        paint: { "fill-color": colour.water },
      }),
    ]),
    ...found(COURSES).map((name) => [
      32,
      of("course", name, { type: "line", layout: round, paint: { "line-color": colour.river, "line-width": 0.8 } }),
    ]),
    ...found(BUILDINGS).map((name) => [
      32,
      of("building", name, {
        type: "fill",
        minzoom: 14,
        paint: { "fill-color": colour["line-strong"], "fill-opacity": 0.35 },
      }),
    ]),
    ...found(ROADS).map((name) => [
      32,
      of("road", name, {
        type: "line",
        filter: ["==", ["geometry-type"], "LineString"],
        layout: round,
        paint: { "line-color": colour.road, "line-opacity": 0.7, "line-width": width(3, 1) },
      }),
    ]),
    ...found(NAMES).map((name) => [
      56,
      of("name", name, {
        type: "symbol",
        minzoom: 13,
        layout: {
          "symbol-placement": "line",
          "text-field": ["coalesce", ["get", `name:${lang}`], ["get", "name"], ""],
          "text-font": REGULAR,
          "text-size": 11,
        },
        paint: { "text-color": colour["place-area"], "text-halo-color": colour.halo, "text-halo-width": 1.2 },
      }),
    ]),
  ];
}
