// The Military Grid Reference System back to longitude/latitude (WGS 84): the centre of the square a reference names.
// Inverse Transverse Mercator by Karney's series to n^4 (Krueger 1912), as in mgrs.mjs.

import { utm } from "./mgrs.mjs";

const A = 6378137;
const F = 1 / 298.257223563;
const N = F / (2 - F);
const RECTIFYING = (A / (1 + N)) * (1 + N ** 2 / 4 + N ** 4 / 64);
const BETA = [
  N / 2 - (2 / 3) * N ** 2 + (37 / 96) * N ** 3 - N ** 4 / 360,
  N ** 2 / 48 + N ** 3 / 15 - (437 / 1440) * N ** 4,
  (17 / 480) * N ** 3 - (37 / 840) * N ** 4,
  (4397 / 161280) * N ** 4,
];
const DELTA = [
  2 * N - (2 / 3) * N ** 2 - 2 * N ** 3 + (116 / 45) * N ** 4,
  (7 / 3) * N ** 2 - (8 / 5) * N ** 3 - (227 / 45) * N ** 4,
  (56 / 15) * N ** 3 - (136 / 35) * N ** 4,
  (4279 / 630) * N ** 4,
];
const SCALE = 0.9996;
const BANDS = "CDEFGHJKLMNPQRSTUVWX";
const COLUMNS = ["STUVWXYZ", "ABCDEFGH", "JKLMNPQR"];
const ROWS = ["FGHJKLMNPQRSTUVABCDE", "ABCDEFGHJKLMNPQRSTUV"];
const REFERENCE = /^(\d{1,2})([C-HJ-NP-X])([A-HJ-NP-Z])([A-HJ-NP-V])(\d*)$/;

/** {lon, lat, metres} of `36N TF 12345 67890` (metres: half the side of the square), or null where it is no reference. */
export function fromMgrs(reference) {
  const found = REFERENCE.exec(reference.toUpperCase().replace(/\s+/g, ""));
  if (!found) return null;
  const [, zoneText, band, columnText, rowText, digits] = found;
  const zone = Number(zoneText);
  const column = COLUMNS[zone % 3].indexOf(columnText);
  const row = ROWS[zone % 2].indexOf(rowText);
  if (zone < 1 || zone > 60 || column < 0 || digits.length % 2 || digits.length > 10) return null;
  const half = digits.length / 2;
  const side = 10 ** (5 - half);
  const east = (column + 1) * 100_000 + Number(digits.slice(0, half) || 0) * side + side / 2;
  const north = row * 100_000 + Number(digits.slice(half) || 0) * side + side / 2;
  const foot = -80 + 8 * BANDS.indexOf(band);
  const top = band === "X" ? 84 : foot + 8;
  // Rows repeat every 2,000 km: the one that lies in the band, with a square's room at its edges.
  const first = Math.floor(utm(zone * 6 - 183, foot).northing / 2_000_000) * 2_000_000;
  for (const cycle of [first, first + 2_000_000]) {
    const at = geographic(zone, east, cycle + north, foot < 0);
    if (at.lat >= foot - 1 && at.lat < top + 1) return { ...at, metres: side / 2 };
  }
  return null;
}

function geographic(zone, easting, northing, south) {
  const xi = (northing - (south ? 10_000_000 : 0)) / (SCALE * RECTIFYING);
  const eta = (easting - 500_000) / (SCALE * RECTIFYING);
  let x = xi;
  let y = eta;
  BETA.forEach((b, i) => {
    const k = 2 * (i + 1);
    x -= b * Math.sin(k * xi) * Math.cosh(k * eta);
    y -= b * Math.cos(k * xi) * Math.sinh(k * eta);
  });
  const chi = Math.asin(Math.sin(x) / Math.cosh(y));
  const phi = DELTA.reduce((sum, d, i) => sum + d * Math.sin(2 * (i + 1) * chi), chi);
  const lambda = Math.atan2(Math.sinh(y), Math.cos(x));
  return { lon: zone * 6 - 183 + (lambda * 180) / Math.PI, lat: (phi * 180) / Math.PI };
}
