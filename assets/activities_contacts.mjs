// The register of whom to ask: every agency keeps its own entries, one by one or as a file.

import { attr, button, el, keyed, show, text } from "./dom.mjs";
import { age, number, time } from "./format.mjs";
import { lang, t } from "./i18n.mjs";
import { seenAs } from "./state.mjs";
import { contactLine } from "./activities_cell.mjs";
import { sectorName } from "./activities.mjs";

const ROLES = ["lead", "co_lead", "liaison", "information"];
const TEXTS = ["office", "phone", "email", "note"];

export function contactsPanel({ signal, reload, now }) {
  const add = button("cg-action", t("act.contact.add"));
  const take = el("a", "cg-action", t("act.contact.export"));
  const file = el("input");
  file.type = "file";
  file.accept = ".csv,text/csv";
  const bring = el("label", "cg-action cg-act-file", t("act.contact.import"), file);
  const said = el("p", "cg-act-said");
  said.setAttribute("role", "status");
  const form = el("form", "cg-act-form");
  form.hidden = true;
  const list = el("ol", "cg-act-contacts");
  const empty = el("p", "cg-empty", t("act.none.contacts"));
  const node = el("section", "cg-act-register", el("p", "cg-com-note", t("act.contact.what")), el("p", "cg-act-actions", add, bring, take), said, form, empty, list);
  let found = null;

  add.addEventListener("click", () => edit(null));
  file.addEventListener("change", async () => {
    const chosen = file.files[0];
    file.value = "";
    if (!chosen) return;
    const done = await act("import", { agency: found.keeps[0], content: await chosen.text() });
    if (done) say(t("act.contact.imported", { count: done.count, n: number(done.count) }));
  });

  function draw(doc) {
    found = doc;
    const may = doc.keeps.length > 0;
    show(add, may);
    show(bring, may && doc.keeps.length === 1);
    show(take, may || doc.exports);
    take.href = seenAs("/api/contacts/export");
    show(empty, !doc.contacts.length);
    keyed(list, doc.contacts, (one) => one.id, () => el("li"), fill);
  }

  function fill(row, one) {
    const told = JSON.stringify(one);
    if (row.cgTold === told) return;
    row.cgTold = told;
    const at = time(one.at);
    const foot = el("p", "cg-act-why", Number.isFinite(at) ? t("act.contact.kept", { age: age((now() - at) / 1000) }) : "");
    if (one.may) {
      const change = button("cg-action", t("act.contact.change"));
      change.addEventListener("click", () => edit(one));
      foot.append(" ", change);
    }
    row.replaceChildren(contactLine(one), foot);
  }

  function edit(one) {
    const fields = {
      agency: pick("agency", found.keeps.map((name) => [name, name]), one?.agency ?? found.keeps[0]),
      office: input("office", one?.office),
      role: pick("role", ROLES.map((name) => [name, t(`act.role.${name}`)]), one?.role ?? "liaison"),
      sector: pick("sector", [["", t("act.every_sector")], ...found.sectors.map((each) => [each.name, sectorName(each.code, each.name)])], one?.sector ?? "", one?.sector),
      area: pick("area", [["", t("com.everywhere")], ...found.areas.map((each) => [each.pcode, `${each.name} (${each.parent})`])], one?.area ?? "", one?.place),
      phone: input("phone", one?.phone),
      email: input("email", one?.email),
      note: input("note", one?.note),
      release: pick("release", ["mission", "agency"].map((name) => [name, t(`act.release.${name}`)]), one?.release ?? "mission"),
    };
    fields.agency.field.disabled = Boolean(one) || found.keeps.length < 2;
    fields.phone.field.type = "tel";
    fields.email.field.type = "email";
    fields.office.field.required = true;
    const decides = el("input");
    decides.type = "checkbox";
    decides.checked = Boolean(one?.decides);
    const save = el("button", "cg-action cg-act-save", t("act.contact.save"));
    const leave = button("cg-action", t("act.contact.leave"));
    leave.addEventListener("click", () => show(form, false));
    const gone = one ? button("cg-action", t("act.contact.take_back")) : null;
    gone?.addEventListener("click", async () => {
      if (await act("take-back", { id: one.id, revision: one.revision })) say(t("act.contact.gone"));
    });
    form.replaceChildren(
      ...Object.values(fields).map((each) => each.label),
      el("label", "cg-act-check", decides, ` ${t("act.contact.decides")}`),
      el("p", "cg-act-actions", save, leave, gone),
    );
    form.onsubmit = async (event) => {
      event.preventDefault();
      const told = Object.fromEntries(Object.entries(fields).map(([name, each]) => [name, each.field.value]));
      const known = one ? { id: one.id, revision: one.revision } : {};
      if (await act("save", { ...told, ...known, decides: decides.checked })) say(t("act.contact.saved"));
    };
    show(form, true);
    form.scrollIntoView({ block: "nearest" });
    fields.office.field.focus();
  }

  function input(name, value = "") {
    const field = el("input");
    field.name = name;
    field.value = value;
    field.maxLength = TEXTS.indexOf(name) === 3 ? 300 : 120;
    return { field, label: el("label", "", el("span", "", t(`act.contact.${name}`)), field) };
  }

  function pick(name, options, value, words = value) {
    const known = options.some(([one]) => one === value) ? options : [...options, [value, words]];
    const field = el("select", "", ...known.map(([one, label]) => Object.assign(el("option", "", label), { value: one })));
    field.name = name;
    field.value = value;
    return { field, label: el("label", "", el("span", "", t(`act.contact.${name}`)), field) };
  }

  async function act(name, told) {
    try {
      const answer = await fetch(`/api/contacts/${name}?lang=${lang()}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(told),
        signal,
      });
      const body = await answer.json().catch(() => ({}));
      if (!answer.ok) throw new Error(body.description ?? `HTTP ${answer.status}`);
      show(form, false);
      await reload();
      return body;
    } catch (error) {
      if (!signal.aborted) say(error.message, true);
      return null;
    }
  }

  function say(words, bad = false) {
    text(said, words);
    attr(said, "data-bad", bad ? "" : null);
  }

  return { node, draw };
}
