// An unattended page heals itself: it is loaded anew when it is stuck though the server answers, and after a day at a quiet
// moment. What it shows is in its address and in the wall's turn, so nothing is lost; and it never goes for an empty screen:
// first the server must answer and give this very page.

const LOOK_EVERY_MS = 5_000;
export const STUCK_MS = 120_000;
const DAY_MS = 86_400_000;
const QUIET_MS = 120_000;
const APART_MS = 600_000;
const PROBE_MS = 10_000;
const HEAP_GROWTH = 256 * 1024 * 1024;
const TRIED = "commonground.reloaded";

/** Why a page should be loaded anew, or "". All times in ms. */
export function verdict({ now, begun, frame, answer, behind, hidden, heard, news, grown }) {
  if (!hidden && now - frame > STUCK_MS) return "no frame was drawn";
  // A line that is dumb is the network's or the server's fault until the probe says that it answers.
  if (now - Math.max(heard, answer) > STUCK_MS) return "nothing was heard";
  if (behind && now - behind > STUCK_MS) return "what was told is not on screen";
  const quiet = now - news > QUIET_MS && now - heard < QUIET_MS;
  if (quiet && now - begun > DAY_MS) return "a day has passed";
  if (quiet && grown > HEAP_GROWTH) return "it has grown";
  return "";
}

/**
 * `state()` tells {heard, wanted, shown, news}: when the server was last heard (epoch ms), the revision it told of and the one
 * on screen, and when something critical last came. Ends with `signal`.
 */
export function watchdog({ state, signal }) {
  const begun = Date.now();
  const heap = () => performance.memory?.usedJSHeapSize ?? 0;
  let small = heap();
  let frame = begun;
  let answer = begun;
  let behind = 0;
  let last = begun;
  let probing = false;

  async function look() {
    const now = Date.now();
    // After a sleep, or a tab that was throttled, everything looks old: begin to count anew.
    if (now - last > 12 * LOOK_EVERY_MS) {
      frame = answer = now;
      behind = 0;
    }
    last = now;
    requestAnimationFrame(() => (frame = Date.now()));
    small = Math.min(small, heap());
    const { heard, wanted, shown, news } = state();
    behind = wanted > shown ? behind || now : 0;
    const hidden = document.visibilityState !== "visible";
    const why = verdict({ now, begun, frame, answer, behind, hidden, heard, news, grown: heap() - small });
    if (!why || probing || now - tried() < APART_MS) return;
    probing = true;
    try {
      await probe();
      try {
        sessionStorage.setItem(TRIED, String(Date.now()));
      } catch {
        return; // one that cannot remember that it has tried would try for ever
      }
      console.warn(`loaded anew: ${why}`);
      location.reload();
    } catch {
      answer = Date.now(); // the server is away, and a new page would be an empty one: wait, and ask again later
    } finally {
      probing = false;
    }
  }

  const tried = () => {
    try {
      return Number(sessionStorage.getItem(TRIED)) || 0;
    } catch {
      return Date.now();
    }
  };

  /** Throws unless the server says it can serve, and gives this page. */
  async function probe() {
    for (const [path, kind] of [
      ["/healthz", "application/json"],
      [location.pathname + location.search, "text/html"],
    ]) {
      const found = await fetch(path, {
        cache: "no-store",
        headers: { Accept: kind },
        redirect: "error",
        signal: AbortSignal.any([signal, AbortSignal.timeout(PROBE_MS)]),
      });
      if (!found.ok || !(found.headers.get("content-type") ?? "").startsWith(kind)) throw new Error(path);
      await found.text();
    }
  }

  const timer = setInterval(look, LOOK_EVERY_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
}
