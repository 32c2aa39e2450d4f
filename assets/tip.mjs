// One explanation at a time, at once, for whatever is hovered or focused: `explain(node, () => text)`.

import { el, text } from "./dom.mjs";

const sources = new WeakMap();
let tip = null;
let owner = null;

/** Gives a node its explanation; `say` returns a text (lines split by \n) when it is asked for. */
export function explain(node, say) {
  if (!sources.has(node)) node.dataset.tip = "";
  sources.set(node, say);
}

function place(node) {
  const box = node.getBoundingClientRect();
  tip.style.left = "0"; // its own width, not what the edge of the window leaves of it
  const own = tip.getBoundingClientRect();
  const left = Math.min(Math.max(8, box.left + box.width / 2 - own.width / 2), innerWidth - own.width - 8);
  const beside = box.width > innerWidth / 6 && box.left > own.width + 16;
  const above = box.top > own.height + 12;
  tip.style.left = `${Math.round(beside ? box.left - own.width - 10 : left)}px`;
  tip.style.top = `${Math.round(
    beside
      ? Math.min(Math.max(8, box.top), innerHeight - own.height - 8)
      : above
        ? box.top - own.height - 8
        : Math.min(box.bottom + 8, innerHeight - own.height - 8),
  )}px`;
}

function open(event) {
  const node = event.target.closest?.("[data-tip]");
  if (node === owner) return;
  if (!node || !sources.has(node)) return close();
  const words = sources.get(node)();
  if (!words) return close();
  if (!tip) {
    tip = el("div", "cg-tip");
    tip.setAttribute("role", "tooltip");
    tip.id = "cg-tip";
  }
  if (!tip.isConnected) document.body.append(tip);
  owner?.removeAttribute("aria-describedby");
  owner = node;
  node.setAttribute("aria-describedby", "cg-tip");
  text(tip, words);
  tip.hidden = false;
  place(node);
}

function close() {
  owner?.removeAttribute("aria-describedby");
  owner = null;
  if (tip) tip.hidden = true;
}

document.addEventListener("pointerover", open);
document.addEventListener("pointerdown", close);
document.addEventListener("focusin", (event) => {
  if (event.target.matches?.(":focus-visible")) open(event);
});
document.addEventListener("focusout", close);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") close();
});
