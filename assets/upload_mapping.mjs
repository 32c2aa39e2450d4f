// The columns of a table: which field of a record each fills, and what its words mean.

import { button, el } from "./dom.mjs";
import { t } from "./i18n.mjs";
import { fieldName } from "./upload_table.mjs";

export const TABLE = "table";
/** Shown without being asked for, in this order, whatever else a kind has. */
const FIRST = ["source_ref", "title", "category", "event_time", "severity", "place", "adm_pcode", "adm1_name", "adm2_name", "lat", "lon", "description"];
const PARTS = ["what", "figure", "when", "where"];

/** The kind a file's rows would be, by what is chosen, by its tags, or else the one most headings speak for. */
export function kindOf(file, kinds) {
  const sheet = sheetOf(file);
  if (file.choice.options.kind) return file.choice.options.kind;
  if (sheet?.kind) return sheet.kind;
  const speak = (kind) => Object.keys(sheet?.meant?.[kind] ?? {}).length;
  return kinds.toSorted((a, b) => speak(b) - speak(a))[0];
}

/** The sheet whose columns are offered: the one with most of them. */
export const sheetOf = (file) =>
  (file.sheets ?? []).reduce((best, one) => (!best || one.columns.length > best.columns.length ? one : best), null);

/** Field -> column as the file is read now: what was chosen over what its tags or headings mean. */
function mapped(file, kind) {
  const sheet = sheetOf(file);
  const found = new Map(Object.entries(sheet?.kind ? (sheet.meant?.[kind] ?? {}) : {}));
  for (const [name, spec] of Object.entries(file.choice.options.columns ?? {})) {
    if (typeof spec === "string") found.set(name, spec);
    else if (spec?.column) found.set(name, spec.column);
    else found.delete(name);
  }
  return found;
}

/** Begins a mapping of one's own with what the headings seem to mean. */
export function beginMapping(file, kind) {
  const sheet = sheetOf(file);
  const columns = sheet?.kind ? {} : { ...(sheet?.meant?.[kind] ?? {}) };
  file.choice.options = { ...file.choice.options, kind, columns };
}

/** Rows of selects for one file; `changed()` after each change. */
export function mappingPanel(host, file, { fields, changed }) {
  const kinds = Object.keys(fields);
  const kind = kindOf(file, kinds);
  const sheet = sheetOf(file);
  const now = mapped(file, kind);
  const options = file.choice.options;

  const kindSelect = el("select", "cg-input");
  kindSelect.append(...kinds.map((name) => Object.assign(el("option", "", t(`upload.kind.${name}`)), { value: name })));
  kindSelect.value = kind;
  kindSelect.dataset.focus = "kind";
  kindSelect.addEventListener("change", () => {
    beginMapping(file, kindSelect.value);
    changed(true);
  });

  function set(name, spec) {
    const columns = { ...(options.columns ?? {}) };
    const byTag = sheet?.kind ? sheet.meant?.[kind]?.[name] : null;
    if (spec === null && byTag) columns[name] = { value: "" };
    else if (spec === null) delete columns[name];
    else columns[name] = spec;
    file.choice.options = { ...options, kind, columns };
    changed(true);
  }

  function row(field) {
    const column = now.get(field.name) ?? "";
    const select = el("select", "cg-input");
    select.append(
      Object.assign(el("option", "", t("upload.column.none")), { value: "" }),
      ...sheet.columns.map((one) => {
        const example = one.examples.find(Boolean);
        return Object.assign(el("option", "", example ? `${one.name} (${example.slice(0, 24)})` : one.name), { value: one.name });
      }),
    );
    if (column && !sheet.columns.some((one) => one.name === column))
      select.append(Object.assign(el("option", "", column), { value: column }));
    select.value = column;
    select.dataset.focus = `field-${field.name}`;
    select.setAttribute("aria-label", fieldName(field.name));
    select.addEventListener("change", () => set(field.name, select.value || null));
    const label = el("span", "cg-up-field", fieldName(field.name));
    const node = el("div", "cg-up-map", label, select);
    node.toggleAttribute("data-mapped", Boolean(column));
    const words = field.words.length && column ? meanings(field, column) : [];
    return [node, ...words];
  }

  /** What each word of a column means, where a field takes only a few words. */
  function meanings(field, column) {
    const said = sheet.columns.find((one) => one.name === column)?.words ?? [];
    const spec = options.columns?.[field.name];
    const told = typeof spec === "object" ? (spec.words ?? {}) : {};
    const strange = said.filter((word) => !field.words.includes(word.toLowerCase()));
    return strange.map((word) => {
      const select = el("select", "cg-input");
      select.append(
        Object.assign(el("option", "", t("upload.word.as_it_is")), { value: "" }),
        ...field.words.map((name) => Object.assign(el("option", "", name), { value: name })),
      );
      select.value = told[word] ?? "";
      select.dataset.focus = `word-${field.name}-${word}`;
      select.setAttribute("aria-label", t("upload.word.means", { word, field: fieldName(field.name) }));
      select.addEventListener("change", () => {
        const words = { ...told, [word]: select.value };
        if (!select.value) delete words[word];
        set(field.name, Object.keys(words).length ? { column, words } : column);
      });
      return el("div", "cg-up-map cg-up-word", el("span", "cg-up-field", `“${word}”`), select);
    });
  }

  const listed = fields[kind] ?? [];
  const near = listed.filter((field) => FIRST.includes(field.name) || now.has(field.name) || field.part === "figure");
  const rest = listed.filter((field) => !near.includes(field));
  const ordered = (some) => PARTS.flatMap((part) => some.filter((field) => field.part === part));
  const more = el("details", "cg-up-more", el("summary", "", t("upload.fields.more", { count: rest.length })), ...ordered(rest).flatMap(row));
  more.open = Boolean(file.moreFields);
  more.addEventListener("toggle", () => {
    file.moreFields = more.open;
  });
  host.replaceChildren(
    el("label", "cg-up-map", el("span", "cg-up-field", t("upload.kind")), kindSelect),
    el("div", "cg-up-maphead", el("span", "", t("upload.field")), el("span", "", t("upload.column"))),
    ...ordered(near).flatMap(row),
    ...(rest.length ? [more] : []),
    el("p", "cg-drawer-note", t("upload.mapping.kept")),
  );
}

/** The way from a feed that finds its columns by itself to a mapping of one's own, where the file is a table. */
export function mapMyself(file, take) {
  const node = button("cg-link", t("upload.mapping.own"));
  node.dataset.focus = "map-own";
  node.addEventListener("click", take);
  return sheetOf(file)?.columns.length ? node : null;
}
