// Times, ages, numbers and places as the field writes them. Digits are always Western and tabular.

import { lang, t } from "./i18n.mjs";
import { mgrs } from "./mgrs.mjs";

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const two = (number) => String(number).padStart(2, "0");

/** Epoch ms of an RFC 3339 text, of epoch seconds, or of epoch ms; NaN when it is none. */
export function time(value) {
  if (typeof value === "number") return value < 1e11 ? value * 1000 : value;
  return Date.parse(value ?? "");
}

/** Date-time group, `201800Z NOV 26`. */
export function dtg(value) {
  const at = new Date(time(value));
  if (Number.isNaN(at.getTime())) return t("unknown");
  return (
    `${two(at.getUTCDate())}${two(at.getUTCHours())}${two(at.getUTCMinutes())}Z ` +
    `${MONTHS[at.getUTCMonth()]} ${two(at.getUTCFullYear() % 100)}`
  );
}

/**
 * Epoch ms of a time as people here write it: `210600Z NOV 26`, `0600Z` (the last one that has been), or RFC 3339; NaN when
 * it is none.
 */
export function momentOf(words, now) {
  const written = words.trim().toUpperCase();
  const found = /^(\d{2})?(\d{2})(\d{2})Z?(?:\s*([A-Z]{3})\s*(\d{2}))?$/.exec(written);
  if (!found) return Date.parse(words.trim());
  const [, day, hour, minute, name, year] = found;
  if (Number(hour) > 23 || Number(minute) > 59) return Number.NaN;
  const at = new Date(now);
  if (name) {
    const index = MONTHS.indexOf(name);
    const whole = Date.UTC(2000 + Number(year), index, Number(day ?? 0), Number(hour), Number(minute));
    return index < 0 || new Date(whole).getUTCDate() !== Number(day) ? Number.NaN : whole;
  }
  at.setUTCHours(Number(hour), Number(minute), 0, 0);
  if (day) at.setUTCDate(Number(day));
  while (at.getTime() > now) day ? at.setUTCMonth(at.getUTCMonth() - 1) : at.setUTCDate(at.getUTCDate() - 1);
  return at.getTime();
}

/** `1826Z` and `20 NOV 26`. */
export function zulu(ms) {
  const at = new Date(ms);
  return {
    clock: `${two(at.getUTCHours())}${two(at.getUTCMinutes())}Z`,
    date: `${two(at.getUTCDate())} ${MONTHS[at.getUTCMonth()]} ${two(at.getUTCFullYear() % 100)}`,
    seconds: two(at.getUTCSeconds()),
  };
}

/** `2126` at an offset from UTC in minutes. */
export function local(ms, offsetMinutes) {
  const at = new Date(ms + offsetMinutes * 60_000);
  return `${two(at.getUTCHours())}${two(at.getUTCMinutes())}`;
}

/** `NOV 26` or, with the day, `20 NOV`. */
export function month(ms, withDay = false) {
  const at = new Date(ms);
  return withDay
    ? `${two(at.getUTCDate())} ${MONTHS[at.getUTCMonth()]}`
    : `${MONTHS[at.getUTCMonth()]} ${two(at.getUTCFullYear() % 100)}`;
}

/** Age of something that is `seconds` old: `6 s`, `41 min`, `3 h`, `3 d`, `5 wk`. */
export function age(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return t("age.never");
  const s = Math.max(0, seconds);
  if (s < 60) return t("age.s", { n: Math.floor(s) });
  if (s < 3600) return t("age.min", { n: Math.floor(s / 60) });
  if (s < 172_800) return t("age.h", { n: Math.floor(s / 3600) });
  if (s < 5_184_000) return t("age.d", { n: Math.floor(s / 86_400) });
  if (s < 63_072_000) return t("age.wk", { n: Math.floor(s / 604_800) });
  return t("age.y", { n: Math.floor(s / 31_557_600) });
}

/** Why an area has no figure: it is not known, nobody reported, or there are fewer than may be told. */
export function unsaid(area) {
  if (area.cls === -3) return t("fewer_than", { n: area.fewer_than });
  return t(area.cls === -2 ? "not_reported" : "unknown");
}

const formats = new Map();
export function number(value, options = {}) {
  if (value === null || value === undefined || !Number.isFinite(value)) return t("unknown");
  const key = lang() + JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.NumberFormat(`${lang()}-u-nu-latn`, options));
  return formats.get(key).format(value);
}

/** `1.2k`, `34k`, `1.1M`: what fits in a ring. */
export const short = (value) =>
  value < 1000 ? String(value) : number(value, { notation: "compact", maximumFractionDigits: value < 10_000 ? 1 : 0 });

/** `4.8512° N 31.5801° E` */
export function latlon(lon, lat, digits = 4) {
  const side = (value, plus, minus) => `${Math.abs(value).toFixed(digits)}° ${value < 0 ? minus : plus}`;
  return `${side(lat, "N", "S")} ${side(((lon + 540) % 360) - 180, "E", "W")}`;
}

export const grid = (lon, lat, digits = 4) => mgrs(lon, lat, digits);

export const SEVERITIES = ["unknown", "minor", "moderate", "serious", "severe", "critical"];

/** 0..5 of a severity given as a number or as its word. */
export const severityOf = (value) =>
  typeof value === "number" ? Math.min(5, Math.max(0, Math.round(value))) : Math.max(0, SEVERITIES.indexOf(value));

export const severityWord = (value) => t(`severity.${SEVERITIES[severityOf(value)]}`);

/** A category key as words: the catalogue's, else the key with its underscores opened. */
export const words = (key) => {
  const plain = String(key ?? "")
    .replaceAll("_", " ")
    .trim();
  return plain ? plain[0].toUpperCase() + plain.slice(1) : "";
};
