// Bringing in files: numbered steps on one side, what would come of them on the other, live until it is committed.

import { button, el, text } from "./dom.mjs";
import { number } from "./format.mjs";
import { lang, t } from "./i18n.mjs";
import { get } from "./state.mjs";
import { dropFlow, SURE } from "./upload_flow.mjs";
import { beginMapping, kindOf, mapMyself, mappingPanel, TABLE } from "./upload_mapping.mjs";
import { findingsPanel, outcome, OUTCOMES } from "./upload_table.mjs";

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
    flow.add(picker.files);
    picker.value = "";
  });
  host.append(picker);

  let view = "rows";
  const flow = dropFlow({ signal, drawn: draw, moved: drawProgress });

  const findings = findingsPanel(side, {
    onView(next) {
      view = next;
      draw();
    },
  });
  takeDrops(host, flow.add, signal);
  flow.begin().then(() => waiting.length && flow.add(waiting.splice(0)));

  // -------------------- drawing

  function draw() {
    if (signal.aborted) return;
    const active = document.activeElement;
    const focus = active?.dataset?.focus;
    const caret = active?.selectionStart;
    const top = steps.scrollTop;
    const listTop = steps.querySelector(".cg-up-files")?.scrollTop ?? 0;
    host.toggleAttribute("data-empty", !flow.files.length && !flow.results);
    const list = flow.results ? [done()] : [stepFiles(), ...(flow.at && !flow.at.error ? [stepFeed(), stepSource(), stepColumns()] : []), ...(flow.files.length ? [stepCommit()] : [])];
    steps.replaceChildren(el("h1", "", t("upload.title")), ...list.filter(Boolean).map(numbered));
    steps.scrollTop = top;
    const shown = steps.querySelector(".cg-up-files");
    if (shown) shown.scrollTop = listTop;
    side.hidden = !flow.files.length || Boolean(flow.results);
    findings.draw(flow.results ? null : flow.at, view);
    drawProgress();
    const next = focus ? host.querySelector(`[data-focus="${CSS.escape(focus)}"]`) : null;
    next?.focus({ preventScroll: true });
    if (Number.isInteger(caret)) next?.setSelectionRange?.(caret, caret);
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
    if (flow.sending) {
      bar.style.inlineSize = `${Math.round(100 * flow.sending.part)}%`;
      text(words, flow.sending.looking ? t("upload.looking") : t("upload.sending", { name: flow.sending.name, n: number(flow.sending.index), of: number(flow.sending.of) }));
    } else if (flow.committing) {
      bar.style.inlineSize = "100%";
      text(words, t("upload.committing", { name: flow.committing.file ?? "", rows: number(flow.committing.rows ?? 0) }));
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
    const drop = button("cg-up-drop", t(flow.files.length ? "upload.add" : "upload.drop"));
    drop.dataset.focus = "drop";
    drop.disabled = !flow.info || Boolean(flow.sending) || Boolean(flow.committing);
    drop.addEventListener("click", () => picker.click());
    const rows = flow.files.map((one) => {
      const feed = flow.feedOf(one.choice.feed);
      const state = one.error || one.findings?.error ? "bad" : one.choice.feed ? "good" : "open";
      const open = button("cg-up-file", one.name);
      open.replaceChildren(
        el("i", "cg-up-state"),
        el(
          "span",
          "cg-up-name",
          el("b", "", el("bdi", "", one.name)),
          el("small", "", el("bdi", "", bytes(one.size)), " · ", el("bdi", "", state === "bad" ? t("upload.state.bad") : (feed?.title ?? t("upload.state.open")))),
        ),
      );
      open.dataset.state = state;
      open.dataset.focus = `file-${one.file}`;
      if (one === flow.at) open.setAttribute("aria-current", "true");
      open.addEventListener("click", () => {
        flow.at = one;
        view = "rows";
        draw();
        flow.refresh(true);
      });
      const box = Object.assign(el("input"), { type: "checkbox", checked: one.taken && state !== "bad", disabled: state === "bad" });
      box.setAttribute("aria-label", t("upload.take", { name: one.name }));
      box.dataset.focus = `take-${one.file}`;
      box.addEventListener("change", () => {
        one.taken = box.checked;
        draw();
      });
      return el("li", "", open, flow.files.length > 1 ? el("label", "cg-tick", box) : null);
    });
    const again = flow.files.length && !flow.sending ? button("cg-link", t("upload.again")) : null;
    again?.addEventListener("click", flow.startAgain);
    return step(
      t("upload.step.files"),
      flow.problem ? alert(flow.problem) : null,
      rows.length ? el("ul", "cg-up-files", ...rows) : null,
      el("div", "cg-up-row", drop, again),
      flow.sending ? progress() : null,
      flow.files.length ? null : el("p", "cg-drawer-note", t("upload.drop.note")),
    );
  }

  function stepFeed() {
    const select = el("select", "cg-input");
    const told = new Map(flow.at.candidates.map((one) => [one.feed, one.score]));
    const sure = flow.at.candidates.slice(0, 4).map((one) => one.feed);
    const option = (name) => {
      const score = told.get(name);
      const words = score ? t("upload.feed.sure", { title: flow.feedOf(name).title, score: number(score) }) : flow.feedOf(name).title;
      return Object.assign(el("option", "", words), { value: name });
    };
    const group = (words, names) => {
      const node = el("optgroup", "", ...names.map(option));
      node.label = words;
      return names.length ? [node] : [];
    };
    if (!flow.at.choice.feed) select.append(Object.assign(el("option", "", t("upload.feed.choose")), { value: "" }));
    select.append(
      ...group(t("upload.feed.recognised"), sure),
      ...group(t("upload.feed.others"), flow.info.feeds.map((one) => one.name).filter((name) => !sure.includes(name))),
    );
    select.value = flow.at.choice.feed;
    select.dataset.focus = "feed";
    select.setAttribute("aria-label", t("upload.step.feed"));
    select.addEventListener("change", () => flow.take(select.value));
    const [best, next] = flow.at.candidates;
    const note = !best || best.score < SURE ? t("upload.feed.nobody") : next && next.score > best.score - 20 ? t("upload.feed.close", { title: flow.feedOf(next.feed).title }) : "";
    return step(t("upload.step.feed"), select, note ? el("p", "cg-drawer-note", note) : null);
  }

  function stepSource() {
    if (!flow.at.choice.feed) return null;
    const fits = flow.info.sources.filter((one) => [flow.at.choice.feed, "auto", ""].includes(one.feed));
    const here = flow.known(flow.at.choice.source);
    const fresh = !here || flow.at.choice.fresh;
    const select = el("select", "cg-input");
    select.append(
      ...fits.map((one) => Object.assign(el("option", "", `${one.title} · ${one.agency}`), { value: `=${one.name}` })),
      Object.assign(el("option", "", t("upload.source.new")), { value: "" }),
    );
    select.value = fresh ? "" : `=${flow.at.choice.source}`;
    select.dataset.focus = "source";
    select.setAttribute("aria-label", t("upload.step.source"));
    select.addEventListener("change", () => {
      if (select.value) flow.fileUnder(select.value.slice(1), "", false);
      else {
        flow.at.choice = { ...flow.at.choice, fresh: true, source: flow.freeName(flow.at.sources[flow.at.choice.feed]) };
        flow.changed(true);
      }
    });
    const together = flow.files.filter((one) => one.choice.feed === flow.at.choice.feed).length;
    const shared = together > 1 && flow.feedOf(flow.at.choice.feed)?.keys === "feed" ? t("upload.source.together", { count: together }) : "";
    return step(
      t("upload.step.source"),
      fits.length ? select : null,
      ...(fresh ? newSource() : [el("p", "cg-drawer-note", t("upload.source.owner", { agency: here.agency }))]),
      shared ? el("p", "cg-drawer-note", shared) : null,
    );
  }

  function newSource() {
    const name = Object.assign(el("input", "cg-input"), { value: flow.at.choice.source, maxLength: 120, autocomplete: "off" });
    name.dataset.focus = "source-name";
    const whose = el("select", "cg-input");
    whose.append(
      ...(flow.info.any_agency ? [Object.assign(el("option", "", t("upload.agency.nobody")), { value: "" })] : []),
      ...flow.info.agencies.map((one) => Object.assign(el("option", "", one), { value: one })),
    );
    whose.value = flow.at.choice.agency || (flow.info.any_agency ? "" : flow.info.agencies[0]);
    whose.dataset.focus = "source-agency";
    const told = () => flow.fileUnder(name.value.trim(), whose.value, true);
    name.addEventListener("input", told);
    whose.addEventListener("change", told);
    return [
      el("div", "cg-up-new", el("label", "cg-field", el("span", "cg-field-label", t("upload.source.name")), name), el("label", "cg-field", el("span", "cg-field-label", t("upload.source.agency")), whose)),
      el("p", "cg-up-unmarked", t("upload.source.unmarked")),
    ];
  }

  function stepColumns() {
    if (!flow.at.choice.feed) return null;
    if (flow.at.choice.feed !== TABLE) {
      const own = mapMyself(flow.at, () => {
        flow.take(TABLE);
        if (!flow.at.choice.options.columns) beginMapping(flow.at, kindOf(flow.at, Object.keys(flow.info.fields)));
        flow.changed(true);
      });
      return own && step(t("upload.step.columns"), el("p", "cg-drawer-note", t("upload.mapping.by_feed")), own);
    }
    const panel = el("div", "cg-up-mapping");
    mappingPanel(panel, flow.at, { fields: flow.info.fields, changed: flow.changed });
    return step(t("upload.step.columns"), panel);
  }

  function stepCommit() {
    const some = flow.files.filter(flow.ready);
    const told = some.map((one) => one.findings).filter(Boolean);
    const sums = OUTCOMES.map((name) => [name, told.reduce((sum, one) => sum + one[name], 0)]);
    const parts = some.filter((one) => one.findings && !one.findings.whole);
    const part = flow.at && parts.includes(flow.at) ? flow.at : parts[0];
    const go = button("cg-up-commit", t("upload.commit", { count: some.length }));
    go.dataset.focus = "commit";
    go.disabled = !some.length || Boolean(flow.committing) || Boolean(flow.sending) || some.some((one) => one.asking);
    go.addEventListener("click", flow.commit);
    let whole = null;
    if (part?.counting) whole = el("p", "cg-drawer-note", t("upload.counting", { name: part.name, rows: number(part.counting.rows) }));
    else if (part) {
      whole = button("cg-link", t("upload.count", { name: part.name }));
      whole.dataset.focus = "count";
      whole.addEventListener("click", () => flow.count(part));
    }
    const node = step(
      t("upload.step.commit"),
      el("div", "cg-up-tally", ...sums.map(([name, count_]) => outcome(name, count_))),
      parts.length ? el("p", "cg-drawer-note", t("upload.tally.part", { count: parts.length })) : null,
      whole,
      flow.committing ? progress() : null,
      go,
    );
    node.classList.add("cg-up-last");
    return node;
  }

  function done() {
    const rows = flow.results.map((one, index) => {
      const link = el("a", "cg-link", t("upload.done.map"));
      const query = new URLSearchParams({ source: one.source, window: "all", lang: lang() });
      if (get("theme")) query.set("theme", get("theme"));
      link.href = `/?${query}`;
      const moved = one.accepted + one.revised + one.retracted > 0;
      const foot = [link];
      if (one.rejected) {
        const mend = el("a", "cg-link", t("upload.done.mend"));
        mend.href = `/feeds#${encodeURIComponent(one.source)}`;
        foot.push(mend);
      }
      if (one.undone) foot.push(el("span", "cg-up-undone", t("upload.undone", { retracted: number(one.undone.retracted), revised: number(one.undone.back) })));
      else if (moved && one.sure) {
        const why = Object.assign(el("input", "cg-input"), { placeholder: t("upload.undo.why"), maxLength: 200 });
        why.setAttribute("aria-label", t("upload.undo.why"));
        why.dataset.focus = `why-${index}`;
        const yes = button("cg-action", t("upload.undo.yes"));
        yes.addEventListener("click", () => flow.undo(one, why.value.trim()));
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
    const again = button("cg-action cg-up-again", t("upload.done.again"));
    again.addEventListener("click", flow.startAgain);
    const node = el("section", "cg-up-part cg-up-results", el("p", "", t("upload.done", { count: flow.results.length })), ...rows, again);
    node.setAttribute("role", "status");
    return node;
  }

  draw();
}
