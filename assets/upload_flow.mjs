// The state of a drop and what is done with it: files on their way, what each is chosen to be, what it would come to.

import { t } from "./i18n.mjs";
import { get, setView } from "./state.mjs";
import { beginMapping, kindOf, TABLE } from "./upload_mapping.mjs";
import { ask, askUntilDone, overview, sendFile, takeBack } from "./upload_send.mjs";

const DEBOUNCE_MS = 300;
export const SURE = 25; // below this nobody is sure enough: a person must say what it is
const COUNTED_BYTES = 16 << 20; // a file up to this size is counted whole without being asked for

/**
 * One drop at a time. `drawn()` is called whenever something to be shown has changed, `moved()` while only a progress has.
 * What is read of it: info, files, at (the file at hand), sending, committing, results, problem.
 */
export function dropFlow({ signal, drawn, moved }) {
  const flow = { info: null, id: "", files: [], at: null, sending: null, committing: null, results: null, problem: "" };
  let asking = null; // the preview that is waited for
  let counting = null;
  let timer = 0;

  /** Reads what there is to choose from; anew after a commit, which may have begun a source. */
  async function begin() {
    try {
      flow.info = await overview(signal);
      if (get("drop") && !flow.id) await resume(get("drop"));
    } catch (error) {
      if (signal.aborted) return;
      flow.problem = error.status === 404 ? t("upload.denied") : error.message;
    }
    drawn();
  }

  // -------------------- files

  /** What was dropped before the page was loaded anew; its address says which drop that is. */
  async function resume(id) {
    flow.id = id;
    try {
      await look();
      refresh(true);
    } catch {
      flow.id = "";
      setView({ drop: null });
    }
  }

  async function add(list) {
    if (!flow.info || flow.sending || flow.committing) return;
    flow.results = null;
    flow.problem = "";
    const chosen = [...list];
    try {
      for (const [index, file] of chosen.entries()) {
        flow.sending = { name: file.name, part: 0, index: index + 1, of: chosen.length };
        drawn();
        const taken = await sendFile(flow.id, file, signal, (part) => {
          flow.sending.part = part;
          moved();
        });
        flow.id = taken.id;
        setView({ drop: flow.id });
      }
      flow.sending = { name: "", part: 1, looking: true };
      drawn();
      await look();
    } catch (error) {
      if (signal.aborted) return;
      flow.problem = t("upload.send.failed", { reason: error.message });
    }
    flow.sending = null;
    drawn();
    refresh(true);
  }

  async function look() {
    const { files: found } = await ask("look", { id: flow.id }, signal);
    flow.files = found.map((one) => {
      const before = flow.files.find((file) => file.file === one.file && file.name === one.name);
      return before ?? { ...one, taken: !one.error, choice: firstChoice(one) };
    });
    flow.at = flow.files.includes(flow.at) ? flow.at : (flow.files.find((one) => !one.error) ?? flow.files[0] ?? null);
  }

  function firstChoice(one) {
    const [best] = one.candidates;
    const tabular = (one.sheets ?? []).some((sheet) => sheet.columns.length);
    const feed = best && best.score >= SURE ? best.feed : tabular ? TABLE : "";
    return choiceOf(one, feed);
  }

  /** A list that a person maps by hand is no further payload of another list: it is a source of its own until they say so. */
  function choiceOf(one, feed) {
    const byHand = feed === TABLE && !one.candidates.some((each) => each.feed === TABLE && each.score >= SURE);
    const source = byHand ? freeName(one.name.replace(/\.[^.]*$/, "").slice(0, 100) || one.name) : (one.sources[feed] ?? "");
    return { feed, source, agency: "", options: {}, fresh: false };
  }

  function freeName(name) {
    for (let count = 1; ; count++) {
      const found = count === 1 ? name : `${name} ${count}`;
      if (!known(found)) return found;
    }
  }

  const feedOf = (name) => flow.info.feeds.find((one) => one.name === name);
  const known = (name) => flow.info.sources.find((one) => one.name === name);
  const ready = (one) => one.taken && !one.error && one.choice.feed && one.choice.source && !one.findings?.error;
  const choices = (some = flow.files) =>
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
      beginMapping(one, kindOf(one, Object.keys(flow.info.fields)));
  }

  // -------------------- what it would come to

  function changed(redraw = false) {
    if (flow.at) flow.at.findings = null;
    if (redraw) drawn();
    clearTimeout(timer);
    asking?.abort();
    counting?.abort();
    timer = setTimeout(() => refresh(true), DEBOUNCE_MS);
  }

  /** Previews the file at hand, then those that have none yet, one after the other. */
  async function refresh(first) {
    if (!flow.id || flow.committing || flow.results) return;
    asking?.abort();
    const mine = (asking = new AbortController());
    const both = AbortSignal.any([signal, mine.signal]);
    const order = [...(first && flow.at ? [flow.at] : []), ...flow.files].filter((one, i, all) => all.indexOf(one) === i);
    for (const one of order) {
      if (one.error || one.findings || !one.choice.feed || !one.choice.source) continue;
      settle(one);
      one.asking = true;
      one.problem = "";
      drawn();
      try {
        one.findings = await ask("preview", { id: flow.id, file: one.file, choices: choices() }, both);
      } catch (error) {
        one.asking = false;
        if (both.aborted) return;
        if (error.status === 404) return gone();
        one.problem = error.message;
      }
      one.asking = false;
      drawn();
      if (one === flow.at && one.findings && !one.findings.whole && one.size <= COUNTED_BYTES) count(one);
    }
  }

  async function count(one) {
    counting?.abort();
    const mine = (counting = new AbortController());
    const both = AbortSignal.any([signal, mine.signal]);
    one.counting = { rows: 0 };
    drawn();
    try {
      one.findings = await askUntilDone("count", { id: flow.id, file: one.file, choices: choices() }, both, ({ rows }) => {
        one.counting = { rows };
        drawn();
      });
    } catch (error) {
      if (!both.aborted) one.problem = error.message;
    }
    one.counting = null;
    if (!signal.aborted) drawn();
  }

  function gone() {
    flow.files = [];
    flow.id = "";
    flow.at = null;
    flow.problem = t("upload.gone");
    drawn();
  }

  async function startAgain() {
    asking?.abort();
    counting?.abort();
    if (flow.id && !flow.results) ask("discard", { id: flow.id }, signal).catch(() => null);
    setView({ drop: null });
    flow.id = "";
    flow.files = [];
    flow.at = null;
    flow.results = null;
    flow.problem = "";
    drawn();
    await begin();
  }

  async function commit() {
    const some = flow.files.filter(ready);
    asking?.abort();
    counting?.abort();
    flow.committing = { rows: 0, file: "" };
    drawn();
    try {
      const told = await askUntilDone("commit", { id: flow.id, choices: choices(some) }, signal, (found) => {
        flow.committing = found;
        moved();
      });
      flow.results = told.map((one) => ({ ...one, undone: null, sure: false }));
      flow.id = "";
      setView({ drop: null });
    } catch (error) {
      if (signal.aborted) return;
      flow.problem = error.message;
    }
    flow.committing = null;
    drawn();
  }

  async function undo(one, reason) {
    try {
      one.undone = await takeBack(one.revision, reason, signal);
      one.failed = "";
    } catch (error) {
      one.failed = error.message;
    }
    one.sure = false;
    drawn();
  }

  // -------------------- what is chosen

  function take(feed) {
    flow.at.choice = choiceOf(flow.at, feed);
    settle(flow.at);
    changed(true);
  }

  /** Files of one partner's system go under one source together; lists each under their own. */
  function fileUnder(source, agency, fresh) {
    const together = feedOf(flow.at.choice.feed)?.keys === "feed";
    for (const one of flow.files) {
      if (one !== flow.at && !(together && one.choice.feed === flow.at.choice.feed)) continue;
      one.choice = { ...one.choice, source, agency, fresh };
      one.findings = null;
    }
    changed(!fresh);
  }

  return Object.assign(flow, {
    begin, add, look, refresh, count, changed, commit, undo, startAgain, take, fileUnder, feedOf, known, ready, freeName,
  });
}
