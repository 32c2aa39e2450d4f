// The forms of administration. A change of what is shared is first shown as what it would change for whom, then done.

import { collections } from "./admin_calendar.mjs";
import { button, el, text } from "./dom.mjs";
import { number } from "./format.mjs";
import { named, t } from "./i18n.mjs";

let made = 0;

/** A labelled field: {node, value()}. */
export function field(label, control, value, note = "") {
  made += 1;
  control.id ||= `cg-field-${made}`;
  const name = el("label", "cg-field-label", label);
  name.htmlFor = control.id;
  const node = el("div", "cg-field", name, control, note ? el("small", "", note) : null);
  return { node, value: value ?? (() => control.value.trim()) };
}

export function words(label, value = "", { note = "", required = false, long = false, type = "text" } = {}) {
  const control = el(long ? "textarea" : "input", "cg-input");
  if (!long) control.type = type;
  else control.rows = 3;
  control.value = value;
  control.required = required;
  control.autocomplete = "off";
  control.spellcheck = long;
  return field(label, control, undefined, note);
}

export function choice(label, names, value, say = (name) => name, note = "") {
  const control = el("select", "cg-input");
  control.append(...names.map((name) => Object.assign(el("option", "", say(name)), { value: name })));
  control.value = value ?? names[0] ?? "";
  return field(label, control, undefined, note);
}

/** Several of a few names, each a box to tick. */
export function several(label, names, chosen = [], say = (name) => name, note = "") {
  const all = [...new Set([...names, ...chosen])];
  const boxes = all.map((name) => {
    const box = Object.assign(el("input"), { type: "checkbox", value: name, checked: chosen.includes(name) });
    return { box, node: el("label", "cg-tick", box, el("span", "", say(name))) };
  });
  const group = el("fieldset", "cg-field cg-ticks", el("legend", "cg-field-label", label), ...boxes.map(({ node }) => node));
  if (note) group.append(el("small", "", note));
  return { node: group, value: () => boxes.filter(({ box }) => box.checked).map(({ box }) => box.value) };
}

/** Any names, written with commas between them; those known are offered. */
function names(label, value = [], known = [], note = "") {
  const control = Object.assign(el("input", "cg-input"), { value: value.join(", "), autocomplete: "off" });
  const told = [note, known.length ? t("form.known", { names: known.join(", ") }) : ""].filter(Boolean).join(" ");
  const read = () =>
    control.value
      .split(/[,،]/)
      .map((part) => part.trim())
      .filter(Boolean);
  return field(label, control, read, told);
}

function tick(label, checked = false, note = "") {
  const box = Object.assign(el("input"), { type: "checkbox", checked });
  const node = el("div", "cg-field", el("label", "cg-tick", box, el("span", "", label)), note ? el("small", "", note) : null);
  return { node, value: () => box.checked };
}

const whole = (label, value, note) => {
  const made_ = words(label, String(value), { type: "number", note });
  const control = made_.node.querySelector("input");
  control.min = 1;
  control.step = 1;
  return { node: made_.node, value: () => Number(control.value) };
};

const day = (label, value, note = "") => words(label, value ? String(value).slice(0, 10) : "", { type: "date", note });
const level = (name) => named(`sensitivity.${name}`, name);
const values = (fields) => Object.fromEntries(Object.entries(fields).map(([name, one]) => [name, one.value()]));

/**
 * A form of fields. `foresee(told)` is asked first where there is one, and what it would change is listed above the button
 * that does it; any further change of a field takes that back.
 */
function form(fields, { submit, foresee, door, again }) {
  const error = el("p", "cg-form-error");
  error.setAttribute("role", "alert");
  error.hidden = true;
  const ahead = el("div", "cg-ahead");
  ahead.setAttribute("role", "status");
  const look = foresee && button("cg-action", t("form.foresee"));
  const go = button("cg-action", submit.label);
  const leave = button("cg-link", t("admin.cancel"));
  if (look) look.type = "submit";
  else go.type = "submit";
  go.hidden = Boolean(foresee);
  const node = el("form", "cg-form", ...Object.values(fields).map((one) => one.node), ahead, error);
  node.append(el("p", "cg-form-feet", look, go, leave));
  node.noValidate = true;
  leave.addEventListener("click", door.shut);

  function refuse(problem) {
    error.hidden = false;
    text(error, problem.message);
  }

  async function run(what) {
    error.hidden = true;
    node.setAttribute("aria-busy", "true");
    try {
      await what();
    } catch (problem) {
      refuse(problem);
    } finally {
      node.removeAttribute("aria-busy");
    }
  }
  const doIt = () => run(async () => door.done(await submit.run(values(fields))));
  const ask = () =>
    run(async () => {
      const { changes } = await foresee(values(fields));
      ahead.replaceChildren(...changed(changes));
      go.hidden = false;
      look.hidden = true;
      if (!again) go.focus();
    });
  node.addEventListener("submit", (event) => {
    event.preventDefault();
    if (node.checkValidity()) (foresee ? ask : doIt)();
    else node.reportValidity();
  });
  if (foresee) go.addEventListener("click", doIt);
  node.addEventListener("input", () => {
    if (!foresee || again) return;
    go.hidden = true;
    look.hidden = false;
    ahead.replaceChildren();
  });
  return { node, ask };
}

/** What would change for whom, as the server foresees it. */
export function changed(changes) {
  if (!changes.length) return [el("p", "cg-drawer-note", t("form.nothing"))];
  const title = el("h3", "", t("form.changes"));
  const rows = changes.map((one) => {
    const scope = [collections(one.collections), one.count ? t("form.records", { count: one.count, n: number(one.count) }) : ""];
    const node = el(
      "li",
      "cg-change",
      el("b", "", one.kind === "display" ? t("form.display", { name: one.name }) : one.name),
      el("span", "cg-change-turn", t(`form.turn.${one.turn}`)),
      el("p", "", `${verdict(one.before)} ${t("arrow")} ${verdict(one.after)}`),
      scope.some(Boolean) ? el("small", "", scope.filter(Boolean).join(" · ")) : null,
    );
    node.dataset.turn = one.turn;
    return node;
  });
  return [title, el("ul", "cg-changes", ...rows)];
}

const verdict = (one) =>
  one.permit ? [one.clause, ...one.duties].join("; ") : t("form.no", { clause: one.clause });

export function agreementForm(door) {
  const { choices, me } = door.doc;
  const today = new Date().toISOString().slice(0, 10);
  const fields = {
    name: words(t("form.name"), "", { required: true, note: t("form.agreement.name") }),
    title: words(t("form.title")),
    grantor: choice(t("form.grantor"), me.shares_for, me.shares_for.includes(me.agency) ? me.agency : undefined),
    grantees: several(t("form.grantees"), choices.agencies),
    from: day(t("form.from"), today),
    to: day(t("form.to"), "", t("form.to.note")),
    collections: several(t("form.collections"), choices.collections, [], (name) => collections([name]), t("form.all")),
    maximum_sensitivity: choice(t("form.maximum"), choices.sensitivity, "moderate", level),
    minimum_precision: choice(t("form.precision"), choices.precision, "exact", precision),
    minimum_count: whole(t("form.least"), 1, t("form.least.note")),
    purposes: names(t("form.purposes"), [], choices.purposes, t("form.any")),
    onward: several(t("form.onward"), choices.agencies),
    personal_data: tick(t("form.personal")),
    export: tick(t("form.export"), true),
    sha256: words(t("form.sha256"), "", { note: t("form.sha256.note") }),
  };
  const made = form(fields, {
    door,
    foresee: (agreement) => door.act("/api/admin/agreements/foresee", { agreement }),
    submit: { label: t("form.agreement.make"), run: (agreement) => door.act("/api/admin/agreements/add", { agreement }) },
  });
  return [made.node];
}

export function revokeForm(door, one) {
  const fields = { reason: words(t("form.reason"), "", { long: true, note: t("form.reason.note") }) };
  const made = form(fields, {
    door,
    again: true,
    foresee: () => door.act("/api/admin/agreements/foresee-revocation", { name: one.name }),
    submit: {
      label: t("admin.revoke.yes"),
      run: ({ reason }) => door.act("/api/admin/agreements/revoke", { name: one.name, reason }),
    },
  });
  made.ask();
  return [el("p", "", t("admin.revoke.sure", { grantor: one.grantor, grantees: one.grantees.join(", ") })), made.node];
}

export function markForm(door, one) {
  const { choices } = door.doc;
  const { mark } = one;
  const fields = {
    agency: choice(t("form.owner"), door.doc.me.shares_for.includes(mark.agency) ? door.doc.me.shares_for : [mark.agency], mark.agency),
    sensitivity: choice(t("form.sensitivity"), choices.sensitivity, mark.sensitivity, level),
    releasable_to: several(t("form.releasable"), choices.releasable_to, mark.releasable_to, (name) =>
      name === "mission" ? t("form.mission") : name,
    ),
    originator_control: tick(t("form.orcon"), mark.originator_control, t("form.orcon.note")),
    compartments: names(t("form.compartments"), mark.compartments, choices.compartments),
    tlp: choice("TLP", choices.tlp, mark.tlp, (name) => (name === "unstated" ? t("form.tlp.none") : `TLP:${name.replace("_", "+").toUpperCase()}`)),
    purposes: names(t("form.purposes"), mark.purposes, choices.purposes, t("form.any")),
    consent: choice(t("form.consent"), choices.consent, mark.consent, (name) => t(`form.consent.${name}`)),
    personal_fields: names(t("form.personal_fields"), mark.personal_fields, [], t("form.personal_fields.note")),
    precision: choice(t("form.precision"), choices.precision, mark.precision, precision),
    minimum_count: whole(t("form.least"), mark.minimum_count, t("form.least.note")),
    retention: choice(t("form.retention"), choices.retention, mark.retention, (name) => name || t("form.kept")),
  };
  const only = (told) =>
    Object.fromEntries(Object.entries(told).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(mark[name])));
  const made = form(fields, {
    door,
    foresee: (told) => door.act("/api/admin/marks/foresee", { source: one.name, mark: only(told) }),
    submit: { label: t("form.mark.set"), run: (told) => door.act("/api/admin/marks/set", { source: one.name, mark: only(told) }) },
  });
  return [el("p", "cg-drawer-note", one.marking), made.node];
}

const precision = (name) => t(`precision.${name}`);

export function accountForm(door, kind, one = null) {
  const { choices } = door.doc;
  const known = one ?? { roles: [], compartments: [], purposes: [], clearance: kind === "display" ? "low" : "moderate", in_mission: true };
  const fields = {
    ...(one ? {} : { name: words(t(`form.account.${kind}`), "", { required: true, note: t("form.account.note") }) }),
    full_name: words(t("form.full_name"), known.full_name ?? ""),
    ...(kind === "person" ? { email: words(t("form.email"), known.email ?? "", { type: "email" }) } : {}),
    agency: names(t("form.agency"), known.agency ? [known.agency] : [], choices.agencies),
    component: choice(t("form.component"), choices.components, known.component ?? "", (name) => (name ? named(`component.${name}`, name) : t("form.none"))),
    in_mission: tick(t("form.in_mission"), known.in_mission, t("form.in_mission.note")),
    ...(kind === "person"
      ? { roles: several(t("form.roles"), choices.roles, known.roles, (name) => named(`role.${name}`, name), t("form.roles.note")) }
      : {}),
    clearance: choice(t("form.clearance"), kind === "display" ? ["low", "moderate"] : choices.sensitivity, known.clearance, level),
    compartments: names(t("form.compartments"), known.compartments, choices.compartments),
    purposes: names(t("form.purposes_of"), known.purposes, choices.purposes),
    valid_from: day(t("form.valid_from"), known.valid_from),
    valid_until: day(t("form.valid_until"), known.valid_until, t("form.valid.note")),
    ...(kind === "service" && !one ? { sources: several(t("form.sends"), choices.sources) } : {}),
  };
  const agency = fields.agency.value;
  fields.agency.value = () => agency()[0] ?? "";
  const told = (what) => (one ? { ...what, name: one.name } : { ...what, kind });
  const path = one ? "/api/admin/accounts/change" : "/api/admin/accounts/add";
  const label = one ? t("form.save") : t(`form.add.${kind}`);
  return [form(fields, { door, submit: { label, run: (what) => door.act(path, told(what)) } }).node];
}

export function tokenForm(door, one) {
  const { choices } = door.doc;
  const fields = {
    token: words(t("form.token"), one.name, { required: true }),
    ...(one.kind === "service" ? { sources: several(t("form.sends"), choices.sources) } : {}),
    expires: day(t("form.expires"), ""),
  };
  const submit = {
    label: t("admin.token.make"),
    run: (told) => door.act("/api/admin/tokens/make", { ...told, name: one.name }),
  };
  return [form(fields, { door, submit }).node];
}

/** A request to break the glass: of one agency's records, for a reason its owner reads. */
export function glassForm(door, owner = "") {
  const { choices, me } = door.doc;
  const owners = choices.agencies.filter((name) => name !== me.agency);
  const hours = Array.from({ length: choices.glass_hours }, (_, i) => String(i + 1));
  const fields = {
    owner: choice(t("form.glass.owner"), owners, owners.includes(owner) ? owner : undefined),
    reason: words(t("form.reason"), "", { long: true, required: true, note: t("form.glass.reason") }),
    hours: choice(t("form.glass.hours"), hours, "1"),
    maximum_sensitivity: choice(t("form.glass.level"), ["low", "moderate", "high", "severe"], "high", level, t("form.glass.second")),
  };
  const submit = {
    label: t("form.glass.open"),
    run: (told) => door.act("/api/admin/glass/open", { ...told, hours: Number(told.hours) }),
  };
  return [el("p", "cg-drawer-note", t("form.glass.note")), form(fields, { door, submit }).node];
}
