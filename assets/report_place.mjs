// A place without a map: where the phone is, a latitude and longitude, a grid reference, or an area by its P-code or name.

import { fromMgrs } from "./mgrs_back.mjs";

const SHOWN = 8;
const DEGREES = /^([+-]?\d{1,3}(?:[.,]\d+)?)\s*°?\s*([NSns])?\s*[,;\s]\s*([+-]?\d{1,3}(?:[.,]\d+)?)\s*°?\s*([EWOewo])?$/;

/** Without accents, case and hyphens; Arabic digits as ours. */
export const plain = (text) =>
  text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[٠-٩]/g, (digit) => String(digit.charCodeAt(0) - 0x660))
    .toLowerCase()
    .replace(/[-'’_]/g, " ")
    .trim();

function degrees(text) {
  const found = DEGREES.exec(text);
  if (!found) return null;
  const [lat, lon] = [found[1], found[3]].map((part) => Number(part.replace(",", ".")));
  const place = { lat: /s/i.test(found[2] ?? "") ? -lat : lat, lon: /[wo]/i.test(found[4] ?? "") ? -lon : lon };
  return Math.abs(place.lat) <= 90 && Math.abs(place.lon) <= 180 ? place : null;
}

/** What a text may mean: [{lon, lat, label, place_precision, adm_pcode}], the likeliest first. `places` as `/report/places` says. */
export function meant(text, places) {
  const told = plain(text);
  if (told.length < 2) return [];
  const at = degrees(told);
  if (at) return [{ ...at, label: `${at.lat.toFixed(5)}, ${at.lon.toFixed(5)}`, place_precision: "exact" }];
  const square = fromMgrs(text);
  if (square) {
    const label = text.toUpperCase().replace(/\s+/g, " ").trim();
    return [{ lon: square.lon, lat: square.lat, label, place_precision: square.metres <= 50 ? "exact" : "near" }];
  }
  const scored = [];
  for (const [pcode, name, parent, , , level] of places) {
    const named = plain(name);
    const code = pcode.toLowerCase();
    const score = code === told || named === told ? 3 : named.startsWith(told) || code.startsWith(told) ? 2 : 0;
    if (score || named.includes(told)) {
      const label = `${name}${parent ? `, ${parent}` : ""} (${pcode})`;
      scored.push([score || 1, { label, adm_pcode: pcode, place: name, place_precision: `adm${level}` }]);
    }
  }
  return scored
    .sort((a, b) => b[0] - a[0])
    .slice(0, SHOWN)
    .map(([, place]) => place);
}

/** Where the phone is; rejects with its reason. */
export const here = () =>
  new Promise((done, fail) => {
    if (!navigator.geolocation) fail(new Error("-"));
    else
      navigator.geolocation.getCurrentPosition(
        ({ coords }) =>
          done({
            lon: coords.longitude,
            lat: coords.latitude,
            metres: Math.round(coords.accuracy),
            label: `${coords.latitude.toFixed(5)}, ${coords.longitude.toFixed(5)}`,
            place_precision: coords.accuracy <= 100 ? "exact" : "near",
          }),
        fail,
        { enableHighAccuracy: true, timeout: 30_000, maximumAge: 60_000 },
      );
  });
