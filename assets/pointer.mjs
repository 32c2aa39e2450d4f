// What the map answers to a pointer: the hover card at once, the drawer on click, coordinates, and the pulse of a new
// critical item. Nothing here moves the map.

import { el, show, text } from "./dom.mjs";
import { age, dtg, number, SEVERITIES, severityWord, time, unsaid, words } from "./format.mjs";
import { lang, named, t } from "./i18n.mjs";
import { ANSWERING } from "./marks.mjs";
import { api } from "./state.mjs";

const REACH = 5; // px around the pointer that count as on it
const DETAIL_AFTER_MS = 140;
const REMEMBERED = 200;

/** `host` holds the map, `foot` shows coordinates, `doc()` is the last /api/layers answer, `now()` server time in ms, `open` opens the drawer. */
export function answerPointer(view, host, { doc, now, open, foot, sourceTitle, signal }) {
  const { map } = view;
  const card = el("div", "cg-card");
  const title = el("div", "cg-card-title");
  const lines = [0, 1, 2, 3].map(() => el("div", "cg-card-line"));
  card.append(title, ...lines);
  card.hidden = true;
  host.append(card);

  const details = new Map();
  let shown = null;
  let timer = 0;
  let frame = 0;

  function under(point) {
    const box = [
      [point.x - REACH, point.y - REACH],
      [point.x + REACH, point.y + REACH],
    ];
    const ids = map
      .getStyle()
      .layers.filter((layer) => ANSWERING.includes(layer.metadata?.draw) && layer.type !== "background")
      .map((layer) => layer.id);
    const found = map.queryRenderedFeatures(box, { layers: ids });
    const rank = (feature) => ANSWERING.indexOf(feature.layer.metadata.draw);
    found.sort((a, b) => rank(a) - rank(b));
    const first = found[0];
    if (first?.layer.metadata.draw !== "choropleth") return first ?? null;
    // An area is the one under the pointer itself, not one within reach of it.
    return (
      map
        .queryRenderedFeatures([point.x, point.y], { layers: ids })
        .find((feature) => feature.layer.metadata.draw === "choropleth") ?? null
    );
  }

  const layerOf = (feature) => doc().layers.find((layer) => layer.id === feature.layer.metadata.layer);
  const legendOf = (feature, key) =>
    layerOf(feature)?.legend.find((entry) => entry.key === String(key))?.label ?? words(key);

  function put(heading, rows) {
    text(title, heading);
    lines.forEach((line, i) => show(text(line, rows[i] ?? ""), Boolean(rows[i])));
  }

  function agoOf(seconds) {
    return seconds ? `${dtg(seconds)} · ${age((now() - time(seconds)) / 1000)}` : "";
  }

  function describe(feature) {
    const p = feature.properties;
    const layer = layerOf(feature);
    const draw = feature.layer.metadata.draw;
    const origin = layer
      ? [layer.sources.join(", "), layer.age_s === null ? "" : age(layer.age_s)].filter(Boolean).join(" · ")
      : "";
    if (draw === "choropleth") {
      const value =
        p.cls >= 0 && p.value !== undefined
          ? number(p.value, { maximumFractionDigits: 1 })
          : unsaid(p);
      put(`${p.name} ${p.pcode}`, [`${layer?.title ?? ""}: ${value}`, origin]);
    } else if (p.n > 1) {
      const shares =
        draw === "status"
          ? Object.keys(p)
              .filter((key) => key.startsWith("c_") && p[key] > 0)
              .map((key) => `${p[key]} ${legendOf(feature, key.slice(2))}`)
          : [5, 4, 3, 2, 1, 0]
              .filter((i) => p[`s${i}`] > 0)
              .map((i) => `${number(p[`s${i}`])} ${t(`severity.${SEVERITIES[i]}`)}`);
      put(`${number(p.n)} · ${layer?.title ?? ""}`, [shares.join(", "), origin, t("card.open_list")]);
    } else if (draw === "cells" || draw === "areas") {
      put(p.title, [
        `${severityWord(p.severity ?? 0)}${p.category ? ` · ${named(`category.${p.category}`, words(p.category))}` : ""}`,
        agoOf(p.t),
      ]);
    } else if (draw === "status") {
      put(p.title, [legendOf(feature, p.status)]);
    } else if (draw === "symbols") {
      const move =
        p.speed_m_s > 0.5
          ? `${Math.round(p.speed_m_s * 3.6)} km/h · ${String(Math.round(p.course_deg ?? 0)).padStart(3, "0")}°`
          : "";
      put(p.title, [move, agoOf(p.t), p.stale ? t("card.stale_track") : "", origin]);
    } else {
      put(p.title ?? p.name ?? "", [legendOf(feature, p.status), origin]);
    }
    card.dataset.severity = p.n > 1 ? "" : String(p.severity ?? "");
  }

  async function addDetail(id) {
    if (!details.has(id)) {
      const answer = await fetch(api(`/api/records/${encodeURIComponent(id)}`, { lang: lang() }), { signal }).catch(
        () => null,
      );
      if (!answer?.ok) return;
      details.set(id, await answer.json());
      if (details.size > REMEMBERED) details.delete(details.keys().next().value);
    }
    const record = details.get(id);
    if (shown !== id || card.hidden) return;
    const where = [record.place?.name, record.place?.pcodes?.at(-1)].filter(Boolean).join(" ");
    lines[2].hidden = false;
    text(lines[2], where);
    show(text(lines[3], [sourceTitle(record.source), record.grade].filter(Boolean).join(" · ")), true);
  }

  function place(point) {
    const { offsetWidth, offsetHeight } = card;
    const at = point.mult(view.scale);
    const room = { w: host.clientWidth, h: host.clientHeight };
    const x = at.x + 16 + offsetWidth > room.w ? at.x - 16 - offsetWidth : at.x + 16;
    const y = Math.min(Math.max(8, at.y + 14), room.h - offsetHeight - 8);
    card.style.transform = `translate(${Math.round(Math.max(8, x))}px, ${Math.round(y)}px)`;
  }

  function hover(point) {
    frame = 0;
    const feature = under(point);
    map.getCanvas().style.cursor = feature ? "pointer" : "";
    if (!feature) return hide();
    const id = feature.properties.id ?? feature.properties.c ?? feature.properties.pcode;
    if (id !== shown || card.hidden) {
      shown = id;
      clearTimeout(timer);
      describe(feature);
      card.hidden = false;
      if (feature.properties.id && feature.layer.metadata.draw !== "lines")
        timer = setTimeout(addDetail, DETAIL_AFTER_MS, id);
    }
    place(point);
  }

  function hide() {
    clearTimeout(timer);
    shown = null;
    if (!card.hidden) card.hidden = true;
  }

  map.on("mousemove", (event) => {
    foot.locate(event.lngLat.wrap());
    if (frame) return;
    const point = event.point;
    frame = requestAnimationFrame(() => hover(point));
  });
  map.on("mouseout", hide);
  map.on("movestart", hide);
  foot.locate(map.getCenter().wrap());
  map.on("click", (event) => {
    if (event.defaultPrevented) return; // somebody draws
    const feature = under(event.point);
    if (!feature) return;
    const { id, c, n, pcode } = feature.properties;
    const layer = layerOf(feature);
    const [lon, lat] =
      feature.geometry.type === "Point" ? feature.geometry.coordinates : [event.lngLat.lng, event.lngLat.lat];
    if (n > 1) open({ pick: c, layer: layer.id, title: `${number(n)} · ${layer.title}`, lon, lat });
    else if (pcode && !id) open({ area: { ...feature.properties }, layer });
    else if (id) open({ record: id, layer: layer.id });
  });
  return { hide };
}

/** One ring that runs outward once where something critical appeared; a still ring when motion is unwelcome. */
export function pulses(view, host) {
  const { map } = view;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const running = new Set();

  const follow = () => {
    for (const pulse of running) {
      const point = map.project(pulse.at).mult(view.scale);
      pulse.node.style.transform = `translate(${point.x}px, ${point.y}px)`;
    }
  };
  map.on("move", follow);

  return function pulse(lon, lat) {
    if (running.size > 8) return;
    const node = el("div", "cg-pulse", el("i"), el("i"), el("i"));
    const entry = { node, at: [lon, lat] };
    running.add(entry);
    host.append(node);
    follow();
    setTimeout(
      () => {
        running.delete(entry);
        node.remove();
      },
      still.matches ? 8000 : 4200,
    );
  };
}
