// Marks painted on canvas when the map first asks for them. An image's name says everything about it, so a mark is
// painted once: `ring/<theme>/<diameter>/<six shares of PARTS>`, `dot/<theme>/<severity>`,
// `pie/<theme>/<diameter>/<shares by status>`, `status/<theme>/<key>/<diameter>`, `unit/<theme>/<size>/<stale>/<sidc>`,
// `pack/<theme>/<size>` (several units), `course/<theme>`, `hatch/<theme>`, `dots/<theme>`, `dashes/<theme>`, `shut/<theme>`; <theme> also tells pixel densities apart.

import { palette, STATUS_KEYS, statusMark } from "./theme.mjs";

/** A ring is divided into at most this many parts, which bounds how many images there can be. */
export const PARTS = 10;
/** Diameter in px of a single incident by severity 0..5. */
export const DOT = [9, 8, 10, 12, 15, 18];

const TAU = Math.PI * 2;

function canvas(width, height, ratio) {
  const node = document.createElement("canvas");
  node.width = Math.ceil(width * ratio);
  node.height = Math.ceil(height * ratio);
  const pen = node.getContext("2d", { willReadFrequently: true });
  pen.scale(ratio, ratio);
  return { node, pen };
}

function circle(pen, x, y, radius) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, TAU);
}

/** Ring of coloured shares around a dark disc; the shares are drawn worst first from twelve o'clock. */
function ring(pen, diameter, shares, colours, colour) {
  const c = diameter / 2 + 1.5;
  const width = Math.max(2.25, Math.min(5, diameter * 0.095));
  const radius = diameter / 2 - width / 2;
  circle(pen, c, c, diameter / 2 + 1);
  pen.fillStyle = colour.halo;
  pen.fill();
  circle(pen, c, c, diameter / 2);
  pen.fillStyle = colour["mark-fill"];
  pen.fill();
  const sum = shares.reduce((a, b) => a + b, 0) || 1;
  const gap = shares.filter(Boolean).length > 1 ? Math.min(0.09, 1.1 / radius) : 0;
  let at = -TAU / 4;
  pen.lineWidth = width;
  for (let i = shares.length - 1; i >= 0; i--) {
    if (!shares[i]) continue;
    const turn = (shares[i] / sum) * TAU;
    pen.beginPath();
    pen.arc(c, c, radius, at + gap / 2, at + turn - gap / 2);
    pen.strokeStyle = colours[i];
    pen.stroke();
    at += turn;
  }
}

function dot(pen, c, severity, colour) {
  const radius = DOT[severity] / 2;
  circle(pen, c, c, radius + 1.25);
  pen.fillStyle = colour.halo;
  pen.fill();
  if (severity === 0) {
    // unknown is hollow
    circle(pen, c, c, radius - 1);
    pen.strokeStyle = colour["sev-0"];
    pen.lineWidth = 1.5;
    pen.setLineDash([2.2, 1.8]);
    pen.stroke();
    return;
  }
  circle(pen, c, c, radius);
  pen.fillStyle = colour[`sev-${severity}`];
  pen.fill();
  if (severity === 5) {
    circle(pen, c, c, radius * 0.52);
    pen.fillStyle = colour.halo;
    pen.fill();
    circle(pen, c, c, radius * 0.3);
    pen.fillStyle = colour["sev-5"];
    pen.fill();
  }
}

function polygon(pen, c, radius, corners, turn) {
  pen.beginPath();
  for (let i = 0; i < corners; i++) {
    const a = turn + (i / corners) * TAU;
    pen.lineTo(c + radius * Math.cos(a), c + radius * Math.sin(a));
  }
  pen.closePath();
}

const SHAPES = {
  "cross-square": (pen, c, r) => {
    pen.beginPath();
    pen.rect(c - r * 0.88, c - r * 0.88, r * 1.76, r * 1.76);
  },
  triangle: (pen, c, r) => polygon(pen, c + r * 0.12, r * 1.18, 3, -TAU / 4),
  diamond: (pen, c, r) => polygon(pen, c, r * 1.15, 4, -TAU / 4),
  hexagon: (pen, c, r) => polygon(pen, c, r * 1.06, 6, 0),
  circle: (pen, c, r) => circle(pen, c, c, r),
  "ring-circle": (pen, c, r) => circle(pen, c, c, r),
  hatched: (pen, c, r) => circle(pen, c, c, r),
  hollow: (pen, c, r) => circle(pen, c, c, r),
};

function status(pen, c, radius, key, colour) {
  const [token, shape] = statusMark(key);
  const path = () => SHAPES[shape](pen, c, radius);
  const open = shape === "hollow" || shape === "hatched";
  path();
  pen.lineWidth = 2.5;
  pen.globalAlpha = open ? 0.55 : 1;
  pen.strokeStyle = colour.halo;
  pen.stroke();
  if (open) {
    path();
    pen.fillStyle = colour["mark-fill"];
    pen.fill();
    pen.globalAlpha = 1;
    pen.strokeStyle = colour[token];
    if (shape === "hatched") {
      pen.save();
      path();
      pen.clip();
      pen.lineWidth = radius * 0.2;
      for (let x = -radius * 2; x < radius * 2; x += radius * 0.55) {
        pen.beginPath();
        pen.moveTo(c + x - radius, c + radius);
        pen.lineTo(c + x + radius, c - radius);
        pen.stroke();
      }
      pen.restore();
    }
    pen.lineWidth = Math.max(1.4, radius * 0.24);
    if (shape === "hollow") pen.setLineDash([radius * 0.5, radius * 0.35]);
    path();
    pen.stroke();
    return;
  }
  path();
  pen.fillStyle = colour[token];
  pen.fill();
  pen.strokeStyle = colour["ok-black"];
  pen.fillStyle = colour["ok-black"];
  pen.lineWidth = Math.max(1.2, radius * 0.26);
  if (shape === "cross-square") {
    const d = radius * 0.46;
    pen.beginPath();
    pen.moveTo(c - d, c - d);
    pen.lineTo(c + d, c + d);
    pen.moveTo(c + d, c - d);
    pen.lineTo(c - d, c + d);
    pen.stroke();
  } else if (shape === "ring-circle") {
    circle(pen, c, c, radius * 0.36);
    pen.fill();
  }
}

function hatch(pen, size, colour) {
  pen.strokeStyle = colour.hatch;
  pen.lineWidth = 1.1;
  for (const shift of [-size, 0, size]) {
    pen.beginPath();
    pen.moveTo(shift - 1, size + 1);
    pen.lineTo(shift + size + 1, -1);
    pen.stroke();
  }
}

/** milsymbol is 200 kB on the wire: it is fetched when the first unit is drawn, not before. */
async function milsymbol() {
  await import("./vendor/milsymbol/milsymbol.js");
  return globalThis.ms;
}

async function unit([size, stale, ...sidc], ratio) {
  const ms = await milsymbol();
  const colour = palette();
  const options = {
    size: Number(size),
    outlineWidth: 3,
    outlineColor: colour.halo,
    strokeWidth: 5,
    fillOpacity: stale === "1" ? 0.35 : 1,
  };
  const symbol = new ms.Symbol(sidc.join("/"), options);
  const anchor = symbol.getAnchor();
  const box = symbol.getSize();
  const half =
    Math.ceil(Math.max(anchor.x, box.width - anchor.x, anchor.y, box.height - anchor.y)) + (stale === "1" ? 5 : 1);
  const { node, pen } = canvas(half * 2, half * 2, ratio);
  const drawn = new Image();
  drawn.src = symbol.toDataURL(); // as SVG: reading back a canvas of its own costs twenty times as much
  await drawn.decode();
  pen.drawImage(drawn, half - anchor.x, half - anchor.y, box.width, box.height);
  if (stale === "1") {
    circle(pen, half, half, half - 1.5);
    pen.setLineDash([3, 3]);
    pen.lineWidth = 1.4;
    pen.strokeStyle = colour["ink-2"];
    pen.stroke();
  }
  return node;
}

const PAINTERS = {
  ring([diameter, shares], ratio, colour) {
    const d = Number(diameter);
    const { node, pen } = canvas(d + 3, d + 3, ratio);
    const colours = [0, 1, 2, 3, 4, 5].map((i) => colour[`sev-${i}`]);
    ring(pen, d, shares.split(".").map(Number), colours, colour);
    return node;
  },
  pie([diameter, shares], ratio, colour) {
    const d = Number(diameter);
    const { node, pen } = canvas(d + 3, d + 3, ratio);
    const counts = shares.split(".").map(Number);
    const keys = STATUS_KEYS.filter((_, i) => counts[i]).reverse();
    ring(
      pen,
      d,
      keys.map((key) => counts[STATUS_KEYS.indexOf(key)]),
      keys.map((key) => colour[statusMark(key)[0]]),
      colour,
    );
    return node;
  },
  dot([severity], ratio, colour) {
    const size = DOT[severity] + 4;
    const { node, pen } = canvas(size, size, ratio);
    dot(pen, size / 2, Number(severity), colour);
    return node;
  },
  status([key, diameter], ratio, colour) {
    const size = Number(diameter) * 1.2 + 4;
    const { node, pen } = canvas(size, size, ratio);
    status(pen, size / 2, Number(diameter) / 2, key, colour);
    return node;
  },
  pack([size], ratio, colour) {
    const d = Number(size);
    const { node, pen } = canvas(d + 3, d + 3, ratio);
    for (const [inset, fill] of [
      [0, colour.halo],
      [1, colour.ink],
      [2.5, colour["mark-fill"]],
    ]) {
      pen.beginPath();
      pen.roundRect(inset + 0.5, inset + 2.5, d + 2 - 2 * inset, d - 2 - 2 * inset, 2.5);
      pen.fillStyle = fill;
      pen.fill();
    }
    return node;
  },
  course(_, ratio, colour) {
    const { node, pen } = canvas(10, 64, ratio);
    pen.strokeStyle = colour.ink;
    pen.fillStyle = colour.ink;
    pen.lineWidth = 1.4;
    pen.beginPath();
    pen.moveTo(5, 17);
    pen.lineTo(5, 4);
    pen.stroke();
    pen.beginPath();
    pen.moveTo(5, 0);
    pen.lineTo(8, 6);
    pen.lineTo(2, 6);
    pen.closePath();
    pen.fill();
    return node;
  },
  hatch(_, ratio, colour) {
    const { node, pen } = canvas(8, 8, ratio);
    hatch(pen, 8, colour);
    return node;
  },
  dots(_, ratio, colour) {
    const { node, pen } = canvas(9, 9, ratio);
    pen.fillStyle = colour.hatch;
    circle(pen, 4.5, 4.5, 0.9);
    pen.fill();
    return node;
  },
  dashes(_, ratio, colour) {
    const { node, pen } = canvas(12, 8, ratio);
    pen.fillStyle = colour.hatch;
    pen.fillRect(0, 2, 5, 1.2);
    pen.fillRect(6, 6, 5, 1.2);
    return node;
  },
  shut(_, ratio, colour) {
    const { node, pen } = canvas(13, 13, ratio);
    status(pen, 6.5, 5.2, "closed", colour);
    return node;
  },
  unit: (args, ratio) => unit(args, ratio),
};

/** Canvas of a mark by its name (see the head of this file), at `ratio` device pixels a pixel. May be a promise. */
export function paint(name, ratio = devicePixelRatio || 1) {
  const [kind, , ...args] = name.split("/");
  const painter = PAINTERS[kind];
  if (!painter) throw new Error(`no mark is called ${name}`);
  return painter(args, ratio, palette());
}

/** Adds a mark the map misses. An unknown or unpaintable name gets an empty pixel, so that it is asked for once. */
export async function resolve(map, name) {
  const ratio = map.getPixelRatio();
  let pixels;
  try {
    const node = await paint(name, ratio);
    pixels = node.getContext("2d").getImageData(0, 0, node.width, node.height);
  } catch (error) {
    console.error(`mark ${name}: ${error.message}`);
    pixels = new ImageData(1, 1);
  }
  if (!map.hasImage(name)) map.addImage(name, pixels, { pixelRatio: ratio });
}

/** Drops painted marks that no loaded tile shows, once there are more than `most`; asked again they are painted again. */
export function trim(map, most = 1500) {
  const all = map.listImages();
  if (all.length <= most) return;
  for (const name of all.slice(0, all.length - most / 2)) map.removeImage(name);
}
