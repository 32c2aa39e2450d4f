// What was said week by week, and what became of it: answered in time, answered late or overdue, not yet due.

import { el, svg } from "./dom.mjs";
import { month, number, time } from "./format.mjs";
import { t } from "./i18n.mjs";

const LEAST_WIDTH = 320;
const HEIGHT = 170;
const FOOT = 20;
const PARTS = ["in_time", "late", "young"];

export function communityTrend() {
  const drawing = svg("svg", { class: "cg-com-weekly", role: "img" });
  const legend = el("p", "cg-com-legend");
  return {
    node: el("div", "", drawing, legend),
    draw(weeks, days) {
      const width = Math.max(LEAST_WIDTH, drawing.clientWidth);
      drawing.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
      const every = Math.ceil((weeks.length * 58) / width); // weeks from one date to the next
      const most = Math.max(1, ...weeks.map((week) => week.received));
      const step = (width - 34) / weeks.length;
      const scale = (HEIGHT - FOOT - 12) / most;
      const ground = HEIGHT - FOOT;
      const marks = [most, Math.round(most / 2)].filter((value, at, all) => value > 0 && all.indexOf(value) === at).map((value) =>
        svg(
          "g",
          {},
          svg("line", { class: "cg-com-level", x1: 0, x2: width - 34, y1: ground - value * scale, y2: ground - value * scale }),
          svg("text", { x: width - 28, y: ground - value * scale + 4 }, number(value)),
        ),
      );
      const bars = weeks.map((week, at) => {
        const told = { in_time: week.in_time, late: week.due - week.in_time, young: week.received - week.due };
        let top = ground;
        const rects = PARTS.filter((name) => told[name]).map((name) => {
          const height = told[name] * scale;
          top -= height;
          return svg("rect", { "data-part": name, x: at * step + 2, y: top, width: step - 4, height });
        });
        const title = svg("title", {}, `${month(time(week.begins), true)}: ${number(week.received)} · ${PARTS.map((name) => `${t(`com.week.${name}`, { days })} ${number(told[name])}`).join(" · ")}`);
        const label = at % every === 0 ? [svg("text", { x: at * step + 2, y: HEIGHT - 5 }, month(time(week.begins), true))] : [];
        return svg("g", {}, title, ...rects, ...label);
      });
      drawing.replaceChildren(...marks, svg("line", { class: "cg-com-ground", x1: 0, x2: width - 34, y1: ground, y2: ground }), ...bars);
      drawing.setAttribute("aria-label", t("com.trend.label", { weeks: weeks.length, received: number(weeks.reduce((sum, week) => sum + week.received, 0)) }));
      legend.replaceChildren(
        ...PARTS.map((name) => {
          const key = el("i", "cg-com-key");
          key.dataset.part = name;
          return el("span", "", key, t(`com.week.${name}`, { days: number(days, { maximumFractionDigits: 1 }) }));
        }),
      );
    },
  };
}
