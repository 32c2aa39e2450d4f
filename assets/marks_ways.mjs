// Travel time along roads: a band of colour under the road, never a number; what is closed and what is tried stand out by dash.

import { str, symbolLayer } from "./marks_shared.mjs";

/** Band -> colour token: the order of the days of supply, so that one who knows the one reads the other. */
const TONES = {
  b30: "ok-green",
  b60: "ok-sky",
  b120: "ok-yellow",
  b240: "ok-orange",
  b480: "ok-purple",
  far: "ok-purple",
};

export function ways(layer, look) {
  const { colour } = look;
  const base = { source: layer.id, "source-layer": layer.id, type: "line", layout: { "line-join": "round" } };
  const band = str("status");
  const wide = (z5, z11) => ["interpolate", ["exponential", 1.4], ["zoom"], 5, z5, 11, z11];
  const line = (id, filter, paint, slot = 45) => [slot, { id: `${layer.id}${id}`, ...base, filter, paint }];
  const tone = ["match", band, ...Object.entries(TONES).flatMap(([key, token]) => [key, colour[token]]), colour.road];
  const dashed = (key, token, dash, slot) =>
    line(`-${key}`, ["==", band, key], { "line-color": colour[token], "line-width": wide(3, 6), "line-dasharray": dash }, slot);
  return [
    line("-casing", true, { "line-color": colour.halo, "line-width": wide(5, 10), "line-opacity": 0.8 }),
    line("", ["match", band, ["none", "closed", "tried", "far"], false, true], {
      "line-color": tone,
      "line-width": wide(3, 6.5),
    }),
    dashed("far", "ok-purple", [2, 0.8]),
    dashed("none", "ok-vermilion", [0.6, 0.9]),
    dashed("closed", "ok-vermilion", [1.6, 1.4], 49),
    dashed("tried", "accent", [1.6, 0.6], 49),
    [
      68,
      symbolLayer(
        layer,
        "-shut",
        {
          "symbol-placement": "line-center",
          "icon-image": `shut/${colour.name}`,
          "icon-rotation-alignment": "viewport",
          "icon-allow-overlap": true,
        },
        {},
        { filter: ["==", band, "tried"] },
      ),
    ],
  ];
}
