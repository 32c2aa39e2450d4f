// View as: while the address says whom one looks as, the page says so, and what is withheld from them by which clause.

import { collections } from "./admin_calendar.mjs";
import { attr, button, el, show, text } from "./dom.mjs";
import { number } from "./format.mjs";
import { lang, t } from "./i18n.mjs";
import { api, get, setFilters } from "./state.mjs";

export function lookingBar(app, { read, page }) {
  const words = el("b");
  const counts = button("cg-as-counts", "", "");
  counts.removeAttribute("aria-label");
  const leave = button("cg-present", t("as.leave"));
  const detail = el("div", "cg-as-detail");
  detail.hidden = true;
  const bar = el("div", "cg-as", words, counts, leave, detail);
  bar.setAttribute("role", "status");
  leave.addEventListener("click", () => setFilters({ view_as: null }));
  counts.addEventListener("click", () => unfold(detail.hidden));

  function unfold(open) {
    show(detail, open);
    attr(counts, "aria-expanded", String(open));
  }

  function draw(found) {
    text(words, t("as.title", { title: found.title }));
    text(counts, t("as.counts", { shown: number(found.shown), withheld: number(found.withheld) }));
    const line = (name, count, more) =>
      el("li", "", el("b", "", number(count)), el("span", "", name), more ? el("small", "", more) : null);
    const parts = (of) =>
      Object.entries(of)
        .map(([name, count]) => `${collections([name])} ${number(count)}`)
        .join(" · ");
    detail.replaceChildren(
      el("h3", "", t("as.withheld", { n: number(found.withheld) })),
      found.clauses.length
        ? el("ul", "", ...found.clauses.map((one) => line(one.clause, one.count, parts(one.collections))))
        : el("p", "cg-drawer-note", t("as.nothing")),
      ...(found.altered.length
        ? [el("h3", "", t("as.altered")), el("ul", "", ...found.altered.map((one) => line(one.duties, one.count)))]
        : []),
      el("p", "cg-drawer-note", t("as.note")),
    );
  }

  return {
    /** Shown while one looks as somebody, and counted anew with every change of the picture. */
    async load() {
      const asked = get("view_as");
      document.documentElement.toggleAttribute("data-looking", Boolean(asked));
      if (!asked) return bar.remove();
      if (!bar.isConnected) app.append(bar);
      if (page === "admin") return null; // which is nobody else's to see
      return draw(await read(api("/api/view-as", { lang: lang() })));
    },
    shut: () => !detail.hidden && (unfold(false), true),
  };
}
