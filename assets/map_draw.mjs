// What is drawn over the map: the polygon or circle of the filters, circles of found clusters, and the drawing of new ones.
// Lines follow the map; they are SVG, so that they stay crisp at every density and need no layer of the map's own.

import { el, svg } from "./dom.mjs";
import { t } from "./i18n.mjs";
import { get, setFilters } from "./state.mjs";

const KM_PER_DEGREE = 111.195;
const RING_POINTS = 72;
const MOST_CORNERS = 200;
const places = (value) => Number(value.toFixed(4));

/** Corners of a circle on the ground, [lon, lat]. */
function ring([lon, lat, km]) {
  const [phi, lambda, delta] = [(lat * Math.PI) / 180, (lon * Math.PI) / 180, km / 6371.0088];
  return Array.from({ length: RING_POINTS }, (_, i) => {
    const bearing = (2 * Math.PI * i) / RING_POINTS;
    const up = Math.asin(Math.sin(phi) * Math.cos(delta) + Math.cos(phi) * Math.sin(delta) * Math.cos(bearing));
    const across = Math.atan2(
      Math.sin(bearing) * Math.sin(delta) * Math.cos(phi),
      Math.cos(delta) - Math.sin(phi) * Math.sin(up),
    );
    return [((lambda + across) * 180) / Math.PI, (up * 180) / Math.PI];
  });
}

function distanceKm(one, other) {
  const north = (other.lat - one.lat) * KM_PER_DEGREE;
  const east = (other.lng - one.lng) * KM_PER_DEGREE * Math.cos(((one.lat + other.lat) * Math.PI) / 360);
  return Math.hypot(north, east);
}

const numbers = (text) => text.split(",").map(Number);

/** The filters' own outline as [lon, lat] corners, or null. */
function chosenOutline() {
  if (get("radius")) return ring(numbers(get("radius")));
  const flat = numbers(get("polygon"));
  return get("polygon") ? flat.flatMap((lon, i) => (i % 2 ? [] : [[lon, flat[i + 1]]])) : null;
}

/** `found` is what `createMap` returned, `over` its overlay. */
export function drawing(found, over, signal) {
  const { map } = found;
  const sheet = svg("svg", { class: "cg-drawn", "aria-hidden": "true" });
  const clusters = svg("g", { class: "cg-clusters" });
  const outline = svg("path", { class: "cg-outline" });
  const sketch = svg("path", { class: "cg-sketch" });
  sheet.append(clusters, outline, sketch);
  const hint = el("p", "cg-draw-hint");
  hint.hidden = true;
  hint.setAttribute("role", "status");
  over.append(sheet, hint);
  let circles = [];
  let mode = null; // {kind: "polygon" | "radius", corners, at}

  const path = (corners, closed = true) =>
    corners.length
      ? `M${corners
          .map(([lng, lat]) => map.project([lng, lat]))
          .map(({ x, y }) => `${(x * found.scale).toFixed(1)} ${(y * found.scale).toFixed(1)}`)
          .join("L")}${closed ? "Z" : ""}`
      : "";

  function draw() {
    outline.setAttribute("d", path(chosenOutline() ?? []));
    while (clusters.childElementCount < circles.length) clusters.append(svg("path"));
    while (clusters.childElementCount > circles.length) clusters.lastChild.remove();
    circles.forEach(({ lon, lat, km, chosen }, i) => {
      clusters.children[i].setAttribute("d", path(ring([lon, lat, Math.max(km, 2)])));
      clusters.children[i].toggleAttribute("data-chosen", Boolean(chosen));
    });
    if (!mode) return sketch.setAttribute("d", "");
    const at = mode.at ? [[mode.at.lng, mode.at.lat]] : [];
    if (mode.kind === "polygon") return sketch.setAttribute("d", path([...mode.corners, ...at], mode.corners.length > 1));
    const [centre] = mode.corners;
    const km = centre && mode.at ? distanceKm({ lng: centre[0], lat: centre[1] }, mode.at) : 0;
    hint.textContent = centre ? t("draw.radius.rim", { km: Math.max(1, Math.round(km)) }) : t("draw.radius.hint");
    return sketch.setAttribute("d", km ? path(ring([...centre, km])) : "");
  }

  function end() {
    mode = null;
    hint.hidden = true;
    map.getCanvas().style.cursor = "";
    map.doubleClickZoom.enable();
    delete document.documentElement.dataset.drawing;
    draw();
  }

  function finish() {
    const { kind, corners } = mode;
    if (kind === "polygon" && corners.length >= 3) {
      end();
      setFilters({ polygon: corners.map(([lng, lat]) => `${places(lng)},${places(lat)}`).join(","), radius: null });
    }
  }

  function onClick(event) {
    if (!mode) return;
    event.preventDefault();
    const { lng, lat } = event.lngLat.wrap();
    if (mode.kind === "radius" && mode.corners.length) {
      const [x, y] = mode.corners[0];
      const km = Math.max(1, Math.round(distanceKm({ lng: x, lat: y }, { lng, lat })));
      end();
      return setFilters({ radius: `${places(x)},${places(y)},${km}`, polygon: null });
    }
    const last = mode.corners.at(-1);
    if (!last || last[0] !== lng || last[1] !== lat) mode.corners.push([lng, lat]);
    if (mode.corners.length >= MOST_CORNERS) return finish();
    return draw();
  }

  map.on("click", onClick);
  map.on("dblclick", () => mode?.kind === "polygon" && finish());
  map.on("mousemove", (event) => {
    if (!mode) return;
    mode.at = event.lngLat.wrap();
    draw();
  });
  map.on("move", draw);
  map.on("resize", draw);
  window.addEventListener(
    "keydown",
    (event) => {
      if (!mode || !["Escape", "Enter"].includes(event.key)) return;
      event.preventDefault();
      event.stopPropagation();
      if (event.key === "Escape") end();
      else finish();
    },
    { signal, capture: true },
  );
  window.addEventListener("cg:filters", draw, { signal });
  window.addEventListener(
    "cg:draw",
    ({ detail }) => {
      mode = { kind: detail.kind, corners: [], at: null };
      hint.hidden = false;
      hint.textContent = t(`draw.${detail.kind}.hint`);
      map.getCanvas().style.cursor = "crosshair";
      map.doubleClickZoom.disable();
      document.documentElement.dataset.drawing = detail.kind; // the pointer's own card and clicks rest meanwhile
      map.getCanvas().focus();
      draw();
    },
    { signal },
  );
  draw();
  return {
    /** Circles of clusters: [{lon, lat, km, chosen}]. */
    circles(next) {
      circles = next;
      draw();
    },
    /** Brings a place into view without changing the scale more than needed. */
    show({ lon, lat, km }) {
      const [east, north] = [km / KM_PER_DEGREE / Math.max(0.1, Math.cos((lat * Math.PI) / 180)), km / KM_PER_DEGREE];
      map.fitBounds(
        [
          [lon - east * 2, lat - north * 2],
          [lon + east * 2, lat + north * 2],
        ],
        { animate: false },
      );
    },
  };
}
