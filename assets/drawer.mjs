// The drawer beside the map: one record with its source and history, or the list behind a figure, a cell or an area.

import { accessNodes } from "./access.mjs";
import { button, el, text } from "./dom.mjs";
import { age, dtg, grid, latlon, number, severityOf, severityWord, time, unsaid, words } from "./format.mjs";
import { HANDLED, handlingPart } from "./handling.mjs";
import { lang, named, t } from "./i18n.mjs";
import { nearbyNodes } from "./nearby.mjs";
import { api, get, setFilters, visit } from "./state.mjs";
import { wayNodes } from "./ways.mjs";

function copyButton(label, value) {
  const node = button("cg-link cg-copy", label);
  node.addEventListener("click", async () => {
    await navigator.clipboard?.writeText(value);
    text(node, t("copied"));
    setTimeout(() => text(node, label), 1500);
  });
  return node;
}

function pair(label, value, className = "") {
  const nothing = value === null || value === undefined || value === "";
  const shown = nothing ? el("span", "cg-unknown", t("unknown")) : el("bdi", "", String(value));
  return el("div", `cg-pair ${className}`.trim(), el("dt", "", label), el("dd", "", shown));
}

/** The posts a record was promoted from, each leading to where it was judged. */
function posts({ value }) {
  const links = String(value)
    .split(" ")
    .map((id, at) => {
      const link = el("a", "cg-action", number(at + 1));
      link.href = `/triage?judged=promoted#${encodeURIComponent(id)}`;
      return link;
    });
  return el("div", "cg-pair", el("dt", "", t("collection.posts")), el("dd", "", ...links));
}

/** The photos of a report, each leading to itself. */
function photos(found) {
  if (!found?.length) return null;
  const shown = found.map(({ id, width_px, height_px }) => {
    const image = el("img");
    Object.assign(image, { src: `/api/attachments/${id}`, alt: "", width: width_px, height: height_px, loading: "lazy" });
    const link = el("a", "", image);
    link.href = image.src;
    return link;
  });
  return el("section", "cg-photos", el("h3", "", t("drawer.photos", { count: found.length })), ...shown);
}

function itemRow(item, now, sourceTitle) {
  const node = button("cg-item", "", "");
  node.removeAttribute("aria-label");
  const mark = el("i", "cg-sev");
  mark.dataset.severity = severityOf(item.severity);
  mark.title = severityWord(item.severity);
  const at = time(item.t);
  node.append(
    mark,
    el("span", "cg-item-title", item.title || words(item.category) || item.id),
    el("span", "cg-item-place", [item.place, sourceTitle(item.source)].filter(Boolean).join(" · ")),
    el("span", "cg-age", Number.isFinite(at) ? age((now() - at) / 1000) : ""),
  );
  node.addEventListener("click", () => visit({ record: item.id }));
  return el("li", "", node);
}

/** Items of an OGC feature collection in the shape a list shows. */
const fromFeature = ({ id, properties: p }) => ({
  id: p.id ?? id,
  title: p.title ?? p.name,
  category: p.category,
  severity: p.severity,
  t: p.event_time,
  place: p.place,
  source: p.source,
});

export function drawer(host, { now, kpi, sourceTitle, signal }) {
  host.setAttribute("role", "complementary");
  const close = button("cg-close", t("close"), "×");
  const back = button("cg-back", t("back"), "‹");
  const head = el("div", "cg-drawer-head", back, el("h2"), close);
  const title = head.querySelector("h2");
  const body = el("div", "cg-drawer-body");
  body.tabIndex = -1;
  host.replaceChildren(head, body);
  host.hidden = true;
  let list = null; // the list a record was opened from
  let asked = 0;
  let cameFrom = null;
  let told = null; // what the address asked for last
  let shown = null; // what is open: {ask, draw, answer}
  let byKeyboard = false;

  close.addEventListener("click", shut);
  back.addEventListener("click", () => visit({ record: null }));

  function shut() {
    list = null;
    visit({ record: null, kpi: null });
    told = " ";
    show(false);
  }

  function show(open) {
    if (open && host.hidden) cameFrom = document.activeElement;
    host.hidden = !open;
    document.documentElement.toggleAttribute("data-drawer", open);
    if (!open && cameFrom?.isConnected) cameFrom.focus({ preventScroll: true });
  }

  function begin(heading) {
    text(title, heading);
    host.setAttribute("aria-label", heading);
    back.hidden = !(get("record") && (list || get("kpi")));
    body.setAttribute("aria-busy", "true");
    byKeyboard = Boolean(document.activeElement?.matches(":focus-visible"));
    show(true);
    shown = null;
    asked += 1;
    return asked;
  }

  function fill(...nodes) {
    const within = byKeyboard || body.contains(document.activeElement);
    byKeyboard = false;
    body.removeAttribute("aria-busy");
    body.replaceChildren(...nodes.filter(Boolean));
    if (within) body.focus({ preventScroll: true }); // whoever comes or is in here without a pointer goes on from here
  }

  /** The answer to a request, null where there is none to show (the reason then stands in the drawer). */
  async function read(turn, address) {
    try {
      const answer = await fetch(address, { signal });
      if (turn !== asked) return null;
      if (answer.status === 404) return fill(el("p", "cg-empty", t("drawer.gone")));
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      return await answer.json();
    } catch (error) {
      if (signal.aborted || turn !== asked || shown) return null; // what is open stays: not to hear is no news
      const again = button("cg-link", t("retry"));
      again.addEventListener("click", () => follow(true));
      return fill(el("p", "cg-empty", t("drawer.failed", { reason: error.message })), again);
    }
  }

  /** Fills the drawer with what `ask(turn)` answers, drawn by `draw(answer)`. */
  async function put(turn, ask, draw) {
    const answer = await ask(turn);
    if (!answer || turn !== asked) return;
    shown = { ask, draw, answer: JSON.stringify(answer) };
    fill(...draw(answer));
    body.scrollTop = 0;
  }

  /** The picture has moved: what is open is asked for again, and drawn where it says something else now. */
  async function refresh() {
    if (host.hidden || !shown) return;
    const { ask, draw } = shown;
    const turn = asked;
    const answer = await ask(turn);
    if (!answer || turn !== asked || JSON.stringify(answer) === shown.answer) return;
    shown.answer = JSON.stringify(answer);
    const { scrollTop } = body;
    fill(...draw(answer));
    body.scrollTop = scrollTop;
  }

  function record(id) {
    const ask = (turn) => read(turn, api(`/api/records/${encodeURIComponent(id)}`, { lang: lang() }));
    return put(begin(t("drawer.record")), ask, (found) => {
      text(title, found.title);
      host.setAttribute("aria-label", found.title);
      return recordNodes(found);
    });
  }

  function recordNodes(r) {
    const { lon, lat } = r.place ?? {};
    const at = time(r.event_time ?? r.when);
    const severity = el(
      "p",
      "cg-drawer-severity",
      el("i", "cg-sev"),
      `${severityWord(r.severity)} · ${named(`category.${r.category}`, words(r.category))}`,
    );
    severity.firstChild.dataset.severity = severityOf(r.severity);
    const badges = el(
      "p",
      "cg-badges",
      ...[
        r.exercise ? t("exercise") : null,
        r.sensitivity && t("drawer.sensitivity", { level: named(`sensitivity.${r.sensitivity}`, r.sensitivity) }),
      ]
        .filter(Boolean)
        .map((word) => el("span", "cg-badge", word)),
    );
    const where = [r.place?.name, r.place?.pcodes?.at(-1)].filter(Boolean).join(" ");
    const located = Number.isFinite(lon) && Number.isFinite(lat);
    const facts = el(
      "dl",
      "cg-facts",
      pair(t("when"), Number.isFinite(at) ? `${dtg(at)} · ${age((now() - at) / 1000)}` : ""),
      pair(t("where"), where),
      located && pair(t("position"), latlon(lon, lat)),
      located && pair("MGRS", grid(lon, lat, 5)),
      pair(t("source"), [sourceTitle(r.source), r.agency].filter(Boolean).join(" · ")),
      pair(t("reference"), r.source_ref),
      pair(t("grade"), r.grade),
      pair(t("received"), r.received_at ? dtg(r.received_at) : ""),
    );
    const copies =
      located &&
      el(
        "p",
        "cg-copies",
        copyButton(t("copy.latlon"), `${lat.toFixed(6)}, ${lon.toFixed(6)}`),
        copyButton(t("copy.mgrs"), grid(lon, lat, 5)),
      );
    const fields =
      r.fields?.length &&
      el(
        "section",
        "",
        el("h3", "", t("drawer.fields")),
        el("dl", "cg-facts", ...r.fields.map((field) => (field.name === "posts" ? posts(field) : pair(field.label, field.value)))),
      );
    const history =
      r.history?.length &&
      el(
        "section",
        "",
        el("h3", "", t("drawer.history", { count: r.history.length })),
        el("ol", "cg-history", ...r.history.map(version).reverse()),
      );
    const p = r.provenance;
    const provenance =
      p &&
      el(
        "section",
        "",
        el("h3", "", t("drawer.provenance")),
        el(
          "dl",
          "cg-facts cg-facts-small",
          pair(t("feed"), p.feed),
          pair(t("drawer.batch"), p.batch),
          pair(t("drawer.payload"), p.payload),
          pair(t("drawer.row"), p.row),
          pair("id", r.id),
        ),
      );
    return [
      severity,
      badges.childElementCount ? badges : null,
      facts,
      photos(r.photos),
      copies || null,
      HANDLED.includes(r.collection) ? handlingPart(r.id, { now, signal }) : null,
      fields || null,
      nearbyNodes(r, { now, signal }),
      ...wayNodes(r, signal),
      ...accessNodes(r.access, signal),
      history || null,
      provenance || null,
    ];
  }

  function version(entry) {
    const changes = entry.changes.map((change) =>
      el(
        "li",
        "",
        el("span", "cg-change-field", words(change.field)),
        " ",
        el("bdi", "cg-change-from", String(change.from ?? "—")),
        " → ",
        el("bdi", "", String(change.to ?? "—")),
      ),
    );
    const what = entry.retracted ? t("drawer.retracted") : changes.length ? "" : t("drawer.first");
    return el(
      "li",
      entry.retracted ? "cg-retracted" : "",
      el(
        "div",
        "cg-history-head",
        el("bdi", "", dtg(entry.received_at)),
        el("span", "", t("drawer.revision", { n: number(entry.revision) })),
      ),
      what ? el("p", "", what) : null,
      changes.length ? el("ul", "", ...changes) : null,
    );
  }

  /** `wanted`: {title, load(turn) -> {items, total}, before() -> nodes above the list}. */
  function listOf(wanted) {
    list = wanted;
    return put(begin(wanted.title), wanted.load, ({ items, total }) => [
      ...(wanted.before?.() ?? []),
      el(
        "p",
        "cg-drawer-note",
        items.length < total
          ? t("drawer.of", { shown: number(items.length), total: number(total) })
          : t("drawer.count", { count: total }),
      ),
      total
        ? el("ol", "cg-list", ...items.map((item) => itemRow(item, now, sourceTitle)))
        : el("p", "cg-empty", t("drawer.none")),
    ]);
  }

  async function collection(turn, address) {
    const found = await read(turn, address);
    return found && { items: found.features.map(fromFeature), total: found.numberMatched ?? found.features.length };
  }

  function behind(id) {
    if (!kpi(id)) return null;
    const table = button("cg-action", t("drawer.table"));
    table.addEventListener("click", () => {
      list = null;
      setFilters({ table: id, kpi: null });
    });
    const before = () => {
      const { method, source, as_of: asOf } = kpi(id);
      const from = [source, asOf && t("as_of", { time: dtg(asOf) })].filter(Boolean).join(" · ");
      return [el("p", "cg-drawer-method", method), el("p", "cg-drawer-note", from), table];
    };
    return listOf({ title: kpi(id).title, before, load: (turn) => collection(turn, kpi(id).records_href) });
  }

  /** Shows what the address asks for; unless `again`, only when that has changed. */
  function follow(again = false) {
    const id = get("record");
    const asks = `${id} ${get("kpi")}`;
    if (asks === told && again !== true) return null;
    told = asks;
    if (id) return record(id);
    if (get("kpi")) return behind(get("kpi"));
    if (list) return listOf(list);
    return show(false);
  }

  return {
    follow,
    refresh,
    shut,
    get open() {
      return !host.hidden;
    },
    /** What a click on the map asks for: {record} | {pick, layer, title} | {area, layer} | {items, title}. */
    async show(what) {
      if (what.record) return visit({ record: what.record });
      list = null;
      visit({ record: null, kpi: null });
      told = " ";
      if (what.items) return listOf({ title: what.title, load: (turn) => collection(turn, what.items()) });
      if (what.pick) {
        const [z, x, y] = what.pick.split("/");
        const load = (turn) => read(turn, api("/api/pick", { layer: what.layer, z, x, y, lang: lang() }));
        return listOf({ title: what.title, load });
      }
      const { area, layer } = what;
      const only = button("cg-action", t("area.only", { name: area.name }));
      only.addEventListener("click", () => setFilters({ area: area.pcode }));
      const value =
        area.cls >= 0
          ? number(area.value, { maximumFractionDigits: 1 })
          : unsaid(area);
      const before = () => [
        el(
          "dl",
          "cg-facts",
          pair("P-code", area.pcode),
          pair(layer.title, value),
          pair(t("source"), layer.sources.join(", ")),
        ),
        el("p", "cg-drawer-note", layer.limits),
        only,
      ];
      const address = () => api("/ogc/collections/incidents/items", { area: area.pcode, limit: 50 }, ["area"]);
      return listOf({ title: area.name, before, load: (turn) => collection(turn, address()) });
    },
  };
}
