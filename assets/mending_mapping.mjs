// How the tables of a source are read: which column fills which field, chosen among the headings of the rows that were refused.

import { button, el, text } from "./dom.mjs";
import { named, t } from "./i18n.mjs";

const said_of = (spec) => (typeof spec === "string" ? spec : (spec?.column ?? ""));
const option = (value, words = value) => Object.assign(el("option", "", words), { value });

/** Headings of the refused rows, those the mapping names among them. */
async function headings(groups, source, read, columns) {
  const found = new Set(Object.values(columns).map(said_of).filter(Boolean));
  for (const group of groups.slice(0, 5)) {
    const query = new URLSearchParams({ source: source.name, feed: group.feed, reason: group.reason });
    const { rows } = await read(`/api/quarantine/rows?${query}`);
    for (const row of rows) for (const name of Object.keys(row.cells ?? {})) found.add(name);
  }
  return [...found];
}

export function mappingPanel(mapping, { source, act, read, groups, said, again }) {
  const open = button("cg-action", t("mapping.open"));
  open.setAttribute("aria-expanded", "false");
  const host = el("div", "cg-mapping", open);
  let form = null;

  async function draw() {
    const heads = await headings(groups, source, read, mapping.columns);
    const kinds = Object.keys(mapping.fields);
    const kind = Object.assign(el("select", "cg-input"), { id: "cg-mapping-kind" });
    kind.append(option("", "—"), ...kinds.map((name) => option(name, named(`upload.kind.${name}`, name))));
    kind.value = mapping.kind;
    const label = el("label", "cg-field-label", t("mapping.kind"));
    label.htmlFor = kind.id;
    const cells = el("div", "cg-mend-cells");
    const fields = new Map();

    function fill() {
      fields.clear();
      const own = mapping.fields[kind.value] ?? [];
      const names = [...new Set([...Object.keys(mapping.columns), ...own])];
      cells.replaceChildren(
        ...names.map((name) => {
          const select = Object.assign(el("select", "cg-input"), { id: `cg-mapping-${name}` });
          const now = mapping.columns[name];
          select.append(option("", t("mapping.unsaid")), ...heads.map((head) => option(head)));
          if (now && typeof now === "object" && !now.column) select.append(option("=", t("mapping.always", { value: String(now.value) })));
          select.value = now && typeof now === "object" && !now.column ? "=" : said_of(now);
          const called = el("label", "cg-field-label", named(`field.${name}`, name.replaceAll("_", " ")));
          called.htmlFor = select.id;
          fields.set(name, select);
          return el("div", "cg-field", called, select);
        }),
      );
    }
    fill();
    kind.addEventListener("change", fill);
    const go = button("cg-action", t("mapping.save"));
    go.type = "submit";
    form = el("form", "cg-mend-form", el("div", "cg-field cg-mapping-kind", label, kind), cells, el("p", "cg-mend-feet", go));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      go.disabled = true;
      const columns = {};
      for (const [name, select] of fields) {
        const before = mapping.columns[name];
        if (!select.value) continue;
        if (select.value === "=" || select.value === said_of(before)) columns[name] = before;
        else columns[name] = before?.words ? { ...before, column: select.value } : select.value;
      }
      try {
        await act("quarantine/mapping", { source: source.name, kind: kind.value, columns });
        said.say(t("mapping.saved"));
        await again();
      } catch (error) {
        go.disabled = false;
        said.say(error.message, "refused");
      }
    });
    host.append(form);
    kind.focus();
  }

  open.addEventListener("click", async () => {
    const opening = !form;
    open.setAttribute("aria-expanded", String(opening));
    if (form) {
      form.remove();
      form = null;
      return;
    }
    try {
      await draw();
    } catch (error) {
      text(said.node, error.message);
    }
  });
  return host;
}
