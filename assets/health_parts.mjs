// What the panels of health share: people as rounded as they are known, what is unknown as a word, twelve weeks as a line.

import { attr, svg, text } from "./dom.mjs";
import { number } from "./format.mjs";

/** Two figures count: population tables are years old and spread evenly. */
export const people = (value) => number(value, { maximumSignificantDigits: 2 });

/** A figure, or the word for why there is none in a look of its own. */
export function unknown(node, value, word) {
  text(node, value ?? word);
  attr(node, "data-known", value === null || value === undefined ? "no" : null);
}

/** Weeks as bars, oldest first; a week nobody reported is a hatched gap, never a bar of nothing. */
export function weeksLine(values, threshold) {
  const most = Math.max(1, ...values.filter((value) => value !== null), Math.min(threshold ?? 0, 4 * Math.max(1, ...values.filter(Boolean))));
  const wide = 6;
  const bars = values.map((value, at) =>
    value === null
      ? svg("rect", { x: at * wide, y: 0, width: wide - 1, height: 24, class: "cg-week-silent" })
      : svg("rect", { x: at * wide, y: 24 - Math.max(1, (value / most) * 24), width: wide - 1, height: Math.max(1, (value / most) * 24), class: at === values.length - 1 ? "cg-week-new" : "cg-week" }),
  );
  return svg("svg", { viewBox: `0 0 ${values.length * wide} 24`, class: "cg-weeks", "aria-hidden": "true", preserveAspectRatio: "none" }, ...bars);
}
