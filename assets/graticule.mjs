// Meridians and parallels, drawn here because they are arithmetic: every ten degrees, and every one near the mission.

function lines(step, [west, south, east, north]) {
  const line = (coordinates) => ({
    type: "Feature",
    properties: { step },
    geometry: { type: "LineString", coordinates },
  });
  const found = [];
  for (let lon = Math.ceil(west / step) * step; lon <= east; lon += step)
    found.push(
      line([
        [lon, south],
        [lon, north],
      ]),
    );
  for (let lat = Math.ceil(south / step) * step; lat <= north; lat += step)
    found.push(
      line([
        [west, lat],
        [east, lat],
      ]),
    );
  return found;
}

/** GeoJSON lines with `step` 10 or 1, the latter within 12 degrees of the box [w, s, e, n]. */
export function graticule([w, s, e, n]) {
  const near = [Math.max(-180, w - 12), Math.max(-84, s - 12), Math.min(180, e + 12), Math.min(84, n + 12)].map(
    Math.round,
  );
  return { type: "FeatureCollection", features: [...lines(10, [-180, -80, 180, 80]), ...lines(1, near)] };
}
