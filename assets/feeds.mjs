// One row a source: when it was tried, when it answered, what it last observed; and why rows were refused.

import { attr, button, el, keyed, part, parts, show, text } from "./dom.mjs";
import { age, dtg, number, time } from "./format.mjs";
import { t } from "./i18n.mjs";
import { mendingPanel } from "./mending.mjs";
import { outgoingList } from "./outgoing.mjs";
import { get } from "./state.mjs";
import { ailing, uncalled, urgency } from "./strip.mjs";
import { bring, takeDrops } from "./upload.mjs";

const TIMES = ["last_tried", "last_succeeded", "last_observed"];

export function feedsPanel(host, { now, signal, stale = () => {} }) {
  const summary = el("p", "cg-feeds-summary");
  const bringIn = el("a", "cg-action cg-feeds-bring", t("upload.bring"));
  bringIn.href = `/feeds/upload?${new URLSearchParams(["lang", "theme"].flatMap((key) => (get(key) ? [[key, get(key)]] : [])))}`;
  const head = el("div", "cg-feeds-head", el("h1", "", t("feeds.title")), summary, bringIn);
  takeDrops(host, bring, signal);
  const columns = el(
    "div",
    "cg-feed cg-feed-columns",
    ...["source", "state", "tried", "succeeded", "observed", "cadence", "accepted", "rejects"].map((name) =>
      el("span", `cg-feed-${name}`, t(`feeds.${name}`)),
    ),
  );
  columns.setAttribute("aria-hidden", "true");
  const list = el("div", "cg-feed-list");
  const outgoing = outgoingList();
  host.replaceChildren(head, columns, list, outgoing.host);
  let sources = [];

  function cell(name, label) {
    return el(
      "span",
      `cg-feed-cell cg-feed-${name}`,
      el("span", "cg-feed-label", label),
      part(name, "b"),
      part(`${name}_more`, "small"),
    );
  }

  function make() {
    const open = button("cg-feed-open", "", "");
    open.removeAttribute("aria-label");
    open.dataset.part = "open";
    const more = button("cg-feed-more", t("feeds.payloads"));
    more.dataset.part = "more";
    const accepted = cell("accepted", t("feeds.accepted"));
    accepted.append(more);
    const row = el(
      "div",
      "cg-feed",
      el("span", "cg-feed-cell cg-feed-source", part("title", "b"), part("title_more", "small")),
      el("span", "cg-feed-cell cg-feed-state", part("mark", "i", "cg-state"), part("state", "b")),
      cell("last_tried", t("feeds.tried")),
      cell("last_succeeded", t("feeds.succeeded")),
      cell("last_observed", t("feeds.observed")),
      cell("cadence", t("feeds.cadence")),
      accepted,
      el("span", "cg-feed-cell cg-feed-rejects", el("span", "cg-feed-label", t("feeds.rejects")), open),
    );
    const error = part("error", "p", "cg-feed-error");
    error.append(part("ailment", "b", "cg-ailment"), part("why", "span"));
    const node = el(
      "article",
      "cg-feed-item",
      row,
      error,
      part("reasons", "div", "cg-reasons"),
    );
    parts(node).reasons.hidden = true;
    for (const door of [open, more]) door.addEventListener("click", () => unfold(node));
    return node;
  }

  function moment(node, name, value) {
    const at = time(value);
    const known = Number.isFinite(at);
    text(parts(node)[name], known ? age((now() - at) / 1000) : t("age.never"));
    text(parts(node)[`${name}_more`], known ? dtg(at) : "");
    attr(parts(node)[name], "data-known", known ? null : "no");
  }

  function fill(node, source) {
    const at = parts(node);
    node.cgSource = source;
    attr(node, "data-state", source.state);
    attr(node, "data-cadence", uncalled(source) ? "none" : null);
    text(at.title, source.title);
    text(at.title_more, [source.feed, source.agency].filter(Boolean).join(" · "));
    attr(node, "data-ailment", source.ailment || null);
    text(at.state, t(uncalled(source) ? "state.heard" : `state.${source.state}`));
    for (const name of TIMES) moment(node, name, source[name]);
    text(
      at.cadence,
      source.expected_every_s ? t("feeds.every", { age: age(source.expected_every_s) }) : t("feeds.no_cadence"),
    );
    text(at.accepted, number(source.accepted));
    text(at.open, source.rejected ? t("feeds.rejected", { count: source.rejected }) : number(source.rejected));
    at.open.disabled = !source.rejected;
    show(at.more, source.accepted !== null && source.accepted > 0);
    show(at.error, Boolean(source.ailment));
    text(at.ailment, source.ailment ? t(`ailment.${source.ailment}`) : "");
    text(at.why, ailing(source));
  }

  async function unfold(node) {
    const { reasons, open, more } = parts(node);
    const opening = reasons.hidden;
    reasons.hidden = !opening;
    for (const door of [open, more]) attr(door, "aria-expanded", opening);
    if (!opening) return;
    reasons.replaceChildren();
    await mendingPanel(reasons, node.cgSource, { signal, moved: stale }).load();
  }

  /** The source after the # of the address, which the strip of another page leads to. */
  function follow() {
    const wanted = location.hash.slice(1);
    for (const node of list.children) {
      const here = encodeURIComponent(node.cgSource.name) === wanted;
      attr(node, "data-wanted", here);
      if (here) node.scrollIntoView({ block: "center" });
    }
  }
  window.addEventListener("hashchange", follow, { signal });

  return {
    update(status) {
      const first = !list.childElementCount;
      sources = status.sources.toSorted(
        (a, b) => urgency(a) - urgency(b) || a.title.localeCompare(b.title),
      );
      keyed(list, sources, (source) => source.name, make, fill);
      outgoing.update(status.outputs);
      const trouble = sources.filter((source) => source.state !== "fresh" || source.ailment).length;
      show(columns, sources.length > 0);
      text(summary, sources.length ? t("feeds.summary", { count: sources.length, trouble }) : t("feeds.none"));
      if (first) follow();
    },
    tick() {
      for (const node of list.children) for (const name of TIMES) moment(node, name, node.cgSource[name]);
    },
  };
}
