// What the page shows, as a file: which records, in which format, under the filters of the sentence beside it.

import { button, el } from "./dom.mjs";
import { lang, named, t } from "./i18n.mjs";
import { api, get } from "./state.mjs";

const COLLECTIONS = [
  "incidents",
  "alerts",
  "reports",
  "supply",
  "indicators",
  "feedback",
  "activities",
  "sites",
  "tracks",
  "routes",
  "boundaries",
];
const FORMATS = ["csv", "xlsx", "geojson", "gpkg", "parquet"];

/** Fills the empty host that the server made for whoever may take files. */
export function exportMenu(host) {
  const open = button("cg-export-open", t("export"));
  const which = el("select", "cg-input");
  which.append(...COLLECTIONS.map((name) => Object.assign(el("option", "", named(`collection.${name}`, name)), { value: name })));
  which.setAttribute("aria-label", t("export.which"));
  const links = FORMATS.map((format) => {
    const link = el("a", "cg-export-link", el("b", "", t(`export.${format}`)), el("small", "", t(`export.${format}.for`)));
    link.dataset.format = format;
    link.download = "";
    return link;
  });
  const sheet = el(
    "div",
    "cg-export",
    el("h2", "", t("export.title")),
    which,
    el("div", "cg-export-links", ...links),
    el("p", "cg-drawer-note", t("export.note")),
  );
  sheet.popover = "auto";
  sheet.setAttribute("aria-label", t("export.title"));
  open.setAttribute("aria-haspopup", "dialog");
  open.popoverTargetElement = sheet;

  function aim() {
    for (const link of links) link.href = api(`/api/export/${which.value}`, { format: link.dataset.format, lang: lang() });
  }

  function place() {
    const box = open.getBoundingClientRect();
    const own = sheet.getBoundingClientRect();
    const rtl = document.documentElement.dir === "rtl";
    const left = rtl ? box.left : box.right - own.width;
    sheet.style.left = `${Math.round(Math.min(Math.max(8, left), innerWidth - own.width - 8))}px`;
    sheet.style.top = `${Math.round(box.bottom + 4)}px`;
  }

  which.addEventListener("change", aim);
  sheet.addEventListener("toggle", (event) => {
    if (event.newState !== "open") return;
    aim();
    place();
    which.focus();
  });
  // The address may change while the sheet is open: what is clicked is what is shown then.
  sheet.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link) return;
    aim();
    sheet.hidePopover();
  });
  host.replaceChildren(open, sheet);
  if (get("as_known_at")) sheet.dataset.past = "";
}
