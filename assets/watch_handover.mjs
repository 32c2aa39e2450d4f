// Handover: what has changed since a watch began, the note of whoever goes, signed by both; and a page of it on paper.

import { button, el, text } from "./dom.mjs";
import { dtg, number, severityOf, severityWord } from "./format.mjs";
import { t } from "./i18n.mjs";
import { actNode, deadlineWords, handlingBadge } from "./handling.mjs";
import { get, seenAs, setView, visit } from "./state.mjs";

export function handoverPart({ now, read, act }) {
  const since = el("input", "cg-input");
  since.type = "datetime-local";
  const label = el("label", "cg-watch-since", el("span", "", t("handover.since")), since);
  const print = button("cg-action", t("handover.print"));
  print.addEventListener("click", () => window.print());
  const span = el("p", "cg-watch-summary");
  const told = el("div", "cg-watch-told");
  const note = el("textarea", "cg-input");
  note.rows = 4;
  note.maxLength = 4000;
  note.required = true;
  const give = button("cg-action", t("handover.give"));
  give.type = "submit";
  const form = el("form", "cg-watch-give", el("label", "cg-hand-label", el("span", "", t("handover.note")), note), el("p", "", t("handover.signs")), give);
  const notes = el("ol", "cg-watch-notes");
  const node = el(
    "div",
    "cg-watch-handover",
    el("div", "cg-watch-bar", span, label, print),
    el("div", "cg-watch-two", told, el("aside", "", el("h2", "", t("handover.notes")), form, notes)),
  );
  let found = null;

  since.addEventListener("change", () => {
    setView({ since: since.value ? `${since.value}Z` : null });
    load();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    await act("/api/watch/handover/give", { note: note.value, since: found.since }, t("handover.given"));
    if (found.notes.some((one) => one.note === note.value.trim())) note.value = "";
  });

  async function load() {
    const asked = get("since");
    found = await read(seenAs(`/api/watch/handover${asked ? `?since=${encodeURIComponent(asked)}` : ""}`));
    if (document.activeElement !== since) since.value = found.since.slice(0, 16);
    text(span, t("handover.span", { mission: found.mission, since: dtg(found.since), until: dtg(found.until) }));
    form.hidden = !found.may;
    told.replaceChildren(...sections());
    notes.replaceChildren(...(found.notes.length ? found.notes.map(noteNode) : [el("li", "cg-empty", t("handover.no_notes"))]));
  }

  function sections() {
    const { new: fresh, warnings, acts, counts, sources } = found;
    const figure = (value, words) => el("div", "cg-watch-figure", el("b", "", number(value)), el("span", "", words));
    return [
      el(
        "div",
        "cg-watch-figures",
        figure(fresh.events, t("handover.new")),
        figure(fresh.critical, t("handover.critical")),
        figure(acts.listed.length ? Object.values(acts.counts).reduce((sum, one) => sum + one, 0) : 0, t("handover.acts")),
        figure(counts.open, t("handover.open")),
        figure(counts.overdue, t("handover.overdue")),
        figure(sources.length, t("handover.sources")),
        figure(warnings.issued.length, t("handover.issued")),
      ),
      fresh.reports > fresh.events
        ? el("p", "", t("same.once", { events: number(fresh.events), reports: number(fresh.reports), count: fresh.reports - fresh.events }))
        : null,
      fresh.late ? el("p", "cg-watch-quiet", t("handover.late", { count: fresh.late })) : null,
      section(t("handover.overdue_open"), found.open.map(openNode), t("watch.none.all")),
      section(t("handover.worst"), fresh.listed.map(recordNode), t("handover.none")),
      section(t("handover.done"), acts.listed.map((one) => linked(actNode(one), one)), t("watch.log.none")),
      section(
        t("handover.stopped"),
        sources.map((one) => el("li", "", el("b", "", one.title), ` ${t(`state.${one.state}`)} · ${dtg(one.since)}`)),
        t("handover.all_heard"),
      ),
      section(
        t("handover.warnings"),
        [
          ...warnings.issued.map((one) => el("li", "", el("bdi", "", dtg(one.at)), ` ${one.headline} · ${one.agency}`)),
          ...warnings.listed.map(recordNode),
        ],
        t("handover.none"),
      ),
    ].filter(Boolean);
  }

  const section = (title, nodes, none) =>
    el("section", "cg-watch-section", el("h2", "", title), nodes.length ? el("ol", "", ...nodes) : el("p", "cg-empty", none));

  function linked(node, one) {
    const open = button("cg-link", one.title);
    open.addEventListener("click", () => visit({ record: one.about }));
    node.querySelector(".cg-hand-head").append(open);
    return node;
  }

  function recordNode(one, more = null) {
    const mark = el("i", "cg-sev");
    mark.dataset.severity = severityOf(one.severity);
    mark.title = severityWord(one.severity);
    const open = button("cg-link", one.title);
    open.addEventListener("click", () => visit({ record: one.id }));
    const facts = [severityWord(one.severity), one.place, one.agency, one.event_time ? dtg(one.event_time) : ""].filter(Boolean).join(" · ");
    return el("li", "cg-watch-line", mark, open, el("small", "", facts), more instanceof Node ? more : null);
  }

  const openNode = (one) => recordNode(one, el("span", "cg-watch-state", handlingBadge(one), " ", deadlineWords(one, now)));

  function noteNode(one) {
    const signed = [t("handover.by", { by: one.given_by, time: dtg(one.at) })];
    signed.push(one.taken_by ? t("handover.taken", { by: one.taken_by, time: dtg(one.taken_at) }) : t("handover.waits"));
    const take = button("cg-action", t("handover.take"));
    take.addEventListener("click", () => act("/api/watch/handover/take", { id: one.id, looked_at: one.revision }, t("handover.taken_done")));
    const node = el(
      "li",
      "cg-watch-note",
      Object.assign(el("p", "cg-watch-words", one.note), { dir: "auto" }),
      el("small", "", signed.join(" · ")),
      !one.taken_by && found.may && one.given_by !== found.me ? take : null,
    );
    node.dataset.taken = String(Boolean(one.taken_by));
    return node;
  }

  return { node, load };
}
