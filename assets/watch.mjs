// The watch: four parts of one page. What lies with whom, the log, handover, and reports that may be of one event.

import { attr, button, el, keyed, part, parts, show, text } from "./dom.mjs";
import { age, dtg, number, severityOf, severityWord, time } from "./format.mjs";
import { t } from "./i18n.mjs";
import { actNode, deadlineWords, handlingBadge, post } from "./handling.mjs";
import { get, seenAs, setView, visit } from "./state.mjs";
import { handoverPart } from "./watch_handover.mjs";
import { samePart } from "./watch_same.mjs";

const PARTS = ["open", "log", "handover", "same"];
const WHOSE = ["all", "mine", "overdue"];

export function watchPanel(host, { now, signal, read }) {
  const tabs = el("div", "cg-watch-tabs");
  tabs.setAttribute("role", "tablist");
  const body = el("div", "cg-watch-body");
  const notice = el("p", "cg-watch-notice");
  notice.setAttribute("role", "status");
  show(notice, false);
  host.replaceChildren(el("div", "cg-watch-head", el("h1", "", t("watch.title")), tabs), notice, body);

  const made = {
    open: openPart,
    log: logPart,
    handover: handoverPart,
    same: samePart,
  };
  const shown = {};
  const chosen = () => (PARTS.includes(get("part")) ? get("part") : "open");

  for (const name of PARTS) {
    const tab = button("cg-watch-tab", "", "");
    tab.removeAttribute("aria-label");
    tab.append(el("span", "", t(`watch.part.${name}`)), part("count", "b", "cg-nav-count"));
    tab.dataset.part_name = name;
    show(parts(tab).count, false);
    tab.setAttribute("role", "tab");
    tab.addEventListener("click", () => {
      setView({ part: name === "open" ? null : name, record: null });
      load().catch(failed);
    });
    tabs.append(tab);
  }

  function say(words, bad = false) {
    text(notice, words);
    attr(notice, "data-bad", bad ? "" : null);
    show(notice, Boolean(words));
  }

  function failed(error) {
    if (!signal.aborted) say(error.message, true);
  }

  /** Does one act; what another did first is said, and the part is read anew either way. */
  async function act(path, told, done) {
    try {
      await post(path, told, signal);
      say(done);
    } catch (error) {
      if (signal.aborted) return;
      say(error.message, true);
    }
    await load().catch(failed);
  }

  const tools = { now, signal, read, act, say, count };

  function count(name, value) {
    const tab = [...tabs.children].find((one) => one.dataset.part_name === name);
    show(text(parts(tab).count, value ? number(value) : ""), Boolean(value));
  }

  async function load() {
    const name = chosen();
    for (const tab of tabs.children) attr(tab, "aria-selected", String(tab.dataset.part_name === name));
    shown[name] ??= made[name](tools);
    if (body.firstElementChild !== shown[name].node) body.replaceChildren(shown[name].node);
    await shown[name].load();
  }

  return {
    load,
    tick() {
      shown[chosen()]?.tick?.();
    },
  };
}

/** What lies with somebody: overdue first, one line each, the first act within reach. */
function openPart({ now, read, act, count }) {
  const filter = el("div", "cg-watch-filter");
  const summary = el("p", "cg-watch-summary");
  const list = el("ol", "cg-watch-list");
  const empty = el("p", "cg-empty");
  const matrix = el("details", "cg-watch-matrix");
  const node = el("div", "cg-watch-open", el("div", "cg-watch-bar", summary, filter), list, empty, matrix);
  let found = { items: [], counts: {}, matrix: [] };
  let whose = "all";

  for (const name of WHOSE) {
    const choice = button("cg-watch-choice", t(`watch.whose.${name}`));
    choice.dataset.whose = name;
    choice.addEventListener("click", () => {
      whose = name;
      draw();
    });
    filter.append(choice);
  }

  async function load() {
    found = await read(seenAs("/api/watch"));
    draw();
  }

  function draw() {
    for (const choice of filter.children) attr(choice, "aria-pressed", String(choice.dataset.whose === whose));
    const items = found.items.filter((one) => whose === "all" || (whose === "mine" ? one.mine : one.overdue));
    text(summary, t("watch.summary", { open: number(found.counts.open ?? 0), overdue: number(found.counts.overdue ?? 0) }));
    count("open", found.counts.overdue);
    keyed(list, items, (one) => one.id, make, fill);
    show(text(empty, t(found.matrix.length ? `watch.none.${whose}` : "watch.none.matrix")), !items.length);
    show(matrix, found.matrix.length > 0);
    matrix.replaceChildren(
      el("summary", "", t("watch.matrix")),
      el("p", "", t("watch.matrix.about")),
      ...found.matrix.map((rule) =>
        el(
          "p",
          "cg-watch-rule",
          el("b", "", rule.name),
          ` ${rule.levels.map((level) => t("watch.level", { who: level.who, age: age(level.within_min * 60) })).join(" → ")}`,
        ),
      ),
    );
  }

  function make() {
    const open = button("cg-watch-title", "", "");
    open.removeAttribute("aria-label");
    const row = el(
      "li",
      "cg-watch-row",
      part("mark", "i", "cg-sev"),
      el("span", "cg-watch-what", open, part("place", "small")),
      part("state", "span", "cg-watch-state"),
      part("deadline", "span", "cg-watch-deadline"),
      part("does", "span", "cg-watch-does"),
    );
    open.dataset.part = "title";
    open.addEventListener("click", () => visit({ record: row.cgItem.id }));
    return row;
  }

  function fill(row, one) {
    row.cgItem = one;
    const at = parts(row);
    at.mark.dataset.severity = severityOf(one.severity);
    at.mark.title = severityWord(one.severity);
    text(at.title, one.title);
    const when = time(one.event_time);
    text(at.place, [severityWord(one.severity), one.place, one.agency, Number.isFinite(when) ? dtg(when) : ""].filter(Boolean).join(" · "));
    attr(row, "data-overdue", one.overdue ? "" : null);
    at.state.replaceChildren(handlingBadge(one), ...(one.level ? [el("small", "", t("watch.passed", { count: one.level }))] : []));
    text(at.deadline, deadlineWords(one, now));
    const does = [];
    if (found.may && one.state === "open") {
      const ack = button("cg-action", t("watch.do.acknowledge"));
      ack.addEventListener("click", () =>
        act("/api/watch/handle", { id: one.id, act: "acknowledge", looked_at: one.revision }, t("watch.done.acknowledge")),
      );
      does.push(ack);
    }
    const told = JSON.stringify([found.may, one.state, one.revision]);
    if (row.cgDoes !== told) at.does.replaceChildren(...does);
    row.cgDoes = told;
  }

  return {
    node,
    load,
    tick() {
      for (const row of list.children) text(parts(row).deadline, deadlineWords(row.cgItem, now));
    },
  };
}

/** What was done and what befell, the newest first. */
function logPart({ read }) {
  const list = el("ol", "cg-watch-log");
  const note = el("p", "cg-watch-summary");
  const node = el("div", "", note, list);
  return {
    node,
    async load() {
      const since = get("since");
      const found = await read(seenAs(`/api/watch/log${since ? `?since=${encodeURIComponent(since)}` : ""}`));
      text(note, t("watch.log.since", { time: dtg(found.since), count: found.total }));
      list.replaceChildren(...(found.entries.length ? found.entries.map(entry) : [el("li", "cg-empty", t("watch.log.none"))]));
    },
  };
}

/** One line of the log; leads to the record it is about. */
export function entry(one) {
  const about = one.about ? button("cg-link", one.title || one.about) : one.title ? el("span", "", one.title) : null;
  if (one.about) about.addEventListener("click", () => visit({ record: one.about }));
  const node = one.act
    ? actNode(one)
    : el(
        "li",
        "",
        el("span", "cg-hand-head", el("bdi", "", dtg(one.at)), el("b", "", [t(`watch.log.${one.what}`), one.by || one.agency].filter(Boolean).join(" · "))),
        one.comment && one.what !== "source" ? Object.assign(el("p", "cg-hand-comment", one.comment), { dir: "auto" }) : null,
      );
  node.dataset.what = one.what;
  if (about) node.querySelector(".cg-hand-head").append(about);
  return node;
}
