// Marks that are points: incidents and reports, units, sites. Where they would touch they join in counted rings.

import { PARTS } from "./images.mjs";
import { num, REGULAR, SEMIBOLD, str, symbolLayer } from "./marks_shared.mjs";
import { STATUS_KEYS } from "./theme.mjs";

/** Largest and smallest ring in px, and the height of the number inside. */
export const RING = { least: 18, most: 42, text: 11 };
/** Sites stand closer than incidents, units closer still. */
const PIE = { least: 17, most: 27, factor: 4.5 };
const PACK = 22;

const n = ["coalesce", ["get", "n"], 1];
/** A count as parts of the ring; what exists never rounds away. */
const share = (name) => ["case", [">", num(name), 0], ["max", 1, ["round", ["/", ["*", num(name), PARTS], n]]], 0];

const dotted = (names) =>
  names.flatMap((name, i) => (i ? [".", ["to-string", share(name)]] : [["to-string", share(name)]]));

const tenths = (by) => ["to-string", ["/", ["round", ["/", n, by / 10]], 10]];
const label = [
  "case",
  ["<", n, 1000],
  ["to-string", n],
  ["<", n, 10_000],
  ["concat", tenths(1000), "k"],
  ["<", n, 1_000_000],
  ["concat", ["to-string", ["round", ["/", n, 1000]]], "k"],
  ["concat", tenths(1_000_000), "M"],
];

/** Diameter in whole even px: area in proportion to the count, between the least and the most that still hold the number. */
function diameter({ factor, least, most }) {
  const holds = ["+", 5.5, ["*", 6.2, ["length", label]]];
  return ["*", 2, ["round", ["/", ["max", least, holds, ["min", most, ["*", factor, ["sqrt", n]]]], 2]]];
}
const ring = (look) => diameter({ ...RING, factor: look.ringFactor });

function ringText() {
  return {
    "text-field": ["case", [">", n, 1], label, ""],
    "text-font": SEMIBOLD,
    "text-size": RING.text,
    "text-allow-overlap": true,
    "text-ignore-placement": true,
    "text-padding": 0,
    "text-letter-spacing": -0.01,
  };
}

/** What a source that went silent once said is still shown, but fainter. */
const silent = (layer) => (layer.state === "stale" || layer.state === "failed" ? 0.55 : 1);

const iconLayout = { "icon-allow-overlap": true, "icon-padding": 0 };

/** Incidents: single dots by severity, or rings of a cell with the shares of severity. */
export function cells(layer, look) {
  const { name, ink } = look.colour;
  const shares = dotted(["s0", "s1", "s2", "s3", "s4", "s5"]);
  const image = [
    "case",
    [">", n, 1],
    ["concat", `ring/${name}/`, ["to-string", ring(look)], "/", ...shares],
    ["concat", `dot/${name}/`, ["to-string", num("severity")]],
  ];
  // In few steps: marks of one step are drawn in one call, and a ring of its own step each would be hundreds of calls.
  const single = ["case", ["==", num("severity"), 5], 1e6, num("severity")];
  const order = ["case", [">", n, 1], ["+", 10, ["floor", ["log10", n]]], single];
  return [
    [
      80,
      symbolLayer(
        layer,
        "",
        {
          ...iconLayout,
          ...ringText(),
          "icon-image": image,
          "symbol-sort-key": order,
        },
        {
          "text-color": ink,
          "text-opacity": silent(layer),
          "icon-opacity": [
            "*",
            silent(layer),
            [
              "case",
              [">", n, 1],
              1,
              ["+", 0.55, ["*", 0.45, ["min", 1, ["max", 0, ["coalesce", ["get", "fade"], 1]]]]],
            ],
          ],
        },
      ),
    ],
  ];
}

/** Units and tracks: APP-6 symbols with a course arrow; stale ones are faded inside a dashed ring. */
export function symbols(layer, look) {
  const { name, ink, halo } = look.colour;
  const size = 19;
  const image = [
    "case",
    [">", n, 1],
    `pack/${name}/${PACK}`,
    ["concat", `unit/${name}/${size}/`, ["to-string", num("stale")], "/", str("sidc")],
  ];
  const moving = ["all", ["==", n, 1], ["has", "course_deg"], [">", num("speed_m_s"), 0.5]];
  return [
    [
      88,
      symbolLayer(
        layer,
        "-course",
        {
          "icon-image": `course/${name}`,
          "icon-rotate": num("course_deg"),
          "icon-allow-overlap": true,
          "icon-ignore-placement": true,
          "icon-rotation-alignment": "map",
        },
        { "icon-opacity": ["case", ["==", num("stale"), 1], 0.45, 0.9] },
        { filter: moving },
      ),
    ],
    [
      90,
      symbolLayer(
        layer,
        "",
        { ...iconLayout, ...ringText(), "icon-image": image, "symbol-sort-key": n },
        { "text-color": ink, "icon-opacity": ["case", ["==", num("stale"), 1], 0.7, 1] },
      ),
    ],
    [
      62,
      symbolLayer(
        layer,
        "-name",
        {
          "text-field": ["case", ["==", n, 1], str("title"), ""],
          "text-font": REGULAR,
          "text-size": 11,
          "text-variable-anchor": ["top", "bottom", "left", "right"],
          "text-radial-offset": 1.5,
          "text-max-width": 9,
        },
        { "text-color": ink, "text-halo-color": halo, "text-halo-width": 1.4 },
        { minzoom: 8 },
      ),
    ],
  ];
}

/** Sites with a class: Okabe-Ito colour, a shape of its own, and the ring of classes where they crowd. */
export function status(layer, look) {
  const { name, ink } = look.colour;
  const size = 12;
  const image = [
    "case",
    [">", n, 1],
    ["concat", `pie/${name}/`, ["to-string", diameter(PIE)], "/", ...dotted(STATUS_KEYS.map((key) => `c_${key}`))],
    ["concat", `status/${name}/`, str("status"), `/${size}`],
  ];
  const urgent = ["match", str("status"), ["stockout", "closed"], 3, ["lt7", "partly"], 2, 1];
  return [
    [
      70,
      symbolLayer(
        layer,
        "",
        {
          ...iconLayout,
          ...ringText(),
          "icon-image": image,
          "symbol-sort-key": ["case", [">", n, 1], 10, urgent],
        },
        { "text-color": ink, "text-opacity": silent(layer), "icon-opacity": silent(layer) },
      ),
    ],
  ];
}

/** Diameter in px of a ring that stands for `count`, for the legend. */
export const ringSize = (count, factor) =>
  2 * Math.round(Math.max(RING.least, Math.min(RING.most, factor * Math.sqrt(count))) / 2);
