// The wall's remote: one wall at a time, its scenes as large buttons, back, hold and on. An order goes through the server, which
// tells every screen of that wall at once.

import { attr, button, el, keyed, part, parts, show, text } from "./dom.mjs";
import { age, number } from "./format.mjs";
import { lang, t } from "./i18n.mjs";
import { heldOn, sceneAt, stepped } from "./scenes.mjs";

const ASK_EVERY_MS = 5_000;

export function remotePanel(host, { now, read, signal }) {
  const title = el("h1", "", t("remote.title"));
  const which = el("select", "cg-remote-which");
  which.setAttribute("aria-label", t("remote.wall"));
  const state = el("p", "cg-remote-state");
  state.setAttribute("role", "status");
  const keys = [
    ["back", "‹", (wall) => stepped(scenes, turnOf(wall), now(), -1)],
    ["hold", "‖", (wall) => heldOn(scenes, turnOf(wall), now())],
    ["next", "›", (wall) => stepped(scenes, turnOf(wall), now(), 1)],
  ].map(([name, sign, turn]) => {
    const node = button("cg-remote-key", t(`remote.${name}`));
    node.replaceChildren(part("sign", "i", ""), part("word", "span", ""));
    text(parts(node).sign, sign);
    text(parts(node).word, t(`remote.${name}`));
    node.dataset.key = name;
    node.addEventListener("click", () => wall() && order(turn(wall())));
    return node;
  });
  const list = el("div", "cg-remote-scenes");
  const none = el("p", "cg-empty");
  const fault = el("p", "cg-remote-fault");
  fault.setAttribute("role", "alert");
  const row = el("div", "cg-remote-keys", ...keys);
  const body = el("div", "cg-remote", el("div", "cg-remote-head", title, which), state, row, list, none, fault);
  host.replaceChildren(body);

  let scenes = [];
  let walls = [];
  let chosen = "";
  let asked = 0;
  const wall = () => walls.find(({ name }) => name === chosen) ?? walls[0];
  /** What the wall itself told it shows counts, where it is newer than the last order. */
  const turnOf = ({ turn, scene, held }) => (held === turn.held && (!held || scene === turn.scene) ? turn : { scene, held, since: now() / 1000 });

  which.addEventListener("change", () => {
    chosen = which.value;
    draw();
  });

  async function order(turn) {
    const name = wall().name;
    try {
      const answer = await fetch(`/api/wall/steer?lang=${lang()}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ wall: name, scene: turn.scene, held: turn.held }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]),
      });
      const told = await answer.json();
      if (!answer.ok) throw new Error(told.description ?? `HTTP ${answer.status}`);
      walls = walls.map((one) => (one.name === name ? { ...one, turn: told, scene: told.scene, held: told.held } : one));
      text(fault, "");
    } catch (error) {
      text(fault, t("remote.failed", { reason: error.message }));
    }
    draw();
  }

  function draw() {
    const at = wall();
    show(text(none, at ? "" : t("remote.none")), !at);
    for (const node of [which, state, row, list]) show(node, Boolean(at));
    if (!at) return;
    keyed(
      which,
      walls,
      ({ name }) => name,
      () => el("option"),
      (option, { name, own }) => {
        option.value = name;
        text(option, own ? t("remote.own") : name);
      },
    );
    which.value = at.name;
    const turn = turnOf(at);
    const { index, ends } = sceneAt(scenes, turn, now());
    const left = Math.max(0, Math.round((ends - now()) / 1000));
    const heard = at.heard_s === null ? t("remote.unheard") : t("remote.heard", { age: age(at.heard_s) });
    text(state, [turn.held ? t("wall.held") : Number.isFinite(left) ? t("remote.left", { n: number(left) }) : "", heard].filter(Boolean).join(" · "));
    attr(state, "data-held", turn.held ? "true" : null);
    const hold = keys[1];
    attr(hold, "aria-pressed", String(turn.held));
    text(parts(hold).sign, turn.held ? "▶" : "‖");
    text(parts(hold).word, t(turn.held ? "remote.go" : "remote.hold"));
    attr(hold, "aria-label", t(turn.held ? "remote.go" : "remote.hold"));
    keyed(
      list,
      scenes,
      ({ id }) => id,
      () => {
        const node = button("cg-remote-scene", "");
        node.removeAttribute("aria-label");
        node.addEventListener("click", () => order({ scene: node.dataset.scene, held: turnOf(wall()).held }));
        return node;
      },
      (node, { id, title: words }, place) => {
        node.dataset.scene = id;
        attr(node, "aria-current", place === index ? "true" : null);
        text(node, words);
      },
    );
  }

  async function load() {
    asked = now();
    const told = await read(`/api/wall?lang=${lang()}`);
    ({ scenes, walls } = told);
    draw();
  }

  return {
    load,
    tick() {
      draw();
      if (now() - asked > ASK_EVERY_MS) load().catch((error) => text(fault, t("remote.failed", { reason: error.message })));
    },
  };
}
