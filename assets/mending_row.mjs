// One refused row: its cells with the one at fault marked, to be mended and read again where it stands.

import { asking, result } from "./asking.mjs";
import { button, el } from "./dom.mjs";
import { dtg, number } from "./format.mjs";
import { t } from "./i18n.mjs";

let made = 0;

/** What became of rows read again, as one sentence. */
export function outcome(found) {
  const told = [];
  const brought = found.accepted + found.revised;
  if (brought) told.push(t("mend.brought", { count: brought, n: number(brought) }));
  if (found.retracted) told.push(t("mend.retracted", { count: found.retracted, n: number(found.retracted) }));
  if (found.unchanged) told.push(t("mend.unchanged", { count: found.unchanged, n: number(found.unchanged) }));
  const why = [...Object.keys(found.reasons ?? {}), ...(found.errors ?? [])];
  if (found.rejected) told.push(t("mend.still", { count: found.rejected, n: number(found.rejected), why: why.slice(0, 3).join("; ") }));
  return told.join(" ") || t("mend.nothing");
}

function head(row) {
  const told = [
    row.row ? t("feeds.row", { n: row.row }) : t("mend.whole"),
    row.payload,
    t("feeds.first_seen", { time: dtg(row.first_seen) }),
    row.seen > 1 ? t("mend.seen", { n: row.seen }) : "",
    row.edited_by ? t("mend.edited_by", { who: row.edited_by }) : "",
    row.origin ? t("mend.origin", { n: row.origin }) : "",
    row.read_otherwise ? t("mend.read_otherwise") : "",
  ];
  return told.filter(Boolean).join(" · ");
}

/** A field for one cell; `read()` gives what stands in it. */
function cell(name, value, before, { fault, may }) {
  made += 1;
  const input = Object.assign(el("input", "cg-input"), { id: `cg-cell-${made}`, value, autocomplete: "off", readOnly: !may });
  input.dir = "auto";
  const label = el("label", "cg-field-label", name);
  label.htmlFor = input.id;
  const changed = value !== before ? el("small", "cg-mend-was", t("mend.was", { value: before || t("mend.blank") })) : null;
  const node = el("div", "cg-field", label, input, changed);
  if (fault) {
    node.dataset.fault = "";
    input.setAttribute("aria-invalid", "true");
  }
  return { node, input, name };
}

const written = (value) => (value === null || value === undefined ? "" : String(value));

/** `said` is the line that goes on saying what became of it, where the row takes another's place. */
export function rowEditor(row, { may, act, moved, said = result() }) {
  const host = el("article", "cg-reject");
  const fields = [];
  let area = null;

  const body = el("div", "cg-mend-cells");
  if (row.cells) {
    const now = row.mended ?? row.cells;
    const names = [...new Set([...Object.keys(row.cells), ...Object.keys(now), ...row.fault])];
    if (!row.fault.length && /^[\w-]+$/.test(row.field) && row.field !== "row" && !(row.field in row.cells)) {
      names.push(row.field); // what is missing is to be filled in
      row.fault.push(row.field);
    }
    const blank = names.filter((name) => !written(now[name]) && !row.fault.includes(name));
    const shown = names.filter((name) => !blank.includes(name));
    for (const name of [...shown, ...blank]) {
      const one = cell(name, written(now[name]), written(row.cells[name]), { fault: row.fault.includes(name), may });
      fields.push(one);
      if (blank.includes(name)) one.node.hidden = true;
      body.append(one.node);
    }
    if (blank.length) {
      const all = button("cg-link", t("mend.blanks", { count: blank.length }));
      all.addEventListener("click", () => {
        for (const one of fields) one.node.hidden = false;
        all.remove();
      });
      body.append(all);
    }
  } else if (row.whole && may) {
    area = Object.assign(el("textarea", "cg-input"), { rows: 6, value: row.text ?? row.raw, spellcheck: false });
    area.dir = "auto";
    area.setAttribute("aria-label", head(row));
    body.append(area);
  } else body.append(el("pre", "", row.raw));

  const feet = el("p", "cg-mend-feet");
  const editable = may && (fields.length || area);
  if (may) {
    const go = button("cg-action", t(editable ? "mend.save" : "mend.replay"));
    go.type = "submit";
    feet.append(go);
    feet.append(asking(t("mend.discard"), { foresee: async () => t("mend.discard_row"), why: t("mend.why"), act: away, said }));
  }
  const form = el("form", "cg-mend-form", body, feet);
  const detail = Object.assign(el("p", "cg-mend-detail", row.detail), { dir: "auto" });
  host.append(el("p", "cg-mend-head", head(row)), detail, form, said.node);

  async function away(why) {
    await act("quarantine/discard", { ids: [row.id], why });
    settled(t("mend.discarded", { count: 1, n: 1 }));
  }

  /** Still refused: for another reason it is another reject, which takes this one's place. */
  function refused(found) {
    said.say(outcome(found), "refused");
    const [next] = found.rows;
    if (next) {
      const node = rowEditor(next, { may, act, moved, said });
      host.replaceWith(node);
      node.querySelector("[data-fault] .cg-input, textarea")?.focus();
    }
    moved();
  }

  function settled(words) {
    form.remove();
    host.dataset.settled = "";
    said.say(words);
    moved();
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const go = feet.querySelector("button[type=submit]");
    if (!go) return;
    go.disabled = true;
    said.say(t("mend.reading"), "busy");
    try {
      if (fields.length) {
        const cells = Object.fromEntries(fields.map((one) => [one.name, one.input.value.trim()]));
        const kept = Object.entries(cells).filter(([name, value]) => name in row.cells || value);
        await act("quarantine/edit", { ids: [row.id], cells: Object.fromEntries(kept) });
      } else if (area) await act("quarantine/edit", { ids: [row.id], text: area.value });
      const found = await act("quarantine/replay", { ids: [row.id] });
      if (found.rejected) refused(found);
      else settled(outcome(found));
    } catch (error) {
      said.say(error.message, "refused");
    } finally {
      go.disabled = false;
    }
  });
  return host;
}
