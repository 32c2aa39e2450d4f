// The map's tile addresses. A source keeps one address for ever (`cg://<layer>/{z}/{x}/{y}`); which revision and which
// filters that means is decided here at the moment of the request. A tile that cannot be had is asked for until it can:
// meanwhile the map keeps showing the last one, because failing to hear is not hearing nothing.

import { CHOICES, filterQuery, get } from "./state.mjs";

const RETRY_S = [0.5, 1, 2, 4, 8];
const PATIENCE_MS = 30_000; // a line that went dumb must not hold a tile for ever
const revisions = new Map();

/**
 * The revision from which a layer's tiles are fetched from now on. Tiles are kept for good under their address, but a day
 * back from now, or a position that grows old, is another one later on: so they are asked for anew every `lasts` ms.
 */
export function setRevision(layer, revision, lasts) {
  revisions.set(layer, { revision, lasts });
}

function address(layer, z, x, y) {
  const query = new URLSearchParams(filterQuery());
  for (const name of CHOICES) if (get(name)) query.set(name, get(name));
  const lang = document.documentElement.lang;
  if (lang && lang !== "en") query.set("lang", lang);
  const { revision = "latest", lasts = null } = revisions.get(layer) ?? {};
  if (lasts && !get("as_known_at")) query.set("asked", Math.floor(Date.now() / lasts));
  const tail = query.toString();
  return `/tiles/${encodeURIComponent(layer)}/${revision}/${z}/${x}/${y}.pbf${tail ? `?${tail}` : ""}`;
}

const pause = (seconds, signal) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });

/** MapLibre protocol handler for `cg://`. */
export async function tileProtocol(request, { signal }) {
  const [layer, z, x, y] = request.url.replace("cg://", "").split("/");
  for (let attempt = 0; ; attempt++) {
    const wanted = address(layer, z, x, y);
    try {
      const answer = await fetch(wanted, { signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]) });
      if (answer.status === 204 || answer.status === 404) return { data: new ArrayBuffer(0) };
      if (answer.ok) {
        const data = await answer.arrayBuffer();
        // While this was on its way a newer revision may have been asked for: never let the older one land last.
        if (attempt > 3 || address(layer, z, x, y) === wanted) return { data };
        continue;
      }
      if (answer.status < 500 && answer.status !== 429) return { data: new ArrayBuffer(0) };
    } catch (error) {
      if (signal.aborted) throw error;
    }
    await pause(RETRY_S[Math.min(attempt, RETRY_S.length - 1)], signal);
    if (signal.aborted) throw new DOMException("tile no longer wanted", "AbortError");
  }
}
