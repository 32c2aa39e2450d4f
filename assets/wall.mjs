// The wall's scenes: rotates them, answers its keys and the remote, and says which one is shown. A scene is a choice of
// layers, filters and figures laid over the page's address, which stays as it was written.

import { attr, el, keyed, show, text } from "./dom.mjs";
import { lang, t } from "./i18n.mjs";
import { heldOn, sceneAt, stepped } from "./scenes.mjs";
import { get, lay, seenAs } from "./state.mjs";

const KEPT = "commonground.wall";
const ASK_EVERY_MS = 60_000;

/** What this screen knew before it was loaded anew; nothing where that cannot be kept. */
function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) ?? {};
  } catch {
    return {};
  }
}

/**
 * `host` is the map's. `apply(scene)` is called when another scene begins. Returns {load, tick, answer, chosen, quiet, scene}.
 */
export function wallScenes(host, { now, read, apply, signal }) {
  const name = el("span", "cg-scene-name");
  const dots = el("span", "cg-scene-dots");
  dots.setAttribute("aria-hidden", "true");
  const hold = el("span", "cg-scene-held");
  const badge = el("div", "cg-scene", name, dots, hold);
  badge.setAttribute("role", "status");
  badge.hidden = true;
  host.append(badge);

  let { turn = { scene: "", held: false, since: 0 }, scenes = [] } = kept();
  let shown = null;
  let asked = 0;

  const pinned = () => scenes.find(({ id }) => id === get("scene"));
  const turnNow = () => (pinned() ? { scene: pinned().id, held: true, since: 0 } : turn);

  function keep() {
    try {
      localStorage.setItem(KEPT, JSON.stringify({ turn, scenes }));
    } catch {
      // A browser that keeps nothing begins with the server's turn again.
    }
  }

  function take(next) {
    if (next.since < turn.since) return;
    turn = next;
    keep();
    tick();
  }

  function tick() {
    if (!scenes.length) return;
    const { index } = sceneAt(scenes, turnNow(), now());
    const scene = scenes[index];
    const { held } = turnNow();
    text(name, scene.title);
    keyed(
      dots,
      scenes,
      ({ id }) => id,
      () => el("i"),
      (dot, { id }) => attr(dot, "data-on", id === scene.id ? "true" : null),
    );
    show(text(hold, held && !pinned() ? t("wall.held") : ""), held && !pinned());
    show(badge, scenes.length > 1);
    const key = JSON.stringify(scene);
    if (shown !== key) {
      const other = shown !== null;
      shown = key;
      document.documentElement.dataset.scene = scene.id;
      const { at, ...view } = scene.view ?? {};
      lay({ ...view, ...(at ? { at } : {}), ...(scene.layers ? { layers: scene.layers.join(",") || "none" } : {}) });
      apply(scene, other);
    }
    if (now() - asked > ASK_EVERY_MS) load().catch(() => null); // the server is away: the scenes go on
  }

  /** Asks for the scenes and the turn, and tells what is shown, for the remote. */
  async function load() {
    asked = now();
    const at = scenes.length ? scenes[sceneAt(scenes, turnNow(), now()).index].id : "";
    const told = await read(seenAs(`/api/wall?lang=${lang()}&scene=${encodeURIComponent(at)}&held=${turnNow().held}`));
    scenes = told.scenes;
    if (told.turn.since >= turn.since) turn = told.turn;
    keep();
    tick();
  }

  /** Keys and orders by hand: they begin at once, whether the server answers or not. */
  function order(next) {
    take(next);
    asked = 0;
    tick();
  }

  window.addEventListener("cg:wall", ({ detail }) => take(detail), { signal });
  document.addEventListener(
    "keydown",
    (event) => {
      if (!scenes.length || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const does = {
        " ": () => heldOn(scenes, turn, now()),
        ArrowRight: () => stepped(scenes, turn, now(), 1),
        ArrowLeft: () => stepped(scenes, turn, now(), -1),
      }[event.key];
      if (!does) return;
      event.preventDefault();
      order(does());
    },
    { signal },
  );

  return {
    load,
    tick,
    /** Of the figures those of the scene, in its order; all where it names none. */
    chosen(kpis) {
      const scene = scenes.length ? scenes[sceneAt(scenes, turnNow(), now()).index] : null;
      if (!scene?.kpis) return kpis;
      return scene.kpis.map((id) => kpis.find((kpi) => kpi.id === id)).filter(Boolean);
    },
    get scene() {
      return scenes.length ? scenes[sceneAt(scenes, turnNow(), now()).index] : null;
    },
  };
}
