// Closures that are tried live in the address alone; and the section of the drawer that says how one gets there.

import { button, el, text } from "./dom.mjs";
import { lang, t } from "./i18n.mjs";
import { api, get, setFilters } from "./state.mjs";

/** Ids of the routes whose closure is tried. */
export const tried = () => get("closed").split(",").filter(Boolean);

export function closeRoad(id, shut) {
  const left = tried().filter((one) => one !== id);
  setFilters({ closed: (shut ? [...left, id] : left).join(",") || null });
}

/** "30–60 min", or from the quick to the slow one; never a number of minutes. */
export function bands(quick, slow) {
  return quick === slow ? t(`band.${quick}`) : t("band.both", { quick: t(`band.${quick}`), slow: t(`band.${slow}`) });
}

/** What the drawer adds to a road (close it, to see what would be) and to a site (how one gets to care, a hospital, a hub). */
export function wayNodes(record, signal) {
  if (record.kind === "route") return [roadSection(record)];
  return record.kind === "site" ? [siteSection(record, signal)] : [];
}

function roadSection({ id }) {
  const shut = tried().includes(id);
  const toggle = button("cg-action", t(shut ? "access.reopen" : "access.close"));
  toggle.addEventListener("click", () => closeRoad(id, !shut));
  const see = el("a", "cg-action", t("access.who"));
  const query = new URLSearchParams(location.search);
  for (const name of ["record", "kpi", "layers"]) query.delete(name);
  query.set("tab", "access");
  query.set("closed", [...new Set([...tried(), id])].join(","));
  see.href = `/health?${query}`;
  return el("section", "cg-ways", el("h3", "", t("access.what_if")), el("p", "cg-drawer-note", t("access.never_written")), el("p", "cg-copies", toggle, see));
}

function siteSection(record, signal) {
  const list = el("dl", "cg-facts");
  const note = el("p", "cg-drawer-note", t("access.looking"));
  const section = el("section", "cg-ways", el("h3", "", t("access.getting_there")), note, list);
  const ask = async (goal) => {
    const answer = await fetch(api("/api/access/ways", { site: record.id, goal, closed: get("closed"), lang: lang() }), { signal });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    return [goal, await answer.json()];
  };
  Promise.all(["care", "hospital", "hub"].map(ask)).then(
    (answers) => {
      list.replaceChildren(...answers.flatMap(([goal, told]) => ways(goal, told)));
      text(note, t("access.bands_note"));
    },
    (error) => signal.aborted || text(note, t("access.failed", { reason: error.message })),
  );
  return section;
}

function ways(goal, told) {
  const row = (label, ...children) => el("div", "cg-pair", el("dt", "", label), el("dd", "", ...children));
  if (told.off_road) return [row(t(`goal.${goal}`), el("span", "cg-unknown", t("access.off_road")))];
  if (!told.targets) return [row(t(`goal.${goal}`), el("span", "cg-unknown", t("access.no_goal")))];
  if (!told.first) return [row(t(`goal.${goal}`), el("b", "cg-no-way", t("band.none")))];
  const place = ({ site, quick, slow }) => [el("bdi", "", site.title), ` · ${bands(quick, slow)}`];
  const by = (via) => (via.length ? el("small", "cg-via", t("access.via", { roads: via.map(({ title }) => title).join(", ") })) : null);
  return [
    row(t(`goal.${goal}`), ...place(told.first), by(told.first.via)),
    told.second && row(t("access.second"), ...place(told.second), by(told.second.via)),
    told.round &&
      row(
        t("access.round"),
        told.round.shared_pct >= 99
          ? el("b", "cg-no-way", t("access.only_way"))
          : el("span", "", `${bands(told.round.quick, told.round.slow)} · ${t("access.shared", { n: told.round.shared_pct })}`),
        told.round.shared_pct >= 99 ? null : by(told.round.via),
      ),
  ].filter(Boolean);
}
