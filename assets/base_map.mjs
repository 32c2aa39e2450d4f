// Land, water and the graticule, from Natural Earth's TopoJSON, decoded here: no map server, no third-party decoder.

import { letters, numericCode } from "./countries.mjs";

const files = new Map();

async function topology(detail) {
  if (!files.has(detail)) {
    const address = new URL(`./vendor/world-atlas/countries-${detail}.json`, import.meta.url);
    files.set(detail, fetch(address).then((answer) => {
      if (!answer.ok) throw new Error(`base map ${detail}: HTTP ${answer.status}; run \`make install\``);
      return answer.json();
    }));
    files.get(detail).catch(() => files.delete(detail));
  }
  return files.get(detail);
}

/** Decodes one quantised arc (delta coded) to lon/lat pairs. */
function arcOf(topo, index) {
  const { scale, translate } = topo.transform;
  let x = 0;
  let y = 0;
  return topo.arcs[index].map(([dx, dy]) => {
    x += dx;
    y += dy;
    return [x * scale[0] + translate[0], y * scale[1] + translate[1]];
  });
}

function ringOf(topo, arcs, decoded) {
  const ring = [];
  for (const number of arcs) {
    const index = number < 0 ? ~number : number;
    if (!decoded.has(index)) decoded.set(index, arcOf(topo, index));
    const arc = decoded.get(index);
    const piece = number < 0 ? arc.toReversed() : arc;
    for (let i = ring.length ? 1 : 0; i < piece.length; i++) ring.push(piece[i]);
  }
  return ring;
}

function boundsOf(ring) {
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of ring) {
    if (x < box[0]) box[0] = x;
    if (y < box[1]) box[1] = y;
    if (x > box[2]) box[2] = x;
    if (y > box[3]) box[3] = y;
  }
  return box;
}

const area = (box) => (box[2] - box[0]) * (box[3] - box[1]);

/** Where a country's name goes: the centroid of its largest part. */
function namePoint(rings) {
  const largest = rings.reduce((best, ring) => (area(boundsOf(ring)) > area(boundsOf(best)) ? ring : best));
  let sum = 0;
  let x = 0;
  let y = 0;
  for (let i = 0; i < largest.length - 1; i++) {
    const cross = largest[i][0] * largest[i + 1][1] - largest[i + 1][0] * largest[i][1];
    sum += cross;
    x += (largest[i][0] + largest[i + 1][0]) * cross;
    y += (largest[i][1] + largest[i + 1][1]) * cross;
  }
  return sum ? [x / (3 * sum), y / (3 * sum)] : largest[0];
}

function nearBox(box, region) {
  return !region || (box[0] <= region[2] && box[2] >= region[0] && box[1] <= region[3] && box[3] >= region[1]);
}

/**
 * Countries as GeoJSON: polygons and name points {name, own}. `region` [w, s, e, n] keeps only what it touches;
 * `detail` is `50m` or `10m` (1:10 million is for a mission in a real country and is cut to its surroundings).
 */
async function countries(detail, region, mission, lang) {
  const topo = await topology(detail);
  const own = numericCode(mission);
  const decoded = new Map();
  const features = [];
  const names = new Intl.DisplayNames([lang || "en"], { type: "region", fallback: "none" });
  for (const shape of topo.objects.countries.geometries) {
    const polygons = shape.type === "Polygon" ? [shape.arcs] : shape.type === "MultiPolygon" ? shape.arcs : [];
    const kept = polygons
      .map((polygon) => polygon.map((arcs) => ringOf(topo, arcs, decoded)))
      .filter((rings) => nearBox(boundsOf(rings[0]), region));
    if (!kept.length) continue;
    const code = letters(shape.id ?? "");
    const name = (code && names.of(code)) || shape.properties.name;
    const properties = { name, own: shape.id === own ? 1 : 0 };
    features.push({ type: "Feature", properties, geometry: { type: "MultiPolygon", coordinates: kept } });
    const point = namePoint(kept.map((rings) => rings[0]));
    features.push({ type: "Feature", properties, geometry: { type: "Point", coordinates: point } });
  }
  if (detail !== "50m") files.delete(detail); // 3.7 MB of text that is not needed again
  return { type: "FeatureCollection", features };
}

/** Meridians and parallels every `step` degrees inside [w, s, e, n]. */
function graticule(step, [west, south, east, north]) {
  const line = (coordinates) => ({
    type: "Feature", properties: { step }, geometry: { type: "LineString", coordinates },
  });
  const features = [];
  for (let lon = Math.ceil(west / step) * step; lon <= east; lon += step) features.push(line([[lon, south], [lon, north]]));
  for (let lat = Math.ceil(south / step) * step; lat <= north; lat += step) {
    features.push(line([[west, lat], [east, lat]]));
  }
  return features;
}

/**
 * Answers the map's own addresses `cg-base://world/<detail>/<country>/<w,s,e,n>/<lang>` and `cg-base://grid/<w,s,e,n>`.
 */
export async function baseProtocol(request) {
  const [what, ...rest] = request.url.replace("cg-base://", "").split("/");
  if (what === "grid") {
    const [w, s, e, n] = rest[0].split(",").map(Number);
    const near = [Math.max(-180, w - 12), Math.max(-84, s - 12), Math.min(180, e + 12), Math.min(84, n + 12)];
    const features = [...graticule(10, [-180, -80, 180, 80]), ...graticule(1, near.map(Math.round))];
    return { data: { type: "FeatureCollection", features } };
  }
  const [detail, mission, box, lang] = rest;
  const region = detail === "10m" ? box.split(",").map(Number) : null;
  return { data: await countries(detail, region, mission, lang) };
}
