// The sheet of keys (`?`) and the keys themselves.

import { button, el } from "./dom.mjs";
import { t } from "./i18n.mjs";

const KEYS = [
  ["/", "search"],
  ["[", "back"],
  ["]", "forth"],
  ["f", "full"],
  ["l", "layers"],
  ["Enter", "list"],
  ["0", "fit"],
  ["?", "help"],
  ["Esc", "close"],
];

/** Keys that one page alone answers. */
const OWN = { wall: ["space", "←", "→"], incidents: ["j", "k", "Enter"], triage: ["j", "k", "p", "d", "e", "u"] };

export function helpSheet(host, page) {
  const row = (key, words) => el("div", "cg-pair", el("dt", "", el("kbd", "", key)), el("dd", "", words));
  const rows = KEYS.map(([key, name]) => row(key, t(`keys.${name}`)));
  rows.unshift(...(OWN[page] ?? []).map((key) => row(key, t(`${page}.key.${key}`))));
  const close = button("cg-close", t("close"), "×");
  const sheet = el(
    "div",
    "cg-help-sheet",
    el("div", "cg-drawer-head", el("h2", "", t("keys")), close),
    el("dl", "cg-facts", ...rows),
    el("p", "cg-drawer-note", t("help.looks")),
    looks(),
  );
  sheet.setAttribute("role", "dialog");
  sheet.setAttribute("aria-modal", "true");
  sheet.setAttribute("aria-label", t("keys"));
  host.replaceChildren(sheet);
  host.hidden = true;
  let before = null;

  function toggle(open = host.hidden) {
    if (open) before = document.activeElement;
    host.hidden = !open;
    if (open) close.focus();
    else before?.focus?.({ preventScroll: true });
  }
  close.addEventListener("click", () => toggle(false));
  host.addEventListener("click", (event) => event.target === host && toggle(false));
  return {
    toggle,
    get open() {
      return !host.hidden;
    },
  };
}

/** The four looks, side by side, as they stand on figures. */
function looks() {
  const look = (state, words, key) =>
    el(
      "div",
      "cg-look",
      Object.assign(el("span", "cg-value", words), {}),
      el("span", "cg-look-word", t(`looks.${key}`)),
    );
  const all = [
    ["ok", "0", "zero"],
    ["unknown", t("unknown"), "unknown"],
    ["not_reported", t("not_reported"), "not_reported"],
    ["stale", "9", "stale"],
  ];
  return el(
    "div",
    "cg-looks",
    ...all.map(([state, words, key]) => {
      const node = look(state, words, key);
      node.dataset.state = state;
      return node;
    }),
  );
}

const typing = (target) => target.closest?.("input, textarea, select, [contenteditable], [role=combobox]");

/** Answers keys until `signal` aborts. `does`: {search, step, full, layers, list, fit, help, close}. */
export function answerKeys(does, signal) {
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (event.key === "Escape") return does.close?.();
      if (typing(event.target)) return;
      const action = {
        "/": does.search,
        "?": does.help,
        f: does.full,
        l: does.layers,
        0: does.fit,
        "[": () => does.step?.(-1),
        "]": () => does.step?.(1),
      }[event.key];
      if (!action) return;
      event.preventDefault();
      action();
    },
    { signal },
  );
}
