// The entry of every page: waits for the empty hosts, fills them, and again when another page takes their place.

import { startPage } from "./page.mjs";

let running = null;
let root = null;

function look() {
  const found = document.getElementById("cg-app");
  if (found === root) return;
  root = found;
  running?.stop();
  running = found ? startPage(found) : null;
}

// The shell draws its layout after this script has run, and swaps it when one changes page.
new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
look();
