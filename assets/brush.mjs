// Time at the foot of the picture: how much happened when, which part of it is shown, and as of which moment it is known.
// The histogram is one canvas; what is dragged lies over it as a few reused nodes.

import { attr, button, el, show, text } from "./dom.mjs";
import { dtg, month, number, severityOf } from "./format.mjs";
import { t } from "./i18n.mjs";
import { api, get, period, setFilters, windowLength } from "./state.mjs";
import { palette } from "./theme.mjs";

const DAY = 86_400_000;
const LEAST_DRAG_PX = 4;
const iso = (ms) => new Date(Math.round(ms / 60_000) * 60_000).toISOString().replace(/:00\.000Z$/, ":00Z");
const dayStart = (ms) => Math.floor(ms / DAY) * DAY;

/**
 * What the histogram covers, in ms: several times the period that is looked at, so that the past stands beside it; null
 * for the whole record, which is then counted by week.
 */
function span(now) {
  const { from, to } = period(now);
  if (from === null) return null;
  const length = Math.max(to - from, windowLength() ?? 0);
  const days = Math.max(60, Math.ceil((length * 4) / DAY), Math.ceil(((now - from) * 1.25) / DAY));
  return days > 730 ? null : days * DAY;
}

export function timeBrush(host, { now, signal }) {
  host.setAttribute("role", "region");
  host.setAttribute("aria-label", t("brush.region"));
  const picture = el("canvas", "cg-brush-bars");
  picture.setAttribute("role", "img");
  const selection = el("div", "cg-brush-selection");
  const handles = ["from", "to"].map((name) => {
    const handle = button("cg-brush-handle", t(`brush.${name}`), "");
    handle.setAttribute("role", "slider");
    handle.dataset.handle = name;
    return handle;
  });
  selection.append(...handles);
  const knownLine = el("div", "cg-known-line");
  const knownHandle = button("cg-known-handle", t("brush.known"), "");
  knownHandle.setAttribute("role", "slider");
  knownLine.append(knownHandle);
  const axis = el("div", "cg-brush-axis");
  const area = el("div", "cg-brush-area", picture, selection, knownLine);
  const readout = el("bdi", "cg-brush-readout");
  const knownText = el("bdi", "cg-brush-known");
  const all = button("cg-link", t("brush.reset"));
  const most = el("span", "cg-brush-most");
  const foot = el("div", "cg-brush-foot", readout, all, el("span", "cg-brush-gap"), most, knownText);
  host.replaceChildren(area, axis, foot);

  let counted = new Map(); // start of a day or week -> counts by severity
  let step = DAY;
  let end = now();
  let start = end - (span(end) ?? 730 * DAY);
  let drag = null;
  let ticks = [];

  const x = (ms) => ((ms - start) / (end - start)) * area.clientWidth;
  const timeAt = (px) => start + (Math.min(Math.max(0, px), area.clientWidth) / area.clientWidth) * (end - start);
  const known = () => Date.parse(get("as_known_at"));

  /** Bars are days or weeks; several of them together where one would be thinner than 3 px. */
  function bins() {
    const each = (area.clientWidth * step) / (end - start);
    const width = step * [1, 7, 28, 91].find((many) => many * each >= 3 || many === 91);
    if (width === step) return { found: counted, width };
    const found = new Map();
    for (const [at, counts] of counted) {
      const bin = start + Math.floor((at - start) / width) * width;
      const sum = found.get(bin) ?? [0, 0, 0, 0, 0, 0];
      counts.forEach((count, i) => (sum[i] += count));
      found.set(bin, sum);
    }
    return { found, width };
  }

  function draw() {
    const ratio = devicePixelRatio || 1;
    const { clientWidth: w, clientHeight: h } = area;
    if (!w || !h) return;
    if (picture.width !== Math.round(w * ratio) || picture.height !== Math.round(h * ratio)) {
      picture.width = Math.round(w * ratio);
      picture.height = Math.round(h * ratio);
    }
    const pen = picture.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, w, h);
    const colour = palette();
    const { found, width } = bins();
    const shown = shownPeriod();
    let top = 1;
    for (const counts of found.values())
      top = Math.max(
        top,
        counts.reduce((a, b) => a + b, 0),
      );
    const bar = Math.max(1, (width / (end - start)) * w - 1.5);
    for (const [day, counts] of found) {
      const left = x(day);
      const inside = day + width > shown.from && day < shown.to;
      let y = h;
      for (let i = 0; i < 6; i++) {
        const tall = (counts[i] / top) * (h - 8);
        if (!tall) continue;
        pen.fillStyle = inside ? colour[`sev-${i}`] : colour["line-strong"];
        pen.fillRect(left, y - tall, bar, tall);
        y -= tall;
      }
    }
    text(most, found.size ? t("brush.most", { n: number(top) }) : "");
    attr(picture, "aria-label", t("brush.label", { from: dtg(start), to: dtg(end) }));
    marks(w);
  }

  /** Month names along the axis, as many as there is room for. */
  function marks(w) {
    const wanted = [];
    const first = new Date(start);
    for (let m = 1; m < 600; m++) {
      const at = Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + m, 1);
      if (at > end) break;
      wanted.push(at);
    }
    const every = Math.max(1, Math.ceil(wanted.length / Math.max(1, w / 90)));
    const kept = wanted.filter((at, i) => i % every === 0 && x(at) < w - 60);
    while (ticks.length < kept.length) ticks.push(axis.appendChild(el("span")));
    ticks.forEach((node, i) => {
      show(node, i < kept.length);
      if (i >= kept.length) return;
      node.style.left = `${x(kept[i])}px`;
      text(node, month(kept[i]));
    });
  }

  function shownPeriod() {
    const { from, to } = period(now());
    return { from: from ?? start, to };
  }

  function place(shown = shownPeriod()) {
    const from = Math.max(0, x(shown.from));
    const to = Math.min(area.clientWidth, x(shown.to));
    selection.style.left = `${from}px`;
    selection.style.width = `${Math.max(2, to - from)}px`;
    handles.forEach((handle, i) => {
      attr(handle, "aria-valuetext", dtg(i ? shown.to : shown.from));
      attr(handle, "aria-valuenow", Math.round((i ? shown.to : shown.from) / 1000));
      attr(handle, "aria-valuemin", Math.round(start / 1000));
      attr(handle, "aria-valuemax", Math.round(end / 1000));
    });
    const own = Boolean(get("from") || get("to"));
    text(readout, own || drag ? `${dtg(shown.from)} – ${dtg(shown.to)}` : t(`window.${get("window") || "28d"}`));
    show(all, own);
    const at = drag?.kind === "known" ? drag.at : known();
    const past = Number.isFinite(at);
    knownLine.style.left = `${past ? x(at) : area.clientWidth}px`;
    attr(knownLine, "data-past", past ? "true" : null);
    attr(knownHandle, "aria-valuetext", past ? dtg(at) : t("brush.now"));
    attr(knownHandle, "aria-valuenow", Math.round((past ? at : end) / 1000));
    attr(knownHandle, "aria-valuemin", Math.round(start / 1000));
    attr(knownHandle, "aria-valuemax", Math.round(end / 1000));
    text(knownText, past ? t("brush.known_at", { time: dtg(at) }) : t("brush.known_now"));
    attr(knownText, "data-past", past ? "true" : null);
  }

  function setKnown(ms) {
    setFilters({ as_known_at: ms >= end - (end - start) / 300 ? null : iso(ms) });
  }

  function onDown(event) {
    if (event.button !== 0) return;
    const at = event.clientX - area.getBoundingClientRect().left;
    const kind = event.target === knownHandle ? "known" : (event.target.dataset?.handle ?? "new");
    drag = { kind, from: at, at: timeAt(at), ...shownPeriod0() };
    area.setPointerCapture(event.pointerId);
    event.preventDefault();
  }

  const shownPeriod0 = () => {
    const { from, to } = shownPeriod();
    return { first: from, last: to };
  };

  function onMove(event) {
    if (!drag) return;
    const px = event.clientX - area.getBoundingClientRect().left;
    drag.at = timeAt(px);
    drag.moved ||= Math.abs(px - drag.from) >= LEAST_DRAG_PX;
    if (drag.kind === "known") return place();
    if (drag.moved) place(dragged());
  }

  function dragged() {
    const other = drag.kind === "from" ? drag.last : drag.kind === "to" ? drag.first : timeAt(drag.from);
    return { from: Math.min(drag.at, other), to: Math.max(drag.at, other) };
  }

  function onUp() {
    if (!drag) return;
    const done = drag;
    const chosen = dragged();
    drag = null;
    if (done.kind === "known") return setKnown(done.at);
    if (!done.moved) return place();
    const to = chosen.to >= end - (end - start) / 200 ? null : iso(chosen.to);
    setFilters({ from: iso(chosen.from), to });
  }

  function onKey(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: 7, PageDown: -7 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const which = event.target.dataset.handle;
    if (event.target === knownHandle) return setKnown((Number.isFinite(known()) ? known() : end) + (step * DAY) / 4);
    const shown = shownPeriod();
    const next = { ...shown, [which]: dayStart(shown[which]) + step * DAY };
    if (next.from < next.to) setFilters({ from: iso(next.from), to: next.to >= end ? null : iso(next.to) });
  }

  area.addEventListener("pointerdown", onDown);
  area.addEventListener("pointermove", onMove);
  area.addEventListener("pointerup", onUp);
  area.addEventListener("pointercancel", () => {
    drag = null;
    place();
  });
  area.addEventListener("keydown", onKey);
  all.addEventListener("click", () => setFilters({ from: null, to: null }));
  const sizes = new ResizeObserver(() => {
    draw();
    place();
  });
  sizes.observe(area);
  signal.addEventListener("abort", () => sizes.disconnect());

  return {
    /** Fetches the histogram for the filters, without their time. */
    async load() {
      const at = now();
      const length = span(at);
      const unit = length === null ? "week" : "day";
      const answer = await fetch(
        api(
          "/api/counts",
          {
            collection: "incidents",
            by: `${unit},severity`,
            window: length === null ? "all" : "",
            from: length === null ? "" : iso(at - length),
            to: length === null ? "" : iso(at + 60_000),
          },
          ["from", "to", "window", "as_known_at"],
        ),
        { signal },
      );
      if (!answer.ok) throw new Error(`counts: HTTP ${answer.status}`);
      const { columns, rows } = await answer.json();
      const [when, severity, count] = [unit, "severity", "count"].map((name) => columns.indexOf(name));
      counted = new Map();
      for (const row of rows) {
        const key = Date.parse(row[when]);
        if (Number.isNaN(key)) continue;
        if (!counted.has(key)) counted.set(key, [0, 0, 0, 0, 0, 0]);
        counted.get(key)[severityOf(row[severity])] += row[count];
      }
      step = length === null ? 7 * DAY : DAY;
      end = at;
      const first = Math.min(at - 60 * DAY, ...counted.keys(), period(at).from ?? at);
      start = dayStart(length === null ? first : at - length);
      if (!drag) {
        draw();
        place();
      }
    },
    /** The address changed: the same histogram, another part of it. */
    place() {
      draw();
      place();
    },
  };
}

/** Moves the shown period by its own length; past the present it becomes the live window again. */
export function stepTime(direction, now) {
  const { from, to } = period(now);
  if (from === null) return;
  const length = to - from;
  const next = { from: from + direction * length, to: to + direction * length };
  if (next.to >= now - 60_000) setFilters({ from: null, to: null });
  else setFilters({ from: iso(next.from), to: iso(next.to) });
}
