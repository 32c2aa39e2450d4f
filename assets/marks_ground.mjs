// Marks that are ground: alerts and figures by area, borders, names, roads.

import { num, REGULAR, SEMIBOLD, str, symbolLayer } from "./marks_shared.mjs";

const severityColour = (colour) => [
  "match",
  num("severity"),
  5,
  colour["sev-5"],
  4,
  colour["sev-4"],
  3,
  colour["sev-3"],
  2,
  colour["sev-2"],
  1,
  colour["sev-1"],
  colour["sev-0"],
];

/** Alerts: dashed outline, light fill, the title running along the edge. */
export function areas(layer, look) {
  const { colour } = look;
  const tint = severityColour(colour);
  const base = { source: layer.id, "source-layer": layer.id };
  return [
    [
      40,
      {
        id: `${layer.id}-fill`,
        type: "fill",
        ...base,
        paint: { "fill-color": tint, "fill-opacity": colour.name.startsWith("light") ? 0.05 : 0.08 },
      },
    ],
    [
      54,
      {
        id: `${layer.id}-casing`,
        type: "line",
        ...base,
        paint: {
          "line-color": colour.halo,
          "line-opacity": 0.7,
          "line-width": ["+", 3, ["*", 0.35, num("severity")]],
        },
      },
    ],
    [
      55,
      {
        id: layer.id,
        type: "line",
        ...base,
        paint: {
          "line-color": tint,
          "line-dasharray": [3, 1.6],
          "line-width": ["+", 0.8, ["*", 0.35, num("severity")]],
        },
      },
    ],
    [
      64,
      symbolLayer(
        layer,
        "-name",
        {
          "symbol-placement": "line",
          "text-field": str("title"),
          "text-font": SEMIBOLD,
          "text-size": 11,
          "symbol-spacing": 600,
          "text-offset": [0, -0.9],
          "text-max-angle": 35,
        },
        { "text-color": tint, "text-halo-color": colour.halo, "text-halo-width": 1.6 },
      ),
    ],
  ];
}

/** Areas by figure: five classes, hatched where nothing was reported, dotted where it is unknown, dashed where too few are to be told. */
export function choropleth(layer, look) {
  const { colour } = look;
  const base = { type: "fill", source: layer.id, "source-layer": layer.id };
  const cls = ["coalesce", ["get", "cls"], -1];
  return [
    [
      35,
      {
        id: layer.id,
        ...base,
        paint: {
          "fill-color": [
            "match",
            cls,
            [-3, 0],
            colour["cho-0"],
            1,
            colour["cho-1"],
            2,
            colour["cho-2"],
            3,
            colour["cho-3"],
            4,
            colour["cho-4"],
            colour["cho-none"],
          ],
          "fill-opacity": ["interpolate", ["linear"], ["zoom"], 7.5, 1, 11, 0.4],
          "fill-antialias": false,
        },
      },
    ],
    [
      36,
      { id: `${layer.id}-silent`, ...base, filter: ["==", cls, -2], paint: { "fill-pattern": `hatch/${colour.name}` } },
    ],
    [
      37,
      { id: `${layer.id}-unknown`, ...base, filter: ["==", cls, -1], paint: { "fill-pattern": `dots/${colour.name}` } },
    ],
    [
      38,
      { id: `${layer.id}-fewer`, ...base, filter: ["==", cls, -3], paint: { "fill-pattern": `dashes/${colour.name}` } },
    ],
  ];
}

/** Borders by level; the mission's own land is lit by its outermost one, with water lines along the coast. */
export function boundaries(layer, look) {
  const { colour } = look;
  const base = { source: layer.id, "source-layer": layer.id };
  const level = num("level");
  const width = (zoom, ...widths) => [zoom, ["match", level, 0, widths[0], 1, widths[1], 2, widths[2], widths[3]]];
  const paint = {
    "line-color": ["match", level, 0, colour.coast, colour.border],
    "line-opacity": ["match", level, 0, 1, 1, 0.95, 2, 0.6, 0.45],
    "line-width": [
      "interpolate",
      ["linear"],
      ["zoom"],
      ...width(4, 1, 0.7, 0.2, 0),
      ...width(7, 1.4, 1.2, 0.6, 0.3),
      ...width(11, 2, 1.8, 1, 0.7),
    ],
  };
  const order = { "line-sort-key": ["-", 0, level], "line-join": "round" };
  const waterLine = (offset, opacity) => [
    12,
    {
      id: `${layer.id}-water-${offset}`,
      type: "line",
      ...base,
      filter: ["==", level, 0],
      layout: { "line-join": "round" },
      paint: { "line-color": colour["water-line"], "line-width": 1, "line-offset": -offset, "line-opacity": opacity },
    },
  ];
  return [
    waterLine(4, 0.9),
    waterLine(9, 0.6),
    waterLine(15, 0.35),
    [
      30,
      {
        id: `${layer.id}-land`,
        type: "fill",
        ...base,
        filter: ["==", level, 0],
        paint: { "fill-color": colour["land-own"], "fill-antialias": false },
      },
    ],
    [50, { id: layer.id, type: "line", ...base, filter: ["!=", num("disputed"), 1], layout: order, paint }],
    [
      51,
      {
        id: `${layer.id}-disputed`,
        type: "line",
        ...base,
        filter: ["==", num("disputed"), 1],
        layout: order,
        paint: { ...paint, "line-dasharray": [3, 2.4] },
      },
    ],
  ];
}

/** Places for a town's name, near ones first: beside its dot, then further out, so that marks push it but do not eat it. */
function beside() {
  const places = [];
  for (const far of [0.5, 1.2, 2]) {
    const slant = far * 0.75;
    places.push(
      "left",
      [far, 0],
      "right",
      [-far, 0],
      "bottom",
      [0, -far],
      "top",
      [0, far],
      "bottom-left",
      [slant, -slant],
      "top-left",
      [slant, slant],
      "bottom-right",
      [-slant, -slant],
      "top-right",
      [-slant, slant],
    );
  }
  return places;
}

/** Names: areas spaced out in capitals, towns beside a small dot; the local name stands below in a quieter colour. */
export function labels(layer, look) {
  const { colour, lang } = look;
  const spaced = lang === "ar" ? 0 : 0.22;
  const both = (tone, upper) => {
    const own = upper && lang !== "ar" ? ["upcase", str("name")] : str("name");
    return [
      "case",
      ["any", ["==", str("name_local"), ""], ["==", str("name_local"), str("name")]],
      ["format", own, {}],
      ["format", own, {}, "\n", {}, str("name_local"), { "font-scale": 0.86, "text-color": tone }],
    ];
  };
  const kind = str("kind");
  const halo = { "text-halo-color": colour.halo, "text-halo-width": 1.5 };
  const around = (far) =>
    [
      ["center", [0, 0]],
      ["bottom", [0, -far]],
      ["top", [0, far]],
      ["left", [far, 0]],
      ["right", [-far, 0]],
      ["bottom-left", [far * 0.7, -far * 0.7]],
      ["top-right", [-far * 0.7, far * 0.7]],
      ["top-left", [far * 0.7, far * 0.7]],
      ["bottom-right", [-far * 0.7, -far * 0.7]],
    ].flat();
  const area = (id, match, size, minzoom, slot, far) => [
    slot,
    symbolLayer(
      layer,
      id,
      {
        "text-field": both(colour["place-area"], true),
        "text-font": REGULAR,
        "text-size": size,
        "text-letter-spacing": spaced,
        "text-max-width": 8,
        "text-variable-anchor-offset": around(far),
        "text-padding": 4,
        "symbol-sort-key": num("rank"),
      },
      { "text-color": colour["place-area"], ...halo },
      { filter: ["==", kind, match], minzoom },
    ),
  ];
  return [
    [
      58,
      {
        id: `${layer.id}-dot`,
        type: "circle",
        source: layer.id,
        "source-layer": layer.id,
        filter: ["==", kind, "town"],
        minzoom: 5,
        paint: {
          "circle-radius": 1.9,
          "circle-color": colour.place,
          "circle-stroke-color": colour.halo,
          "circle-stroke-width": 1,
        },
      },
    ],
    area("-adm2", "adm2", 10.5, 7, 60, 1.1),
    [
      61,
      symbolLayer(
        layer,
        "-town",
        {
          "text-field": both(colour["place-area"], false),
          "text-font": REGULAR,
          "text-size": ["interpolate", ["linear"], ["zoom"], 5, 11.5, 9, 13],
          "text-variable-anchor-offset": beside(),
          "text-justify": "auto",
          "text-padding": 2,
          "symbol-sort-key": num("rank"),
          "text-max-width": 9,
        },
        { "text-color": colour.place, ...halo },
        { filter: ["==", kind, "town"], minzoom: 4.5 },
      ),
    ],
    area("-adm1", "adm1", 13, 3.5, 66, 2.2),
  ];
}

/** Roads, bridges and rivers; a closure is a word, a colour, a dash and a mark on the line. */
export function lines(layer, look) {
  const { colour } = look;
  const base = { source: layer.id, "source-layer": layer.id };
  const state = str("status");
  const cls = str("cls");
  const wide = (z5, z11) => ["interpolate", ["exponential", 1.4], ["zoom"], 5, z5, 11, z11];
  const round = { "line-join": "round" };
  const road = (id, filter, paint, slot = 46) => [
    slot,
    { id: `${layer.id}${id}`, type: "line", ...base, filter, layout: round, paint },
  ];
  const not = (key) => ["!=", cls, key];
  return [
    road("-river", ["==", cls, "river"], { "line-color": colour.river, "line-width": wide(0.8, 2.4) }, 44),
    road("-minor", ["all", ["==", cls, "track"], ["match", state, ["closed", "restricted"], false, true]], {
      "line-color": colour.road,
      "line-opacity": 0.7,
      "line-width": wide(0.5, 1.6),
      "line-dasharray": [3, 1.5],
    }),
    road("", ["all", not("track"), not("river"), ["match", state, ["closed", "restricted", "unknown"], false, true]], {
      "line-color": colour.road,
      "line-width": ["match", cls, "primary", 1.5, "bridge", 3, 1],
    }),
    road("-unsure", ["all", not("track"), not("river"), ["==", state, "unknown"]], {
      "line-color": colour.road,
      "line-width": wide(1, 2.4),
      "line-dasharray": [1, 1.8],
    }),
    road(
      "-casing",
      ["match", state, ["closed", "restricted"], true, false],
      { "line-color": colour.halo, "line-width": wide(3.4, 7) },
      47,
    ),
    road(
      "-restricted",
      ["==", state, "restricted"],
      { "line-color": colour["ok-orange"], "line-width": wide(1.5, 3.2), "line-dasharray": [4, 2] },
      48,
    ),
    road(
      "-closed",
      ["==", state, "closed"],
      { "line-color": colour["ok-vermilion"], "line-width": wide(1.7, 3.4), "line-dasharray": [1.6, 1.4] },
      48,
    ),
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
        { filter: ["==", state, "closed"] },
      ),
    ],
  ];
}

/** Where pictures of the ground lie; the pictures themselves are sources of their own (map_style.mjs). */
export function pictures(layer, look) {
  const { colour } = look;
  return [
    [
      39,
      {
        id: layer.id,
        type: "line",
        source: layer.id,
        "source-layer": layer.id,
        paint: { "line-color": colour["ink-2"], "line-width": 1, "line-dasharray": [1, 3], "line-opacity": 0.8 },
      },
    ],
  ];
}
