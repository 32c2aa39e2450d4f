// Longitude/latitude (WGS 84) to the Military Grid Reference System.
// Transverse Mercator by Karney's series to n^4 (Krueger 1912): below a millimetre inside a zone.

const A = 6378137;
const F = 1 / 298.257223563;
const N = F / (2 - F);
const RECTIFYING = (A / (1 + N)) * (1 + N ** 2 / 4 + N ** 4 / 64);
const ALPHA = [
  N / 2 - (2 / 3) * N ** 2 + (5 / 16) * N ** 3 + (41 / 180) * N ** 4,
  (13 / 48) * N ** 2 - (3 / 5) * N ** 3 + (557 / 1440) * N ** 4,
  (61 / 240) * N ** 3 - (103 / 140) * N ** 4,
  (49561 / 161280) * N ** 4,
];
const SCALE = 0.9996;
const BANDS = "CDEFGHJKLMNPQRSTUVWXX";
const COLUMNS = ["STUVWXYZ", "ABCDEFGH", "JKLMNPQR"];
const ROWS = ["FGHJKLMNPQRSTUVABCDE", "ABCDEFGHJKLMNPQRSTUV"];

function zoneOf(lon, lat) {
  if (lat >= 56 && lat < 64 && lon >= 3 && lon < 12) return 32; // Norway
  if (lat >= 72 && lat <= 84) {
    // Svalbard
    if (lon >= 0 && lon < 9) return 31;
    if (lon >= 9 && lon < 21) return 33;
    if (lon >= 21 && lon < 33) return 35;
    if (lon >= 33 && lon < 42) return 37;
  }
  return (Math.floor((lon + 180) / 6) % 60) + 1;
}

/** UTM {zone, easting, northing} in metres; northing counts from 10,000 km in the south. */
export function utm(lon, lat) {
  const zone = zoneOf(lon, lat);
  const phi = (lat * Math.PI) / 180;
  const lambda = ((lon - (zone * 6 - 183)) * Math.PI) / 180;
  const e = Math.sqrt(F * (2 - F));
  const tau = Math.tan(phi);
  const sigma = Math.sinh(e * Math.atanh((e * tau) / Math.hypot(1, tau)));
  const conformal = tau * Math.hypot(1, sigma) - sigma * Math.hypot(1, tau);
  const xi = Math.atan2(conformal, Math.cos(lambda));
  const eta = Math.asinh(Math.sin(lambda) / Math.hypot(conformal, Math.cos(lambda)));
  let x = eta;
  let y = xi;
  ALPHA.forEach((a, i) => {
    const k = 2 * (i + 1);
    x += a * Math.cos(k * xi) * Math.sinh(k * eta);
    y += a * Math.sin(k * xi) * Math.cosh(k * eta);
  });
  return {
    zone,
    easting: 500_000 + SCALE * RECTIFYING * x,
    northing: SCALE * RECTIFYING * y + (lat < 0 ? 10_000_000 : 0),
  };
}

/** `36N TF 12345 67890` with 1 to 5 digits a side; empty beyond 84 N and 80 S, where UTM ends. */
export function mgrs(lon, lat, digits = 5) {
  if (!(lat >= -80 && lat <= 84) || !Number.isFinite(lon)) return "";
  const wrapped = ((((lon + 180) % 360) + 360) % 360) - 180;
  const { zone, easting, northing } = utm(wrapped, lat);
  const band = BANDS[Math.floor((lat + 80) / 8)];
  const column = COLUMNS[zone % 3][Math.floor(easting / 100_000) - 1];
  const row = ROWS[zone % 2][Math.floor(northing / 100_000) % 20];
  const part = (metres) => String(Math.floor(Math.floor(metres % 100_000) / 10 ** (5 - digits))).padStart(digits, "0");
  return `${zone}${band} ${column}${row} ${part(easting)} ${part(northing)}`;
}
