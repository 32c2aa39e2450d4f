// The head of every page: exercise and marking, where one can go, what time it is, and the few switches.

import { attr, button, el, keyed, part, parts, show, text } from "./dom.mjs";
import { dtg, local, number, zulu } from "./format.mjs";
import { LANGUAGES, lang, t } from "./i18n.mjs";
import { get, setFilters, setView } from "./state.mjs";
import { themeName } from "./theme.mjs";

const PAGES = [
  ["/", "picture"],
  ["/watch", "watch"],
  ["/incidents", "incidents"],
  ["/health", "health"],
  ["/activities", "activities"],
  ["/community", "community"],
  ["/objectives", "objectives"],
  ["/risks", "risks"],
  ["/feeds", "feeds"],
  ["/triage", "triage"],
  ["/alerts", "alerts"],
  ["/admin", "admin"],
  ["/wall", "wall"],
];
/** Parameters that mean the same on every page and go along when one changes page. */
const CARRIED = [
  "theme",
  "lang",
  "window",
  "from",
  "to",
  "area",
  "category",
  "severity",
  "agency",
  "source",
  "q",
  "actor",
  "grade",
  "polygon",
  "radius",
  "as_known_at",
  "view_as",
];

function destination(path) {
  const now = new URLSearchParams(location.search);
  const query = new URLSearchParams();
  for (const name of CARRIED) if (now.get(name)) query.set(name, now.get(name));
  if (path === "/admin") query.delete("view_as"); // administration is one's own
  return query.size ? `${path}?${query}` : path;
}

/** `pages` may come with the host as data-pages='[["/supply","Supply"], ...]'. */
function pagesOf(host) {
  try {
    return JSON.parse(host.dataset.pages ?? "null") ?? PAGES;
  } catch {
    return PAGES;
  }
}

export function banner(host, { page, now, help }) {
  host.setAttribute("role", "banner");
  const exercise = el("strong", "cg-exercise");
  const marking = el("span", "cg-marking");
  const title = el("span", "cg-mission");
  const nav = el("nav", "cg-nav");
  nav.setAttribute("aria-label", t("nav.region"));
  const clockZ = el("bdi", "cg-clock");
  const date = el("bdi", "cg-date");
  const clockL = el("bdi", "cg-clock cg-local");
  const zone = el("span", "cg-zone");
  const clocks = el("div", "cg-clocks", clockZ, date, clockL, zone);
  const past = el("div", "cg-past");
  const pastText = el("span");
  const present = button("cg-present", t("past.return"));
  past.append(pastText, present);
  past.setAttribute("role", "status");
  present.addEventListener("click", () => setFilters({ as_known_at: null }));
  const search = el("input", "cg-search");
  search.type = "search";
  search.placeholder = t("search");
  search.setAttribute("aria-label", t("search.label"));
  search.value = get("q");
  search.addEventListener("change", () => setFilters({ q: search.value.trim() }));
  const theme = button("cg-switch", t("theme.switch"), "◐");
  theme.addEventListener("click", () => setView({ theme: themeName() === "dark" ? "light" : "dark" }));
  const language = el("select", "cg-switch cg-language");
  language.setAttribute("aria-label", t("language"));
  language.append(...LANGUAGES.map((code) => Object.assign(el("option", "", t(`language.${code}`)), { value: code })));
  language.value = lang();
  language.addEventListener("change", () => setView({ lang: language.value }));
  const keys = button("cg-switch", t("help.open"), "?");
  keys.addEventListener("click", () => help?.toggle());
  const account = el("a", "cg-switch cg-account");
  account.setAttribute("aria-label", t("nav.account"));
  account.title = t("nav.account");
  const late = el("a", "cg-banner-overdue");
  late.hidden = true;
  const left = el("div", "cg-banner-left", exercise, marking, late);
  const right = el("div", "cg-banner-right", ...(["picture", "incidents"].includes(page) ? [search] : []), clocks, language, theme, keys, account);
  if (page === "wall") host.replaceChildren(left, title, clocks, past);
  else host.replaceChildren(left, nav, past, right);

  let offset = null;
  let zoneName = "";
  let waits = 0;

  function links() {
    keyed(
      nav,
      pagesOf(host),
      ([path]) => path,
      () => el("a", "", part("name", "span"), part("count", "b", "cg-nav-count")),
      (node, [path, name]) => {
        text(parts(node).name, PAGES.some(([known]) => known === path) ? t(`nav.${name}`) : name);
        show(text(parts(node).count, path === "/triage" && waits ? number(waits) : ""), path === "/triage" && waits > 0);
        attr(node, "href", destination(path));
        const here = path === location.pathname || (path !== "/" && location.pathname.startsWith(`${path}/`));
        attr(node, "aria-current", here ? "page" : null);
      },
    );
  }

  function tick() {
    const at = zulu(now());
    text(clockZ, at.clock);
    text(date, at.date);
    if (offset !== null) text(clockL, local(now(), offset));
  }

  function state() {
    links();
    attr(account, "href", `/account?${new URLSearchParams({ lang: lang(), theme: themeName() })}`);
    const known = get("as_known_at");
    show(past, Boolean(known));
    document.documentElement.toggleAttribute("data-past", Boolean(known));
    if (known) text(pastText, t("past.shown", { time: dtg(known) }));
    if (document.activeElement !== search) search.value = get("q");
  }

  state();
  tick();
  return {
    update({ mission }) {
      if (!mission) return;
      show(text(exercise, mission.banner), Boolean(mission.banner));
      show(text(marking, mission.marking), Boolean(mission.marking));
      text(title, t("wall.title", { mission: mission.name }));
      offset = mission.utc_offset_min ?? null;
      zoneName = t("clock.local");
      text(zone, zoneName);
      attr(zone, "title", mission.timezone);
      show(clockL, offset !== null);
      show(zone, offset !== null);
      tick();
    },
    tick,
    state,
    /** How much is overdue; on the wall too. */
    overdue(count) {
      show(text(late, t("watch.overdue", { count })), count > 0);
      if (page !== "wall") attr(late, "href", destination("/watch"));
    },
    /** How many stories wait in triage; null: not for this viewer. */
    waiting(count) {
      waits = count ?? 0;
      links();
    },
    focusSearch() {
      search.focus();
      search.select();
    },
  };
}
