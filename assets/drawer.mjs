// The drawer beside the map: one record with its source and history, or the list behind a figure, a cell or an area.

import { button, el, text } from "./dom.mjs";
import { age, dtg, grid, latlon, number, severityOf, severityWord, time, words } from "./format.mjs";
import { lang, named, t } from "./i18n.mjs";
import { api, get, setFilters, visit } from "./state.mjs";

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
    show(true);
    asked += 1;
    return asked;
  }

  function fill(turn, ...nodes) {
    if (turn !== asked) return;
    body.removeAttribute("aria-busy");
    body.replaceChildren(...nodes.filter(Boolean));
    body.scrollTop = 0;
  }

  async function read(turn, address) {
    try {
      const answer = await fetch(address, { signal });
      if (answer.status === 404) return fill(turn, el("p", "cg-empty", t("drawer.gone")));
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      return await answer.json();
    } catch (error) {
      if (signal.aborted) return null;
      const again = button("cg-link", t("retry"));
      again.addEventListener("click", () => follow(true));
      return fill(turn, el("p", "cg-empty", t("drawer.failed", { reason: error.message })), again);
    }
  }

  async function record(id) {
    const turn = begin(t("drawer.record"));
    const found = await read(turn, api(`/api/records/${encodeURIComponent(id)}`, { lang: lang() }));
    if (!found || turn !== asked) return;
    text(title, found.title);
    host.setAttribute("aria-label", found.title);
    fill(turn, ...recordNodes(found));
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
        el("dl", "cg-facts", ...r.fields.map((field) => pair(field.label, field.value))),
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
      copies || null,
      fields || null,
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

  /** `wanted`: {title, load(turn) -> {items, total, next, note}}. */
  async function listOf(wanted) {
    list = wanted;
    const turn = begin(wanted.title);
    const found = await wanted.load(turn);
    if (!found || turn !== asked) return;
    const rows = el("ol", "cg-list", ...found.items.map((item) => itemRow(item, now, sourceTitle)));
    const count = el(
      "p",
      "cg-drawer-note",
      found.items.length < found.total
        ? t("drawer.of", { shown: number(found.items.length), total: number(found.total) })
        : t("drawer.count", { count: found.total }),
    );
    fill(turn, ...(wanted.before ?? []), count, found.total ? rows : el("p", "cg-empty", t("drawer.none")));
  }

  const fromCollection = (address) => async (turn) => {
    const found = await read(turn, address);
    return found && { items: found.features.map(fromFeature), total: found.numberMatched ?? found.features.length };
  };

  function behind(id) {
    const found = kpi(id);
    if (!found) return null;
    const table = button("cg-action", t("drawer.table"));
    table.addEventListener("click", () => {
      list = null;
      setFilters({ table: id, kpi: null });
    });
    const before = [
      el("p", "cg-drawer-method", found.method),
      el(
        "p",
        "cg-drawer-note",
        [found.source, found.as_of && t("as_of", { time: dtg(found.as_of) })].filter(Boolean).join(" · "),
      ),
      table,
    ];
    return listOf({ title: found.title, before, load: fromCollection(found.records_href) });
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
      if (what.items) return listOf({ title: what.title, load: fromCollection(what.items) });
      if (what.pick) {
        const [z, x, y] = what.pick.split("/");
        const load = async (turn) => read(turn, api("/api/pick", { layer: what.layer, z, x, y, lang: lang() }));
        return listOf({ title: what.title, load });
      }
      const { area, layer } = what;
      const only = button("cg-action", t("area.only", { name: area.name }));
      only.addEventListener("click", () => setFilters({ area: area.pcode }));
      const value =
        area.cls >= 0
          ? number(area.value, { maximumFractionDigits: 1 })
          : t(area.cls === -2 ? "not_reported" : "unknown");
      const before = [
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
      return listOf({
        title: area.name,
        before,
        load: fromCollection(api("/ogc/collections/incidents/items", { area: area.pcode, limit: 50 }, ["area"])),
      });
    },
  };
}
