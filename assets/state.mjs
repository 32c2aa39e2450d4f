// The state of a view is the URL query, and nothing else: this module reads it, writes it and says when it changed.
// Events on window: `cg:filters` (what is counted changed), `cg:view` (only how it is looked at changed),
// `cg:choice` (which figure or item a layer shows), `cg:lang`.

export const FILTERS = [
  "from",
  "to",
  "window",
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
/** What layers are asked to show beside the filters: figure, item, goal of travel times, closures that are tried. */
export const CHOICES = ["metric", "item", "goal", "closed"];
const DEFAULT_WINDOW = "28d";
const HOURS = { "24h": 24, "72h": 72, "7d": 168, "28d": 672, "90d": 2160, "1y": 8760 };

let over = {}; // what a scene of the wall lays over the address
let current = location.search;

/** What is asked for: the address, and over it what the scene says. */
function search() {
  if (!Object.keys(over).length) return location.search;
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(over)) query.set(name, value);
  return `?${query}`;
}

/** Lays a scene's parameters over the address, which stays as it is: nothing is added to any history. */
export function lay(parameters) {
  over = parameters;
  announce();
}

export function get(name) {
  return new URLSearchParams(search()).get(name) ?? "";
}

/** Filters of this view as a query string in a fixed order, so that equal views give equal addresses. */
export function filterQuery(without = []) {
  const now = new URLSearchParams(search());
  const out = new URLSearchParams();
  for (const name of FILTERS) {
    const value = now.get(name);
    if (value && !without.includes(name)) out.set(name, value);
  }
  // What the page says in its sentence is what is asked for: the server itself has no window unless told one.
  if (!without.includes("window") && !["from", "to", "window"].some((name) => out.has(name)))
    out.set("window", DEFAULT_WINDOW);
  return out.toString();
}

/** The address of a path with this view's filters and the given further parameters. */
export function api(path, extra = {}, without = []) {
  const query = new URLSearchParams(filterQuery(without));
  for (const [name, value] of Object.entries(extra)) if (value !== null && value !== "") query.set(name, value);
  const tail = query.toString();
  return tail ? `${path}${path.includes("?") ? "&" : "?"}${tail}` : path;
}

/** The address of a path that takes no filters, asked as whom the page is seen. */
export function seenAs(path) {
  const told = get("view_as");
  return told ? `${path}${path.includes("?") ? "&" : "?"}view_as=${encodeURIComponent(told)}` : path;
}

/** Length of the chosen window in milliseconds, or null for `all`. */
export function windowLength() {
  const hours = HOURS[get("window") || DEFAULT_WINDOW];
  return hours ? hours * 3_600_000 : null;
}

/** The chosen period as {from, to} in epoch ms; `from` is null for "since the first record". */
export function period(now) {
  const known = Date.parse(get("as_known_at"));
  const to = Date.parse(get("to")) || (Number.isFinite(known) ? known : now);
  const from = Date.parse(get("from"));
  if (Number.isFinite(from)) return { from, to };
  const length = windowLength();
  return { from: length === null ? null : to - length, to };
}

function write(changes, how) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
  const next = text ? `?${text}` : "";
  if (next === location.search) return;
  history[how](history.state, "", location.pathname + next + location.hash);
  if (how === "pushState") window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
  announce();
}

/** A change of what is counted: a new entry in the history. */
export const setFilters = (changes) => write(changes, "pushState");

/** Something was opened or closed beside the map: the same, so that "back" undoes it. */
export const visit = setFilters;

/** A change of the view alone (map position, layers, theme): the current entry is rewritten. */
export const setView = (changes) => write(changes, "replaceState");

function split(search) {
  const query = new URLSearchParams(search);
  const filters = FILTERS.map((name) => query.get(name) ?? "").join("\u0000");
  const lang = `${query.get("lang")} ${query.get("view_as")}`; // either makes another page of this one
  const choice = CHOICES.map((name) => query.get(name) ?? "").join("\u0000");
  for (const name of [...FILTERS, "lang", "at", ...CHOICES]) query.delete(name);
  query.sort();
  return { filters, lang, choice, view: query.toString() };
}

/** Compares the address with the one last seen and tells listeners what kind of change it was. */
export function announce() {
  if (search() === current) return;
  const before = split(current);
  const after = split(search());
  current = search();
  if (before.filters !== after.filters) window.dispatchEvent(new CustomEvent("cg:filters"));
  if (before.view !== after.view) window.dispatchEvent(new CustomEvent("cg:view"));
  if (before.choice !== after.choice) window.dispatchEvent(new CustomEvent("cg:choice"));
  if (before.lang !== after.lang) window.dispatchEvent(new CustomEvent("cg:lang"));
  // The Dash side is told what it may care about; how the map stands changes too often, and it never writes the address.
  if (before.filters !== after.filters || before.view !== after.view)
    if (document.getElementById("cg-filters")) window.dash_clientside?.set_props?.("address", { data: current });
}

window.addEventListener("popstate", announce);
window.addEventListener("_dashprivate_pushstate", announce);
window.addEventListener("cg:chosen", ({ detail }) => setFilters(detail));

/** Map position of the address as {center: [lon, lat], zoom}, or null. */
export function position() {
  const [lat, lon, zoom] = get("at").split(",").map(Number);
  if (![lat, lon, zoom].every(Number.isFinite) || Math.abs(lat) > 90 || Math.abs(lon) > 180) return null;
  return { center: [lon, lat], zoom };
}

/** Layers switched on by the address, or null when the address leaves it to the server. */
export function chosenLayers() {
  const query = new URLSearchParams(search());
  return query.has("layers") ? new Set(query.get("layers").split(",").filter(Boolean)) : null;
}
