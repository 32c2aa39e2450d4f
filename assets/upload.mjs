// Bringing in files: numbered steps on one side, what would come of them on the other, live until it is committed.

import { button, el, text } from "./dom.mjs";
import { number } from "./format.mjs";
import { lang, t } from "./i18n.mjs";
import { get } from "./state.mjs";
import { beginMapping, kindOf, mapMyself, mappingPanel, TABLE } from "./upload_mapping.mjs";
import { ask, askUntilDone, overview, sendFile } from "./upload_send.mjs";
import { findingsPanel, outcome, OUTCOMES } from "./upload_table.mjs";

const DEBOUNCE_MS = 300;
const SURE = 25; // below this nobody is sure enough: a person must say what it is
const COUNTED_BYTES = 16 << 20; // a file up to this size is counted whole without being asked for
let waiting = []; // files that were dropped on another page

/** Takes dropped files along to the page of uploads. */
export function bring(files) {
  waiting = [...files];
  const query = new URLSearchParams();
  for (const key of ["lang", "theme"]) if (get(key)) query.set(key, get(key));
  history.pushState(null, "", `/feeds/upload${query.size ? `?${query}` : ""}`);
  window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
}

/** Lets `host` take dropped files; it is marked while something is held over it. */
export function takeDrops(host, take, signal) {
  const has = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const mark = (on) => host.toggleAttribute("data-over", on);
  const on = (name, answer) => host.addEventListener(name, (event) => has(event) && answer(event), { signal });
  on("dragover", (event) => {
    event.preventDefault();
    mark(true);
  });
  host.addEventListener("dragleave", (event) => host.contains(event.relatedTarget) || mark(false), { signal });
  on("drop", (event) => {
    event.preventDefault();
    mark(false);
    if (event.dataTransfer.files.length) take(event.dataTransfer.files);
  });
}

const bytes = (size) => {
  const units = ["B", "kB", "MB", "GB"];
  const step = Math.min(3, Math.floor(Math.log10(Math.max(1, size)) / 3));
  return `${(size / 1000 ** step).toFixed(step && size / 1000 ** step < 10 ? 1 : 0)} ${units[step]}`;
};

export function uploadPanel(host, { signal }) {
  const steps = el("section", "cg-up-steps");
  steps.setAttribute("aria-label", t("upload.title"));
  const side = el("section", "cg-up-side");
  side.setAttribute("aria-label", t("upload.view"));
  host.replaceChildren(steps, side);
  const picker = Object.assign(el("input", "cg-up-picker"), { type: "file", multiple: true, tabIndex: -1 });
  picker.setAttribute("aria-hidden", "true");
  picker.addEventListener("change", () => {
    add(picker.files);
    picker.value = "";
  });
  host.append(picker);

  let info = null;
  let id = "";
  let files = [];
  let sending = null; // {name, part}
  let at = null; // the file at hand
  let view = "rows";
  let problem = "";
  let committing = null;
  let results = null;
  let asking = null; // the preview that is waited for
  let counting = null;
  let timer = 0;

  const findings = findingsPanel(side, {
    onView(next) {
      view = next;
      draw();
    },
  });
  takeDrops(host, add, signal);

  overview(signal)
    .then((found) => {
      info = found;
      draw();
      if (waiting.length) add(waiting.splice(0));
    })
    .catch((error) => {
      if (signal.aborted) return;
      problem = error.status === 404 ? t("upload.denied") : error.message;
      draw();
    });

  // -------------------- files

  async function add(list) {
    if (!info || sending || committing) return;
    results = null;
    problem = "";
    const chosen = [...list];
    try {
      for (const [index, file] of chosen.entries()) {
        sending = { name: file.name, part: 0, index: index + 1, of: chosen.length };
        draw();
        const taken = await sendFile(id, file, signal, (part) => {
          sending.part = part;
          drawProgress();
        });
        id = taken.id;
      }
      sending = { name: "", part: 1, looking: true };
      draw();
      await look();
    } catch (error) {
      if (signal.aborted) return;
      problem = t("upload.send.failed", { reason: error.message });
    }
    sending = null;
    draw();
    refresh(true);
  }

  async function look() {
    const { files: found } = await ask("look", { id }, signal);
    files = found.map((one) => {
      const before = files.find((file) => file.file === one.file && file.name === one.name);
      return before ?? { ...one, taken: !one.error, choice: firstChoice(one) };
    });
    at = files.includes(at) ? at : (files.find((one) => !one.error) ?? files[0] ?? null);
  }

  function firstChoice(one) {
    const [best] = one.candidates;
    const tabular = (one.sheets ?? []).some((sheet) => sheet.columns.length);
    const feed = best && best.score >= SURE ? best.feed : tabular ? TABLE : "";
    return { feed, source: one.sources[feed] ?? "", agency: "", options: {}, fresh: false };
  }

  const feedOf = (name) => info.feeds.find((one) => one.name === name);
  const known = (name) => info.sources.find((one) => one.name === name);
  const ready = (one) => one.taken && !one.error && one.choice.feed && one.choice.source && !one.findings?.error;
  const choices = (some = files) =>
    some
      .filter((one) => one.choice.feed && one.choice.source)
      .map((one) => ({
        file: one.file,
        feed: one.choice.feed,
        source: one.choice.source,
        agency: known(one.choice.source) ? "" : one.choice.agency,
        options: one.choice.options,
      }));

  /** The mapping that `table` needs is begun with what the headings seem to mean. */
  function settle(one) {
    if (one.choice.feed === TABLE && !one.choice.options.columns && !one.sheets.some((sheet) => sheet.kind) && one.sheets.length)
      beginMapping(one, kindOf(one, Object.keys(info.fields)));
  }

  // -------------------- what it would come to

  function changed(redraw = false) {
    if (at) at.findings = null;
    if (redraw) draw();
    clearTimeout(timer);
    asking?.abort();
    counting?.abort();
    timer = setTimeout(() => refresh(true), DEBOUNCE_MS);
  }

  /** Previews the file at hand, then those that have none yet, one after the other. */
  async function refresh(first) {
    if (!id || committing || results) return;
    asking?.abort();
    const mine = (asking = new AbortController());
    const both = AbortSignal.any([signal, mine.signal]);
    const order = [...(first && at ? [at] : []), ...files].filter((one, i, all) => all.indexOf(one) === i);
    for (const one of order) {
      if (one.error || one.findings || !one.choice.feed || !one.choice.source) continue;
      settle(one);
      one.asking = true;
      one.problem = "";
      draw();
      try {
        one.findings = await ask("preview", { id, file: one.file, choices: choices() }, both);
      } catch (error) {
        one.asking = false;
        if (both.aborted) return;
        if (error.status === 404) return gone();
        one.problem = error.message;
      }
      one.asking = false;
      draw();
      if (one === at && one.findings && !one.findings.whole && one.size <= COUNTED_BYTES) count(one);
    }
  }

  async function count(one) {
    counting?.abort();
    const mine = (counting = new AbortController());
    const both = AbortSignal.any([signal, mine.signal]);
    one.counting = { rows: 0 };
    draw();
    try {
      one.findings = await askUntilDone("count", { id, file: one.file, choices: choices() }, both, ({ rows }) => {
        one.counting = { rows };
        draw();
      });
    } catch (error) {
      if (!both.aborted) one.problem = error.message;
    }
    one.counting = null;
    if (!signal.aborted) draw();
  }

  function gone() {
    files = [];
    id = "";
    at = null;
    problem = t("upload.gone");
    draw();
  }

  async function startAgain() {
    asking?.abort();
    counting?.abort();
    if (id && !results) ask("discard", { id }, signal).catch(() => null);
    id = "";
    files = [];
    at = null;
    results = null;
    problem = "";
    draw();
    steps.querySelector(".cg-up-drop")?.focus();
  }

  async function commit() {
    const some = files.filter(ready);
    asking?.abort();
    counting?.abort();
    committing = { rows: 0, file: "" };
    draw();
    try {
      const told = await askUntilDone("commit", { id, choices: choices(some) }, signal, (found) => {
        committing = found;
        drawProgress();
      });
      results = told.map((one) => ({ ...one, undone: null, sure: false }));
      id = "";
    } catch (error) {
      if (signal.aborted) return;
      problem = error.message;
    }
    committing = null;
    draw();
    steps.querySelector(".cg-up-results a, .cg-up-results button")?.focus();
  }

  async function undo(one, reason) {
    try {
      one.undone = await ask("undo", { source: one.source, revision: one.revision, reason }, signal);
      one.failed = "";
    } catch (error) {
      one.failed = error.message;
    }
    one.sure = false;
    draw();
  }

  // -------------------- drawing

  function draw() {
    if (signal.aborted) return;
    const focus = document.activeElement?.dataset?.focus;
    const top = steps.scrollTop;
    host.toggleAttribute("data-empty", !files.length && !results);
    const list = results ? [done()] : [stepFiles(), ...(at && !at.error ? [stepFeed(), stepSource(), stepColumns()] : []), ...(files.length ? [stepCommit()] : [])];
    steps.replaceChildren(el("h1", "", t("upload.title")), ...list.filter(Boolean).map(numbered));
    steps.scrollTop = top;
    side.hidden = !files.length || Boolean(results);
    findings.draw(results ? null : at, view);
    drawProgress();
    if (focus) host.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
  }

  function numbered(node, index) {
    if (!node.dataset.step) return node;
    node.prepend(el("h2", "", el("span", "cg-up-step", number(index + 1)), el("span", "", node.dataset.step)));
    return node;
  }

  function step(title, ...parts) {
    const node = el("section", "cg-up-part", ...parts.filter(Boolean));
    node.dataset.step = title;
    return node;
  }

  function drawProgress() {
    const line = steps.querySelector(".cg-up-progress");
    if (!line) return;
    const bar = line.querySelector("i");
    const words = line.querySelector("span");
    if (sending) {
      bar.style.inlineSize = `${Math.round(100 * sending.part)}%`;
      text(words, sending.looking ? t("upload.looking") : t("upload.sending", { name: sending.name, n: number(sending.index), of: number(sending.of) }));
    } else if (committing) {
      bar.style.inlineSize = "100%";
      text(words, t("upload.committing", { name: committing.file ?? "", rows: number(committing.rows ?? 0) }));
    }
  }

  function progress() {
    const node = el("p", "cg-up-progress", el("span"), el("b", "cg-up-bar", el("i")));
    node.setAttribute("role", "status");
    return node;
  }

  function alert(words) {
    const node = el("p", "cg-form-error", words);
    node.setAttribute("role", "alert");
    return node;
  }

  function stepFiles() {
    const drop = button("cg-up-drop", t(files.length ? "upload.add" : "upload.drop"));
    drop.dataset.focus = "drop";
    drop.disabled = !info || Boolean(sending) || Boolean(committing);
    drop.addEventListener("click", () => picker.click());
    const rows = files.map((one) => {
      const feed = feedOf(one.choice.feed);
      const state = one.error || one.findings?.error ? "bad" : one.choice.feed ? "good" : "open";
      const open = button("cg-up-file", one.name);
      open.replaceChildren(
        el("i", "cg-up-state"),
        el("span", "cg-up-name", el("b", "", one.name), el("small", "", `${bytes(one.size)} · ${state === "bad" ? t("upload.state.bad") : (feed?.title ?? t("upload.state.open"))}`)),
      );
      open.dataset.state = state;
      open.dataset.focus = `file-${one.file}`;
      if (one === at) open.setAttribute("aria-current", "true");
      open.addEventListener("click", () => {
        at = one;
        view = "rows";
        draw();
        refresh(true);
      });
      const box = Object.assign(el("input"), { type: "checkbox", checked: one.taken && state !== "bad", disabled: state === "bad" });
      box.setAttribute("aria-label", t("upload.take", { name: one.name }));
      box.dataset.focus = `take-${one.file}`;
      box.addEventListener("change", () => {
        one.taken = box.checked;
        draw();
      });
      return el("li", "", open, files.length > 1 ? el("label", "cg-tick", box) : null);
    });
    const again = files.length && !sending ? button("cg-link", t("upload.again")) : null;
    again?.addEventListener("click", startAgain);
    return step(
      t("upload.step.files"),
      problem ? alert(problem) : null,
      rows.length ? el("ul", "cg-up-files", ...rows) : null,
      el("div", "cg-up-row", drop, again),
      sending ? progress() : null,
      files.length ? null : el("p", "cg-drawer-note", t("upload.drop.note")),
    );
  }

  function stepFeed() {
    const select = el("select", "cg-input");
    const told = new Map(at.candidates.map((one) => [one.feed, one.score]));
    const sure = at.candidates.slice(0, 4).map((one) => one.feed);
    const option = (name) => {
      const score = told.get(name);
      const words = score ? t("upload.feed.sure", { title: feedOf(name).title, score: number(score) }) : feedOf(name).title;
      return Object.assign(el("option", "", words), { value: name });
    };
    const group = (words, names) => {
      const node = el("optgroup", "", ...names.map(option));
      node.label = words;
      return names.length ? [node] : [];
    };
    if (!at.choice.feed) select.append(Object.assign(el("option", "", t("upload.feed.choose")), { value: "" }));
    select.append(
      ...group(t("upload.feed.recognised"), sure),
      ...group(t("upload.feed.others"), info.feeds.map((one) => one.name).filter((name) => !sure.includes(name))),
    );
    select.value = at.choice.feed;
    select.dataset.focus = "feed";
    select.setAttribute("aria-label", t("upload.step.feed"));
    select.addEventListener("change", () => take(select.value));
    const [best, next] = at.candidates;
    const note = !best || best.score < SURE ? t("upload.feed.nobody") : next && next.score > best.score - 20 ? t("upload.feed.close", { title: feedOf(next.feed).title }) : "";
    return step(t("upload.step.feed"), select, note ? el("p", "cg-drawer-note", note) : null);
  }

  function take(feed) {
    at.choice = { feed, source: at.sources[feed] ?? "", agency: "", options: {}, fresh: false };
    settle(at);
    changed(true);
  }

  /** Files of one partner's system go under one source together; lists each under their own. */
  function fileUnder(source, agency, fresh) {
    const together = feedOf(at.choice.feed)?.keys === "feed";
    for (const one of files) {
      if (one !== at && !(together && one.choice.feed === at.choice.feed)) continue;
      one.choice = { ...one.choice, source, agency, fresh };
      one.findings = null;
    }
    changed(!fresh);
  }

  function stepSource() {
    if (!at.choice.feed) return null;
    const fits = info.sources.filter((one) => [at.choice.feed, "auto", ""].includes(one.feed));
    const here = known(at.choice.source);
    const fresh = !here || at.choice.fresh;
    const select = el("select", "cg-input");
    select.append(
      ...fits.map((one) => Object.assign(el("option", "", `${one.title} · ${one.agency}`), { value: `=${one.name}` })),
      Object.assign(el("option", "", t("upload.source.new")), { value: "" }),
    );
    select.value = fresh ? "" : `=${at.choice.source}`;
    select.dataset.focus = "source";
    select.setAttribute("aria-label", t("upload.step.source"));
    select.addEventListener("change", () => {
      if (select.value) fileUnder(select.value.slice(1), "", false);
      else {
        at.choice = { ...at.choice, fresh: true, source: at.sources[at.choice.feed] };
        if (known(at.choice.source)) at.choice.source = `${at.choice.source} 2`;
        changed(true);
      }
    });
    const together = files.filter((one) => one.choice.feed === at.choice.feed).length;
    const shared = together > 1 && feedOf(at.choice.feed)?.keys === "feed" ? t("upload.source.together", { count: together }) : "";
    return step(
      t("upload.step.source"),
      fits.length ? select : null,
      ...(fresh ? newSource() : [el("p", "cg-drawer-note", t("upload.source.owner", { agency: here.agency }))]),
      shared ? el("p", "cg-drawer-note", shared) : null,
    );
  }

  function newSource() {
    const name = Object.assign(el("input", "cg-input"), { value: at.choice.source, maxLength: 120, autocomplete: "off" });
    name.dataset.focus = "source-name";
    const whose = el("select", "cg-input");
    whose.append(
      ...(info.any_agency ? [Object.assign(el("option", "", t("upload.agency.nobody")), { value: "" })] : []),
      ...info.agencies.map((one) => Object.assign(el("option", "", one), { value: one })),
    );
    whose.value = at.choice.agency || (info.any_agency ? "" : info.agencies[0]);
    whose.dataset.focus = "source-agency";
    const told = () => fileUnder(name.value.trim(), whose.value, true);
    name.addEventListener("input", told);
    whose.addEventListener("change", told);
    return [
      el("div", "cg-up-new", el("label", "cg-field", el("span", "cg-field-label", t("upload.source.name")), name), el("label", "cg-field", el("span", "cg-field-label", t("upload.source.agency")), whose)),
      el("p", "cg-up-unmarked", t("upload.source.unmarked")),
    ];
  }

  function stepColumns() {
    if (!at.choice.feed) return null;
    if (at.choice.feed !== TABLE) {
      const own = mapMyself(at, () => {
        take(TABLE);
        if (!at.choice.options.columns) beginMapping(at, kindOf(at, Object.keys(info.fields)));
        changed(true);
      });
      return own && step(t("upload.step.columns"), el("p", "cg-drawer-note", t("upload.mapping.by_feed")), own);
    }
    const panel = el("div", "cg-up-mapping");
    mappingPanel(panel, at, { fields: info.fields, changed });
    return step(t("upload.step.columns"), panel);
  }

  function stepCommit() {
    const some = files.filter(ready);
    const told = some.map((one) => one.findings).filter(Boolean);
    const sums = OUTCOMES.map((name) => [name, told.reduce((sum, one) => sum + one[name], 0)]);
    const parts = some.filter((one) => one.findings && !one.findings.whole);
    const part = at && parts.includes(at) ? at : parts[0];
    const go = button("cg-up-commit", t("upload.commit", { count: some.length }));
    go.dataset.focus = "commit";
    go.disabled = !some.length || Boolean(committing) || Boolean(sending) || some.some((one) => one.asking);
    go.addEventListener("click", commit);
    let whole = null;
    if (part?.counting) whole = el("p", "cg-drawer-note", t("upload.counting", { name: part.name, rows: number(part.counting.rows) }));
    else if (part) {
      whole = button("cg-link", t("upload.count", { name: part.name }));
      whole.dataset.focus = "count";
      whole.addEventListener("click", () => count(part));
    }
    return step(
      t("upload.step.commit"),
      el("div", "cg-up-tally", ...sums.map(([name, count_]) => outcome(name, count_))),
      parts.length ? el("p", "cg-drawer-note", t("upload.tally.part", { count: parts.length })) : null,
      whole,
      committing ? progress() : null,
      go,
    );
  }

  function done() {
    const rows = results.map((one, index) => {
      const link = el("a", "cg-link", t("upload.done.map"));
      const query = new URLSearchParams({ source: one.source, window: "all", lang: lang() });
      if (get("theme")) query.set("theme", get("theme"));
      link.href = `/?${query}`;
      const moved = one.accepted + one.revised + one.retracted > 0;
      const foot = [link];
      if (one.undone) foot.push(el("span", "cg-up-undone", t("upload.undone", { retracted: number(one.undone.retracted), revised: number(one.undone.revised) })));
      else if (moved && one.sure) {
        const why = Object.assign(el("input", "cg-input"), { placeholder: t("upload.undo.why"), maxLength: 200 });
        why.setAttribute("aria-label", t("upload.undo.why"));
        why.dataset.focus = `why-${index}`;
        const yes = button("cg-action", t("upload.undo.yes"));
        yes.addEventListener("click", () => undo(one, why.value.trim()));
        foot.push(why, yes);
      } else if (moved) {
        const back = button("cg-link", t("upload.undo"));
        back.dataset.focus = `why-${index}`;
        back.addEventListener("click", () => {
          one.sure = true;
          draw();
        });
        foot.push(back);
      }
      const reasons = Object.entries(one.reasons).map(([reason, count_]) => el("li", "", el("b", "", number(count_)), el("span", "", reason)));
      return el(
        "article",
        "cg-up-result",
        el("h3", "", one.path),
        el("p", "cg-drawer-note", t("upload.done.under", { source: one.source, revision: number(one.revision) })),
        one.error ? alert(one.error) : el("div", "cg-up-tally", ...OUTCOMES.map((name) => outcome(name, one[name]))),
        reasons.length ? el("ul", "cg-up-reasons", ...reasons) : null,
        one.failed ? alert(one.failed) : null,
        el("div", "cg-up-row", ...foot),
      );
    });
    const again = button("cg-action", t("upload.done.again"));
    again.addEventListener("click", startAgain);
    const node = el("section", "cg-up-part cg-up-results", el("p", "", t("upload.done", { count: results.length })), ...rows, again);
    node.setAttribute("role", "status");
    return node;
  }

  draw();
  return {
    get open() {
      return false;
    },
  };
}
