// Small drawings beside a figure: a spark line with gaps where nothing was reported, and bars against their mean.

import { attr, button, el, keyed, part, parts, svg, text } from "./dom.mjs";
import { number } from "./format.mjs";

const WIDTH = 120;
const HEIGHT = 36;

export function sparkLine() {
  return svg(
    "svg",
    { class: "cg-spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true", preserveAspectRatio: "none" },
    svg("line", { class: "cg-spark-target", x1: 0, x2: WIDTH }),
    svg("path", { class: "cg-spark-line" }),
    svg("path", { class: "cg-spark-end" }),
  );
}

/** Draws `values` (numbers or null for a gap); `target` adds a dashed level when it lies in reach. */
export function drawSpark(node, values, target) {
  const [level, line, end] = node.children;
  const known = (values ?? []).filter((value) => Number.isFinite(value));
  node.style.visibility = known.length > 1 ? "" : "hidden";
  if (known.length < 2) return;
  const most = Math.max(...known, Number.isFinite(target) ? target : -Infinity);
  const least = Math.min(0, ...known);
  const x = (i) => 2 + (i / (values.length - 1)) * (WIDTH - 6);
  const y = (value) => HEIGHT - 4 - ((value - least) / (most - least || 1)) * (HEIGHT - 8);
  let path = "";
  let broken = true;
  let last = 0;
  values.forEach((value, i) => {
    if (!Number.isFinite(value)) {
      broken = true;
      return;
    }
    path += `${broken ? "M" : "L"}${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
    broken = false;
    last = i;
  });
  attr(line, "d", path);
  attr(end, "d", `M${x(last).toFixed(1)} ${y(values[last]).toFixed(1)}l0.01 0`);
  attr(level, "visibility", Number.isFinite(target) ? null : "hidden");
  if (Number.isFinite(target)) {
    attr(level, "y1", y(target).toFixed(1));
    attr(level, "y2", y(target).toFixed(1));
  }
}

/** Bars of [{label, value, mean, key?}], each with a tick where its mean stands. `choose(bar)` when one is pressed. */
export function drawBars(parent, bars, choose) {
  const most = Math.max(1, ...bars.map((bar) => Math.max(bar.value ?? 0, bar.mean ?? 0)));
  keyed(
    parent,
    bars,
    (bar) => bar.label,
    () => {
      const row = button("cg-bar", "", "");
      row.removeAttribute("aria-label");
      row.removeAttribute("title");
      row.append(
        part("label", "span", "cg-bar-label"),
        el("span", "cg-bar-track", part("fill", "i", "cg-bar-fill"), part("mean", "i", "cg-bar-mean")),
        part("value", "span", "cg-bar-value"),
      );
      row.addEventListener("click", () => choose?.(row.cgBar));
      return row;
    },
    (row, bar) => {
      const { label, fill, mean, value } = parts(row);
      row.cgBar = bar;
      text(label, bar.label);
      text(value, number(bar.value));
      fill.style.width = `${(100 * (bar.value ?? 0)) / most}%`;
      mean.style.insetInlineStart = `${(100 * (bar.mean ?? 0)) / most}%`;
      mean.hidden = !Number.isFinite(bar.mean);
    },
  );
}
