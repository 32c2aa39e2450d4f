// Alerts issued by people here: what stands and what went before, and the form of a new one. Nothing goes out unasked:
// the message is shown as it will be sent, and sent on a second word.

import { choice, field, several, words } from "./admin_forms.mjs";
import { attr, button, el, show, text } from "./dom.mjs";
import { dtg } from "./format.mjs";
import { LANGUAGES, lang, named, t } from "./i18n.mjs";
import { get, seenAs } from "./state.mjs";

const NAMES = { en: "English", fr: "Français", ar: "العربية" };
const SEVERITY = { Extreme: 5, Severe: 4, Moderate: 2, Minor: 1, Unknown: 0 };
const DAY_MS = 86_400_000;

export function ownAlertsPanel(host, { now, signal, read }) {
  const fresh = button("cg-action", t("alerts.new"));
  const list = el("div", "cg-alerts-list");
  const main = el("div", "cg-alerts-main", el("div", "cg-admin-head", el("h1", "", t("alerts.title")), el("p", "", t("alerts.about")), fresh), list);
  const side = el("aside", "cg-alerts-side");
  side.setAttribute("aria-label", t("alerts.new"));
  host.replaceChildren(main, side);
  show(side, false);
  let doc = null;
  let asked = get("new") !== "" || get("about") !== ""; // /alerts?new=1 opens the form at once, ?about= filled from a record

  fresh.addEventListener("click", () => openForm());

  async function act(path, told) {
    const answer = await fetch(`${path}?lang=${lang()}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(told),
      signal,
    });
    const found = await answer.json().catch(() => null);
    if (!answer.ok) throw new Error(found?.description ?? `HTTP ${answer.status}`);
    return found;
  }

  function shut() {
    if (side.hidden) return false;
    side.replaceChildren();
    show(side, false);
    attr(host, "data-side", null);
    fresh.focus();
    return true;
  }

  async function sent(identifier) {
    shut();
    await load();
    const row = list.querySelector(`[data-id="${CSS.escape(identifier)}"]`);
    row?.focus();
  }

  function openSide(title, ...nodes) {
    const leave = button("cg-link", t("admin.cancel"));
    leave.addEventListener("click", shut);
    side.replaceChildren(el("div", "cg-alerts-side-head", el("h2", "", title), leave), ...nodes);
    show(side, true);
    attr(host, "data-side", "");
    side.querySelector("input, select, textarea")?.focus();
  }

  function openForm(before = null, prefill = {}) {
    const title = before ? t("alerts.update") : t("alerts.new");
    openSide(title, alertForm(doc, before, { now, act, sent }, prefill));
  }

  /** The form filled with what a record says: a person still reads, changes and issues it. */
  async function openAbout(id) {
    const record = await read(seenAs(`/api/records/${encodeURIComponent(id)}`)).catch(() => null);
    openForm(null, record ? prefillOf(record) : {});
  }

  function openCancel(one) {
    const note = words(t("alerts.cancel.why"), "", { required: true, long: true });
    const told = () => ({ agency: one.agency, cancels: one.identifier, note: note.value() });
    openSide(t("alerts.cancel"), el("p", "", one.headline), twice([note.node], told, { act, sent, ask: t("alerts.cancel.sure") }));
  }

  function row(one) {
    const state = one.in_force ? "force" : one.superseded_by ? "replaced" : one.kind === "Cancel" ? "cancel" : "over";
    const facts = [
      one.agency,
      one.expires && state !== "replaced" ? t("alerts.until", { time: dtg(one.expires) }) : "",
      named(`alerts.kind.${one.kind}`, one.kind),
      one.status === "Actual" ? "" : t("alerts.exercise"),
    ];
    const mark = el("i", "cg-sev");
    mark.dataset.severity = SEVERITY[one.severity] ?? 0;
    const file = one.file ? el("a", "cg-link", "CAP") : null;
    if (file) {
      file.href = one.file;
      file.title = t("alerts.file");
    }
    const does = el("span", "cg-alerts-do", file);
    if (one.may) {
      const update = button("cg-link", t("alerts.update"));
      update.addEventListener("click", () => openForm(one));
      const cancel = button("cg-link", t("alerts.cancel"));
      cancel.addEventListener("click", () => openCancel(one));
      does.append(update, cancel);
    }
    const node = el(
      "article",
      "cg-alerts-row",
      mark,
      el("div", "", el("b", "", el("bdi", "", one.headline)), el("small", "", facts.filter(Boolean).join(" · "))),
      el("span", "cg-alerts-state", t(`alerts.state.${state}`)),
      el("time", "", dtg(one.sent)),
      does,
    );
    node.dataset.state = state;
    node.dataset.id = one.identifier;
    node.tabIndex = -1;
    return node;
  }

  async function load() {
    doc = await read(seenAs("/api/alerts"));
    show(fresh, Boolean(doc.choices));
    const rows = doc.alerts.toSorted((a, b) => Number(b.in_force) - Number(a.in_force));
    list.replaceChildren(...(rows.length ? rows.map(row) : [el("p", "cg-empty", t("alerts.none"))]));
    if (asked && doc.choices) await (get("about") ? openAbout(get("about")) : openForm());
    asked = false;
  }

  return { load, shut };
}

const CAP_SEVERITY = { critical: "Extreme", severe: "Severe", serious: "Severe", moderate: "Moderate", minor: "Minor" };

/** What a record says, as the form begins from it. */
function prefillOf(record) {
  const description = record.fields?.find((one) => one.name === "description")?.value ?? "";
  const place = record.place?.name || record.place?.names?.at(-1) || "";
  return {
    severity: CAP_SEVERITY[record.severity] ?? "Unknown",
    area_desc: place,
    pcodes: record.place?.pcodes?.length > 1 ? record.place.pcodes.slice(-1) : [],
    wordings: [{ language: lang(), event: record.category, headline: [record.title, place].filter(Boolean).join(": "), description }],
  };
}

/** The form of an alert, filled with what `before` said where it takes its place. */
function alertForm(doc, before, { now, act, sent }, prefill = {}) {
  const { choices } = doc;
  const said = before?.told ?? prefill;
  const at = (value) => (value ? new Date(value).toISOString().slice(0, 16) : "");
  const moment = (label, value, required = false) => {
    const made = words(label, value, { type: "datetime-local", required, note: "UTC" });
    return { node: made.node, value: () => (made.value() ? `${made.value()}Z` : null) };
  };
  const pick = (name, fallback) => choice(t(`alerts.${name}`), choices[name], said[name] ?? fallback, (value) => (value ? named(`cap.${value}`, value) : t("form.none")));
  const fields = {
    agency: agency(before ? [before.agency] : choices.agencies),
    audience: choice(t("alerts.audience"), choices.audience, said.audience ?? "mission", (name) => t(`alerts.audience.${name}`)),
    releasable_to: several(t("alerts.addresses"), choices.others, said.releasable_to ?? []),
    category: pick("category", "Security"),
    urgency: pick("urgency", "Expected"),
    severity: pick("severity", "Moderate"),
    certainty: pick("certainty", "Likely"),
    response: choice(t("alerts.response"), ["", ...choices.response], said.response ?? "", (value) => (value ? named(`cap.${value}`, value) : t("form.none"))),
    onset: moment(t("alerts.onset"), at(said.onset)),
    expires: moment(t("alerts.expires"), at(said.expires) || at(now() + DAY_MS), true),
    pcodes: areas(choices.areas, said.pcodes ?? []),
    polygon: polygon(said.polygon ?? []),
    area_desc: words(t("alerts.area_desc"), said.area_desc ?? "", { required: true }),
    contact: words(t("alerts.contact"), said.contact ?? ""),
  };
  const texts = [lang(), ...LANGUAGES.filter((one) => one !== lang())].map((code, index) => wording(code, said.wordings?.find((one) => one.language === code), index === 0 && !said.wordings));
  const note = before ? words(t("alerts.note"), "", {}) : null;
  const only = () => show(fields.releasable_to.node, fields.audience.value() === "agencies");
  fields.audience.node.addEventListener("change", only);
  only();
  const told = () => ({
    ...Object.fromEntries(Object.entries(fields).map(([name, one]) => [name, one.value()])),
    wordings: texts.map((one) => one.value()).filter(Boolean),
    ...(before ? { updates: before.identifier, note: note.value() } : {}),
  });
  const two = (...names) => el("div", "cg-alerts-two", ...names.map((name) => fields[name].node));
  return twice(
    [
      two("agency", "audience"),
      fields.releasable_to.node,
      ...texts.map((one) => one.node),
      two("category", "response"),
      el("div", "cg-alerts-three", fields.urgency.node, fields.severity.node, fields.certainty.node),
      two("onset", "expires"),
      fields.pcodes.node,
      fields.area_desc.node,
      fields.polygon.node,
      fields.contact.node,
      ...(note ? [note.node] : []),
    ],
    told,
    { act, sent, ask: t("alerts.sure") },
  );
}

/** In whose name: where there are several, the one who issues it says which. */
function agency(names) {
  const made = choice(t("alerts.agency"), names.length > 1 ? ["", ...names] : names, undefined, (name) => name || t("form.none"));
  made.node.querySelector("select").required = true;
  return made;
}

/** Event, headline, description and instruction in one language; null where nothing is said in it. */
function wording(code, said, open) {
  const own = (name, long, required) => {
    const made = words(t(`alerts.${name}`), said?.[name] ?? "", { long, required });
    const control = made.node.querySelector("input, textarea");
    control.lang = code;
    control.dir = code === "ar" ? "rtl" : "ltr";
    return made;
  };
  const parts = { event: own("event"), headline: own("headline"), description: own("description", true), instruction: own("instruction", true) };
  const node = el("details", "cg-alerts-language", el("summary", "", NAMES[code] ?? code), ...Object.values(parts).map((one) => one.node));
  node.open = open || Boolean(said);
  node.dataset.language = code;
  return {
    node,
    value() {
      const told = Object.fromEntries(Object.entries(parts).map(([name, one]) => [name, one.value()]));
      return Object.values(told).some(Boolean) ? { language: code, ...told } : null;
    },
  };
}

/** Areas by name or P-code: typed with the known ones offered, each kept as a chip that can be taken off again. */
function areas(known, chosen) {
  const name = new Map(known.map((one) => [one.pcode, one.name]));
  const box = el("input", "cg-input");
  const offered = el("datalist");
  offered.id = "cg-alerts-areas";
  offered.append(...known.map((one) => Object.assign(el("option", "", one.name), { value: one.pcode })));
  box.setAttribute("list", offered.id);
  box.autocomplete = "off";
  const chips = el("div", "cg-alerts-chips");
  const codes = new Set(chosen);
  const draw = () =>
    chips.replaceChildren(
      ...[...codes].map((code) => {
        const chip = button("cg-alerts-chip", t("alerts.area.off", { name: name.get(code) ?? code }), `${name.get(code) ?? ""} ${code} ×`.trim());
        chip.addEventListener("click", () => (codes.delete(code), draw(), box.focus()));
        return chip;
      }),
    );
  function take() {
    const asked = box.value.trim();
    if (!asked) return;
    const found = known.find((one) => one.pcode.toLowerCase() === asked.toLowerCase() || one.name.toLowerCase() === asked.toLowerCase());
    box.setCustomValidity(found ? "" : t("alerts.area.unknown"));
    if (!found) return void box.reportValidity();
    codes.add(found.pcode);
    box.value = "";
    draw();
  }
  box.addEventListener("change", take);
  box.addEventListener("input", () => box.setCustomValidity(""));
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    take();
  });
  draw();
  const made = field(t("alerts.areas"), box, undefined, t("alerts.areas.note"));
  made.node.append(offered, chips);
  return { node: made.node, value: () => [...codes] };
}

/** Corners as CAP writes them: latitude,longitude, parted by spaces. */
function polygon(ring) {
  const made = words(t("alerts.polygon"), ring.map(([lon, lat]) => `${lat},${lon}`).join(" "), { long: true, note: t("alerts.polygon.note") });
  const control = made.node.querySelector("textarea");
  control.rows = 2;
  control.dir = "ltr";
  const read = () => made.value().split(/\s+/).filter(Boolean).map((pair) => pair.split(",").map(Number).reverse());
  return { node: made.node, value: () => read().map((pair) => (pair.length === 2 && pair.every(Number.isFinite) ? pair : [null, null])) };
}

/** A form that first shows the message as it will go out, and sends it when asked once more; a change takes that back. */
function twice(nodes, told, { act, sent, ask }) {
  const error = el("p", "cg-form-error");
  error.setAttribute("role", "alert");
  show(error, false);
  const look = button("cg-action", t("alerts.preview"));
  look.type = "submit";
  const go = button("cg-action cg-alerts-go", t("alerts.issue"));
  const ahead = el("section", "cg-alerts-ahead");
  ahead.setAttribute("role", "status");
  show(go, false);
  const node = el("form", "cg-form cg-alerts-form", ...nodes, error, ahead, el("p", "cg-form-feet", look, go));
  node.noValidate = true;
  let message = null;

  async function run(what) {
    show(error, false);
    node.setAttribute("aria-busy", "true");
    look.disabled = go.disabled = true;
    try {
      await what();
    } catch (problem) {
      text(error, problem.message);
      show(error, true);
    } finally {
      look.disabled = go.disabled = false;
      node.removeAttribute("aria-busy");
    }
  }

  node.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!node.checkValidity()) return void node.reportValidity();
    run(async () => {
      const asked = told();
      const found = await act("/api/alerts/preview", asked);
      message = { ...asked, identifier: found.identifier };
      const to = [named(`cap.${found.scope}`, found.scope), found.restriction, found.addresses.join(", ")].filter(Boolean).join(" · ");
      const xml = el("pre", "cg-alerts-xml", found.xml);
      xml.tabIndex = 0;
      xml.dir = "ltr";
      ahead.replaceChildren(
        el("h3", "", ask),
        el("p", "", found.status === "Actual" ? t("alerts.actual") : t("alerts.exercise.long")),
        el("p", "", t("alerts.to", { to })),
        el("details", "", el("summary", "", t("alerts.message")), xml),
      );
      show(go, true);
      show(look, false);
      go.scrollIntoView({ block: "nearest" });
    }).then(() => !go.hidden && go.focus());
  });
  go.addEventListener("click", () => run(async () => sent((await act("/api/alerts/issue", message)).identifier)));
  node.addEventListener("input", () => {
    message = null;
    show(go, false);
    show(look, true);
    ahead.replaceChildren();
  });
  return node;
}
