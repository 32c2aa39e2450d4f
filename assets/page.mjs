// One page: makes its parts, feeds them the server's answers, and keeps them true while the server speaks.

import { adminPanel } from "./admin.mjs";
import { banner } from "./banner.mjs";
import { stepTime, timeBrush } from "./brush.mjs";
import { el, text } from "./dom.mjs";
import { drawer } from "./drawer.mjs";
import { exportMenu } from "./export.mjs";
import { feedsPanel } from "./feeds.mjs";
import { dtg } from "./format.mjs";
import { moves, overdue } from "./handling.mjs";
import { answerKeys, helpSheet } from "./help.mjs";
import { lang, t, use } from "./i18n.mjs";
import { kpiPanel } from "./kpis.mjs";
import { layerPanel } from "./layers.mjs";
import { listen } from "./live.mjs";
import { lookingBar } from "./looking.mjs";
import { createMap } from "./map.mjs";
import { mapFoot } from "./map_foot.mjs";
import { ownAlertsPanel } from "./own_alerts.mjs";
import { answerPointer, pulses } from "./pointer.mjs";
import { refresher } from "./refresh.mjs";
import { api, CHOICES, get, seenAs } from "./state.mjs";
import { freshnessStrip } from "./strip.mjs";
import { phoneTabs } from "./tabs.mjs";
import { setTheme } from "./theme.mjs";
import { triagePanel, waiting } from "./triage.mjs";
import { uploadPanel } from "./upload.mjs";
import { moreWords } from "./words_more.mjs";

/** Pages whose module has their own name, makes all of the page and loads what it shows itself. */
const OWN = ["community", "activities", "health"];
const COUNTS_EVERY_MS = 5000;
const AGES_EVERY_MS = 1000;
const PATIENCE_MS = 30_000; // a line that went dumb must not hold the page for ever
/** "The last 24 hours" move on while nothing arrives: so often everything is asked for again. */
const ANEW_EVERY_MS = 60_000;

/** Fills `app` (#cg-app) and returns {stop}. */
export function startPage(app) {
  const life = new AbortController();
  start(app, life).catch((error) => {
    if (!life.signal.aborted) console.error(error);
  });
  return { stop: () => life.abort() };
}

async function start(app, life) {
  const { signal } = life;
  const page = app.dataset.page;
  const wall = page === "wall";
  const root = document.documentElement;
  const host = (name) => app.querySelector(`#cg-${name}`);
  root.dataset.page = page;
  setTheme(get("theme") || root.dataset.theme);
  await use(get("lang") || root.lang);
  if (signal.aborted) return;

  let skew = 0; // server time minus ours, in ms
  const now = () => Date.now() + skew;
  const read = async (path) => {
    const answer = await fetch(path, { signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]) });
    if (answer.ok) return answer.json();
    if (answer.status === 401) signIn();
    const told = await answer.json().catch(() => null);
    const error = new Error(told?.description ?? `${path.split("?")[0]}: HTTP ${answer.status}`);
    error.refused = [400, 403, 404].includes(answer.status) ? answer.status : 0;
    throw error;
  };

  const found = {}; // the parts this page has
  let layers = null;
  let kpis = null;
  let countsDue = 0;
  let line = null;
  let news = 0; // when something critical last came
  let titles = new Map();
  const sourceTitle = (name) => titles.get(name) ?? name;

  if (host("help")) found.help = helpSheet(host("help"), page);
  if (host("banner")) found.banner = banner(host("banner"), { page, now, help: found.help });
  if (host("strip")) found.strip = freshnessStrip(host("strip"), { now, wall });
  if (host("strip") && page === "picture") phoneTabs(host("strip"), app);
  if (host("kpis")) found.kpis = kpiPanel(host("kpis"), { now, wall });
  if (host("feeds")) found.feeds = feedsPanel(host("feeds"), { now, signal, stale: () => getStatus().then(takeStatus, () => null) });
  if (host("upload")) found.upload = uploadPanel(host("upload"), { signal });
  if (host("admin")) found.admin = adminPanel(host("admin"), { now, signal, read });
  if (host("alerts")) found.alerts = ownAlertsPanel(host("alerts"), { now, signal, read });
  if (host("export")) exportMenu(host("export"));
  if (host("triage")) found.triage = triagePanel(host("triage"), { now, signal, read });
  if (host("more")) moreWords(host("more"), { draws: page === "incidents", sourceTitle, signal });
  if (page === "incidents") {
    const { incidentsPage } = await import("./incidents.mjs"); // loaded on its own page alone
    found.incidents = incidentsPage(app, { now, signal, sourceTitle });
  }
  if (page === "supply") found.supply = (await import("./supply.mjs")).supplyPage(app, { now, signal, read, sourceTitle });
  if (host("remote")) found.remote = (await import("./remote.mjs")).remotePanel(host("remote"), { now, signal, read });
  if (OWN.includes(page)) {
    const { ownPage } = await import(`./${page}.mjs`); // loaded on its own page alone
    found.own = ownPage(host(page), { now, signal, read, sourceTitle });
  }
  found.looking = lookingBar(app, { read, page });
  if (host("brush")) found.brush = timeBrush(host("brush"), { now, signal });
  if (host("objectives")) found.plan = (await import("./objectives.mjs")).objectivesPanel(host("objectives"), { now, signal, read });
  if (host("risks")) found.plan = (await import("./risks.mjs")).risksPanel(host("risks"), { now, signal, read });
  if (host("watch")) found.watch = (await import("./watch.mjs")).watchPanel(host("watch"), { now, signal, read });
  if (host("drawer"))
    found.drawer = drawer(host("drawer"), {
      now,
      signal,
      sourceTitle,
      kpi: (id) => kpis?.kpis.find((one) => one.id === id),
    });

  const query = () => ({ lang: lang(), ...Object.fromEntries(CHOICES.map((name) => [name, get(name)])) });
  const getLayers = () => read(api("/api/layers", query()));
  const getStatus = () => read(seenAs("/api/status"));
  const getKpis = () => read(api("/api/kpis", { lang: lang(), lists: found.wall?.scene?.lists?.join(",") ?? "" }));

  function takeLayers(doc) {
    found.incidents?.only(doc);
    found.supply?.only(doc);
    found.own?.only?.(doc);
    layers = doc;
    found.banner?.update(doc);
    found.layers?.update(doc);
    found.foot?.update(doc);
    found.map?.update(doc);
  }

  function takeKpis(answer) {
    kpis = answer;
    found.kpis.update(found.wall ? { ...answer, kpis: found.wall.chosen(answer.kpis) } : answer);
  }

  function takeStatus(status) {
    titles = new Map(status.sources.map(({ name, title }) => [name, title]));
    if (status.now) skew = Date.parse(status.now) - Date.now();
    found.strip?.update(status);
    found.feeds?.update(status);
  }

  async function bring(revision, kinds, view) {
    const first = !root.dataset.ready;
    const all = view || !kinds;
    const news = (name) => all || kinds.includes(name);
    const jobs = [];
    if (!(first && layers)) jobs.push(getLayers().then(takeLayers));
    if (found.kpis) jobs.push(getKpis().then(takeKpis));
    if (view && !first) jobs.push(found.map?.reload());
    else if (!get("as_known_at") || !kinds) jobs.push(found.map?.refresh(revision, kinds));
    if (found.brush && news("incidents") && (all || Date.now() > countsDue)) {
      countsDue = Date.now() + COUNTS_EVERY_MS;
      jobs.push(found.brush.load());
    }
    if (!kinds) jobs.push(getStatus().then(takeStatus));
    if (found.admin) jobs.push(found.admin.load());
    if (found.remote) jobs.push(found.remote.load());
    if (found.incidents && news("incidents")) jobs.push(found.incidents.load());
    if (found.own && (all || found.own.kinds.some(news))) jobs.push(found.own.load());
    if (found.supply && (all || ["supply", "sites", "reports", "routes"].some(news))) jobs.push(found.supply.load());
    if (found.triage) jobs.push(found.triage.load());
    if (found.alerts) jobs.push(found.alerts.load());
    if (found.watch) jobs.push(found.watch.load());
    if (found.plan) jobs.push(found.plan.load());
    if (all || moves(kinds)) overdue(read).then((count) => found.banner?.overdue(count), () => null); // never holds the page
    if (!wall && (all || kinds.includes("posts") || kinds.includes("judgements")))
      waiting(read).then((count) => found.banner?.waiting(count), () => null); // never holds the page
    jobs.push(found.looking.load());
    await Promise.all(jobs);
    if (!first) found.drawer?.refresh();
    await found.map?.painted();
    if (signal.aborted) return;
    root.dataset.revision = String(revision);
    if (!root.dataset.ready) {
      root.dataset.ready = "true";
      found.drawer?.follow();
    }
  }
  const refresh = refresher(bring);
  signal.addEventListener("abort", () => refresh.stop());

  const place = host("map") ?? host("feeds") ?? host("upload") ?? host("triage") ?? host("watch") ?? host("objectives") ?? host("alerts") ?? host("admin") ?? app;
  const both = () => Promise.all([getStatus(), host("map") && getLayers()]);
  const [status, doc] = await firstAnswer(both, place, signal);
  takeStatus(status);
  if (wall) await beWall();
  if (doc) {
    takeLayers(found.wall?.scene ? await getLayers().catch(() => doc) : doc); // under the scene's filters
    await makeMap();
    if (found.wall?.scene?.bbox) found.map.frame(found.wall.scene.bbox);
  }
  refresh.ask(layers?.revision ?? status.revision, [], true);
  signal.addEventListener("abort", () => {
    delete root.dataset.ready;
    delete root.dataset.revision;
  });

  /** Its scenes and what keeps it going, neither of which another page loads. */
  async function beWall() {
    const [{ wallScenes }, { watchdog }] = await Promise.all([import("./wall.mjs"), import("./watchdog.mjs")]);
    found.wall = wallScenes(host("map"), {
      now,
      read,
      signal,
      apply(scene, other) {
        if (!found.map || !line) return;
        if (other) found.map.frame(scene.bbox);
        refresh.ask(line.revision, [], true);
      },
    });
    await found.wall.load().catch(() => null);
    const state = () => ({
      heard: line?.link.last_heard ?? Date.now(),
      wanted: line?.revision ?? 0,
      shown: Number(root.dataset.revision ?? 0),
      news,
    });
    watchdog({ state, signal });
  }

  async function makeMap() {
    const frame = el("div", "cg-map-canvas");
    frame.setAttribute("aria-label", t("map.region", { mission: layers.mission?.name ?? "" }));
    host("map").prepend(frame);
    found.map = await createMap(frame, layers, { still: wall });
    const over = el("div", "cg-map-over");
    host("map").append(over);
    found.pulse = pulses(found.map, over);
    found.foot = mapFoot(found.map, over);
    found.foot.update(layers);
    found.incidents?.map(found.map, over);
    found.plan?.map?.(found.map);
    if (!wall) {
      answerPointer(found.map, over, {
        doc: () => layers,
        now,
        open: (what) => found.supply?.open(what) || found.own?.open?.(what) || found.drawer?.show(what),
        foot: found.foot,
        sourceTitle,
        signal,
      });
    }
    if (host("layers")) {
      found.layers = layerPanel(host("layers"), { now, factor: () => found.map.ringFactor });
      found.layers.update(layers);
    }
    signal.addEventListener("abort", () => found.map.destroy());
  }

  line = listen(seenAs("/live"), layers?.revision ?? status.revision);
  signal.addEventListener("abort", () => line.stop());
  const on = (name, answer) => window.addEventListener(name, (event) => answer(event.detail ?? {}), { signal });
  let assets = null;
  const seen = new Set();

  on("cg:revision", ({ revision, kinds, critical }) => {
    refresh.ask(revision, kinds);
    for (const item of critical ?? []) announce(item);
  });
  on("cg:status", takeStatus);
  on("cg:link", (link) => {
    root.dataset.link = link.state;
    found.strip?.link(link);
    text(stale, link.state === "ok" ? "" : t(`link.${link.state}`, { time: dtg(link.last_heard) }));
  });
  on("cg:refused", () => getStatus().catch(() => null));
  on("cg:reload", ({ revision }) => refresh.ask(revision, null));
  on("cg:restart", async () => {
    refresh.ask(line.revision, null);
    const fresh = await assetMark();
    // Other programs than the ones running here: the view is in the address, so starting over loses nothing.
    if (assets && fresh && fresh !== assets) location.reload();
  });
  on("cg:filters", () => {
    found.banner?.state();
    found.brush?.place();
    refresh.ask(line.revision, [], true);
  });
  on("cg:choice", () => refresh.ask(line.revision, [], true));
  on("cg:view", () => {
    setTheme(get("theme") || root.dataset.theme);
    found.banner?.state();
    found.own?.view(); // which may choose other layers
    found.map?.update();
    found.layers?.update();
    found.brush?.place();
    found.drawer?.follow();
  });
  on("cg:lang", () => location.reload());
  on("cg:rings", () => found.layers?.rings());
  window.addEventListener("popstate", () => found.map?.follow(), { signal });

  /** Something critical and new: a pulse where it is, and a word to those who listen instead of looking. */
  async function announce(item) {
    if (seen.has(item.id) || get("as_known_at")) return;
    seen.add(item.id);
    news = Date.now();
    if (seen.size > 500) seen.delete(seen.values().next().value);
    text(said, t("critical.new", { title: item.title, place: item.place ?? "" }));
    let { lon, lat } = item;
    if (!Number.isFinite(lon)) {
      const record = await read(seenAs(`/api/records/${encodeURIComponent(item.id)}`)).catch(() => null);
      ({ lon, lat } = record?.place ?? {});
    }
    if (Number.isFinite(lon) && Number.isFinite(lat)) found.pulse?.(lon, lat);
  }
  const said = el("div", "cg-spoken");
  said.setAttribute("role", "status");
  const stale = el("div", "cg-stale");
  stale.setAttribute("role", "alert");
  const own = el("div", "cg-own", said, stale);
  document.body.append(own);
  signal.addEventListener("abort", () => own.remove());

  const ages = setInterval(() => {
    for (const part of [found.banner, found.kpis, found.layers, found.strip, found.feeds, found.triage, found.watch, found.supply, found.admin, found.wall, found.remote, found.own]) part?.tick();
  }, AGES_EVERY_MS);
  const anew = setInterval(() => {
    if (!get("as_known_at")) refresh.ask(line.revision, null);
  }, ANEW_EVERY_MS);
  signal.addEventListener("abort", () => {
    clearInterval(ages);
    clearInterval(anew);
  });

  answerKeys(
    {
      search: () => found.banner?.focusSearch(),
      step: (direction) => stepTime(direction, now()),
      full: () => (document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen?.()),
      layers: () => app.toggleAttribute("data-no-layers"),
      fit: () => found.map?.fit(),
      help: () => found.help?.toggle(),
      close: () => {
        if (found.help?.open) return found.help.toggle(false);
        if (found.looking.shut()) return null;
        if (found.own?.shut?.()) return null;
        if (found.triage?.open) return found.triage.shut();
        if (found.alerts?.shut()) return null;
        if (found.plan?.shut()) return null;
        if (found.admin?.open) return found.admin.shut();
        return found.drawer?.open && found.drawer.shut();
      },
    },
    signal,
  );
  if (found.drawer && found.map && !wall) listInView();

  /** Enter on the map lists what is in view, so that nothing needs a pointer. */
  function listInView() {
    found.map.map.getCanvas().addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      const box = found.map.map
        .getBounds()
        .toArray()
        .flat()
        .map((value) => value.toFixed(4))
        .join(",");
      found.drawer.show({
        title: t("drawer.in_view"),
        items: () => api("/ogc/collections/incidents/items", { bbox: box, limit: 50 }),
      });
    });
  }

  assets = await assetMark();
}

/** Nobody is signed in here any more: the way leads by the sign-in back to this view. */
function signIn() {
  location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
}

/** What tells one set of browser modules from another: the entity tag of this one. */
async function assetMark() {
  const answer = await fetch(import.meta.url, { method: "HEAD", cache: "no-cache" }).catch(() => null);
  return answer?.ok ? (answer.headers.get("etag") ?? answer.headers.get("last-modified")) : null;
}

/** The first answer, however long the server takes; meanwhile the page says what it is waiting for. */
async function firstAnswer(ask, place, signal) {
  let note = null;
  for (let wait = 1; ; wait = Math.min(15, wait * 2)) {
    try {
      const answer = await ask();
      note?.remove();
      return answer;
    } catch (error) {
      if (signal.aborted) throw error;
      note ??= place.appendChild(el("p", "cg-empty cg-waiting"));
      const why = error.refused === 400 ? "refused" : error.refused ? "denied" : "waiting";
      text(note, t(why, { reason: error.message }));
      await new Promise((done) => setTimeout(done, wait * 1000));
    }
  }
}
