// Beside the map: how many and how that compares, what is new since the last brief, the trend, and the facets. Every bar is a
// button that adds its value to the sentence or takes it out.

import { attr, button, el, keyed, part, parts, show, text } from "./dom.mjs";
import { dtg, momentOf, number, severityOf, time } from "./format.mjs";
import { named, t } from "./i18n.mjs";
import { get, setFilters, setView } from "./state.mjs";
import { palette } from "./theme.mjs";

const FACETS = ["severity", "category", "area", "actor", "agency", "source", "grade"];
const SHORT = 6;
const CHANGES = ["new", "revised", "retracted"];
const iso = (ms) => new Date(Math.floor(ms / 60_000) * 60_000).toISOString().replace(/:00\.000Z$/, ":00Z");
const LAST_BRIEF = "cg-last-brief";

export function facetPanel(host, { now, sourceTitle }) {
  host.setAttribute("role", "region");
  host.setAttribute("aria-label", t("inc.facets"));
  const total = part("total", "bdi", "cg-value");
  const told = el("p", "cg-inc-told");
  const compare = el("ul", "cg-inc-compare");
  const canvas = el("canvas", "cg-inc-trend");
  canvas.setAttribute("role", "img");
  const trendNote = el("p", "cg-drawer-note cg-inc-trend-note");
  const since = el("div", "cg-inc-since");
  const patterns = el("section", "cg-pat");
  const facets = el("div", "cg-inc-facets");
  host.replaceChildren(
    el("section", "cg-inc-sum", el("div", "cg-inc-total", total, told), compare),
    el("section", "cg-inc-brief", el("h3", "", t("inc.since")), since),
    el("section", "cg-inc-trends", el("h3", "", t("inc.trend")), canvas, trendNote),
    patterns,
    facets,
  );
  const open = new Set();
  let found = null;
  let drag = null;

  function sums() {
    text(total, number(found.total));
    const dead = found.fatalities;
    text(
      told,
      [
        t("inc.of", { n: number(found.known) }),
        dead.said_of ? t("inc.deaths", { n: number(dead.sum), of: number(dead.said_of) }) : t("inc.deaths.unsaid"),
        found.placed < found.total ? t("inc.unplaced", { n: number(found.total - found.placed) }) : "",
      ]
        .filter(Boolean)
        .join(" · "),
    );
    keyed(
      compare,
      ["before", "year_before"].filter((name) => found[name]),
      (name) => name,
      () => el("li", "", part("label", "span"), part("value", "bdi"), part("ratio", "b")),
      (node, name) => {
        const then = found[name];
        const at = parts(node);
        text(at.label, t(`inc.${name}`));
        text(at.value, then.state === "none" ? t("inc.no_data") : number(then.count) + (then.state === "part" ? ` ${t("inc.part")}` : ""));
        at.value.classList.toggle("cg-unknown", then.state === "none");
        text(at.ratio, then.ratio === null ? "" : `× ${number(then.ratio, { maximumFractionDigits: 2, minimumFractionDigits: 2 })}`);
        node.title = `${dtg(then.since)} – ${dtg(then.until)}`;
      },
    );
  }

  function brief() {
    const asked = get("since");
    const field = el("input", "cg-inc-since-at");
    field.placeholder = "210600Z NOV 26";
    field.setAttribute("aria-label", t("inc.since.at"));
    field.value = asked ? dtg(asked) : "";
    field.addEventListener("change", () => {
      const at = momentOf(field.value, now());
      attr(field, "aria-invalid", Number.isFinite(at) ? null : "true");
      if (!Number.isFinite(at)) return;
      field.blur(); // what is being typed in is not drawn anew, and this is typed
      setView({ since: iso(at), show: null });
    });
    const last = localStorage.getItem(LAST_BRIEF);
    const mark = button("cg-link", t("inc.since.mark"));
    mark.addEventListener("click", () => {
      const at = iso(now());
      localStorage.setItem(LAST_BRIEF, at);
      setView({ since: at, show: null });
    });
    const resume = last && last !== asked ? button("cg-link", t("inc.since.last", { time: dtg(last) })) : null;
    resume?.addEventListener("click", () => setView({ since: last, show: null }));
    // The commander's other question: what did we know at the morning brief.
    const morning = momentOf("0600Z", now());
    const known = get("as_known_at") ? null : button("cg-link", t("inc.known", { time: dtg(morning).slice(0, 7) }));
    known?.addEventListener("click", () => setFilters({ as_known_at: iso(morning) }));
    const off = asked ? button("cg-link", t("inc.since.off")) : null;
    off?.addEventListener("click", () => setView({ since: null, show: null }));
    const counts = CHANGES.map((name) => {
      const node = button("cg-inc-change", "", "");
      node.removeAttribute("aria-label");
      node.append(el("b", "", number(found.changes?.[name] ?? 0)), el("span", "", t(`inc.flag.${name}`)));
      node.dataset.flag = name;
      attr(node, "aria-pressed", String(get("show") === name));
      node.addEventListener("click", () => setView({ show: get("show") === name ? null : name }));
      return node;
    });
    const nodes = [el("div", "cg-inc-since-line", ...[field, resume, mark, known, off].filter(Boolean))];
    if (asked) nodes.push(el("div", "cg-inc-changes", ...counts));
    // A field that is being typed in is not taken away from under one's hands.
    if (!since.querySelector("input:focus")) since.replaceChildren(...nodes);
  }

  function trend() {
    const ratio = devicePixelRatio || 1;
    const { clientWidth: w, clientHeight: h } = canvas;
    if (!w || !found) return;
    canvas.width = Math.round(w * ratio);
    canvas.height = Math.round(h * ratio);
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const colour = palette();
    const { bars } = found.trend;
    const sums_ = bars.map((bar) => bar.reduce((a, b) => a + b, 0));
    const top = Math.max(1, ...sums_);
    const wide = w / bars.length;
    bars.forEach((bar, i) => {
      let y = h;
      bar.forEach((count, severity) => {
        const tall = (count / top) * (h - 4);
        if (!tall) return;
        pen.fillStyle = colour[`sev-${severity}`];
        pen.fillRect(i * wide, y - tall, Math.max(1, wide - 1), tall);
        y -= tall;
      });
    });
    if (drag) {
      pen.fillStyle = colour.accent;
      pen.globalAlpha = 0.3;
      pen.fillRect(Math.min(drag.from, drag.to), 0, Math.abs(drag.to - drag.from), h);
    }
    const hours = found.trend.step_s / 3600;
    const each = hours < 24 ? t("inc.bar.h", { n: hours }) : t("inc.bar.d", { n: hours / 24 });
    text(trendNote, t("inc.trend.note", { each, most: number(top) }));
    attr(canvas, "aria-label", t("inc.trend.label", { from: dtg(found.trend.from), each, most: number(top) }));
  }

  const offset = (event) => Math.min(canvas.clientWidth, Math.max(0, event.clientX - canvas.getBoundingClientRect().left));
  canvas.addEventListener("pointerdown", (event) => {
    drag = { from: offset(event), to: offset(event) };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drag) return;
    drag.to = offset(event);
    trend();
  });
  canvas.addEventListener("pointerup", () => {
    const [a, b] = [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)];
    drag = null;
    if (b - a < 4) return trend();
    const { from, step_s: step, bars } = found.trend;
    const at = (x) => time(from) + (x / canvas.clientWidth) * bars.length * step * 1000;
    return setFilters({ from: iso(at(a)), to: b >= canvas.clientWidth - 1 ? null : iso(at(b)) });
  });
  canvas.addEventListener("pointercancel", () => {
    drag = null;
    trend();
  });

  const wording = (facet, one) => {
    if (one.value === null) return t("inc.area.none");
    if (facet === "severity") return t(`severity.${one.value}`);
    if (facet === "source") return sourceTitle(one.value);
    if (facet === "category") return named(`category.${one.value}`, one.value);
    if (facet === "grade") return `${one.value} · ${t(`inc.grade.${one.value}`)}`;
    return one.label || one.value;
  };

  function choose(facet, one) {
    if (one.value === null) return;
    if (facet === "severity" || facet === "grade") {
      const least = facet === "severity" && one.value === "unknown";
      return setFilters({ [facet]: one.chosen || least ? null : one.value });
    }
    if (facet === "area") return setFilters({ area: one.chosen ? null : one.value });
    const held = found.facets[facet].values.filter(({ chosen }) => chosen).map(({ value }) => value);
    const next = one.chosen ? held.filter((value) => value !== one.value) : [...held, one.value];
    return setFilters({ [facet]: next.join(",") });
  }

  function makeFacet(facet) {
    const more = button("cg-link cg-facet-more", "");
    more.dataset.part = "more";
    more.addEventListener("click", () => {
      if (!open.delete(facet)) open.add(facet);
      draw();
    });
    const out = button("cg-link", "", "");
    out.removeAttribute("aria-label");
    out.dataset.part = "out";
    out.addEventListener("click", () => setFilters({ [facet]: null }));
    const node = el(
      "section",
      "cg-facet",
      el("div", "cg-facet-head", el("h3", "", t(`inc.facet.${facet}`)), part("note", "span", "cg-drawer-note"), out),
      part("list", "ul"),
      more,
    );
    node.dataset.facet = facet;
    return node;
  }

  function makeValue(facet) {
    const node = button("cg-facet-value", "", "");
    node.removeAttribute("aria-label");
    node.removeAttribute("title");
    node.append(part("label", "span", "cg-facet-label"), part("count", "bdi", "cg-facet-count"), part("bar", "i", "cg-facet-bar"));
    node.addEventListener("click", () => choose(facet, node.cgOne));
    const item = el("li", "", node);
    item.cgButton = node;
    return item;
  }

  function fillFacet(node, facet) {
    const { values, inside, more: left } = found.facets[facet];
    const at = parts(node);
    const most = Math.max(1, ...values.map(({ count }) => count));
    const set = values.some(({ chosen }) => chosen) || Boolean(get(facet));
    const whole = facet === "severity" ? values.toReversed() : values;
    const shown = open.has(facet) || ["severity", "grade"].includes(facet) ? whole : whole.filter((one, i) => i < SHORT || one.chosen);
    text(at.note, facet === "area" && inside ? t("inc.inside", { name: inside }) : "");
    text(at.out, t("inc.facet.all"));
    show(at.out, set);
    show(at.more, whole.length > SHORT && !["severity", "grade"].includes(facet));
    text(at.more, open.has(facet) ? t("inc.facet.fewer") : t("inc.facet.more", { n: number(whole.length - SHORT + left) }));
    keyed(
      at.list,
      shown,
      (one) => String(one.value),
      () => makeValue(facet),
      (item, one) => {
        const value = item.cgButton;
        const of = parts(value);
        value.cgOne = one;
        text(of.label, wording(facet, one));
        text(of.count, number(one.count));
        of.bar.style.width = `${(100 * one.count) / most}%`;
        if (facet === "severity") attr(value, "data-severity", severityOf(one.value));
        attr(value, "aria-pressed", String(one.chosen));
        attr(value, "data-out", set && !["severity", "grade"].includes(facet) && !one.chosen ? "true" : null);
        value.disabled = one.value === null;
      },
    );
  }

  function draw() {
    if (!found) return;
    sums();
    brief();
    trend();
    keyed(facets, FACETS, (facet) => facet, makeFacet, fillFacet);
  }

  new ResizeObserver(trend).observe(canvas);
  return {
    patterns,
    take(next) {
      found = next;
      draw();
    },
    draw,
  };
}
