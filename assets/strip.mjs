// The strip at the foot: each source with the age of what it last observed, in a word, a shape and a colour.

import { attr, button, el, keyed, part, parts, show, text } from "./dom.mjs";
import { age, dtg, number, time } from "./format.mjs";
import { t } from "./i18n.mjs";
import { explain } from "./tip.mjs";

const URGENCY = { failed: 0, stale: 1, late: 2, never: 3, fresh: 4 };

/** A source that was heard, and nobody said how often it comes: it is not "on time" either. */
export function uncalled(source) {
  return source.state === "fresh" && !source.expected_every_s && !source.ailment;
}

/** `0410Z` today, the whole date-time group before that. */
export function since(moment) {
  if (!moment) return "";
  return Date.now() - time(moment) < 86_400_000 ? dtg(moment).slice(2, 7) : dtg(moment);
}

/** How urgent a source is: what it sends may be rubbish though it comes on time. */
export function urgency(source) {
  return Math.min(URGENCY[source.state] ?? 3, source.ailment === "rubbish" ? 1 : source.ailment ? 2 : 9);
}

/** Words of another direction within a sentence: kept together, so that neither turns the other about. */
const apart = (words) => (document.documentElement.dir === "rtl" ? `\u2068${words}\u2069` : words);

/** What ails a source, in one sentence with its numbers and since when; empty where nothing does. */
export function ailing(source) {
  if (!source.ailment) return "";
  return t(`ailing.${source.cause}`, {
    since: apart(dtg(source.ailing_since)),
    error: apart((source.last_error || t("ailing.unsaid")).replace(/\.$/, "")),
    every: age(source.expected_every_s),
    gap: age(source.gap_s),
    observed: dtg(source.last_observed),
    rejected: number(source.recent_rejected),
    rows: number(source.recent_rows),
    payloads: number(source.recent_payloads),
  });
}

/** What is said beside the age of a source. */
function state(source, short) {
  if (source.ailment === "rubbish") return t("strip.rubbish", { time: since(source.ailing_since) });
  if (source.ailment === "slow" && source.state === "fresh") return t("strip.slow");
  if (source.state === "failed")
    return t("strip.failed", { time: since(source.failing_since ?? source.last_succeeded) });
  if (source.state === "late" || source.state === "stale") {
    const word = t(`strip.${source.state}`);
    return short ? word : `${word} · ${t("strip.expected", { every: age(source.expected_every_s) })}`;
  }
  if (source.state === "fresh" && source.expected_every_s && source.expected_every_s < 30) return t("strip.live");
  return uncalled(source) ? t("feeds.no_cadence") : t(`strip.${source.state}`);
}

function tell(source, now) {
  const line = (key, value) =>
    `${t(key)}: ${value ? `${dtg(value)} · ${age((now - time(value)) / 1000)}` : t("age.never")}`;
  return [
    `${source.title} · ${source.agency}`,
    line("feeds.tried", source.last_tried),
    line("feeds.succeeded", source.last_succeeded),
    line("feeds.observed", source.last_observed),
    source.ailment ? `${t(`ailment.${source.ailment}`)}: ${ailing(source)}` : "",
    source.rejected ? t("feeds.rejected", { count: source.rejected }) : "",
  ]
    .filter(Boolean)
    .join("\n");
}

export function freshnessStrip(host, { now, wall = false }) {
  host.setAttribute("role", "region");
  host.setAttribute("aria-label", t("strip.region"));
  const row = el("div", "cg-sources");
  const more = part("more", "span", "cg-sources-more");
  const link = el("span", "cg-link-state");
  link.setAttribute("role", "status");
  host.replaceChildren(row, more, link);
  let sources = [];

  function make() {
    const node = wall ? el("span", "cg-source") : button("cg-source", "", "");
    node.append(
      part("mark", "i", "cg-state"),
      part("name", "span", "cg-source-name"),
      part("age", "b", "cg-age"),
      part("word", "span", "cg-source-word"),
    );
    if (!wall) {
      node.removeAttribute("aria-label");
      node.addEventListener("click", () =>
        location.assign(`/feeds${location.search}#${encodeURIComponent(node.cgSource.name)}`),
      );
      explain(node, () => tell(node.cgSource, now()));
    }
    return node;
  }

  function fill(node, source) {
    const at = parts(node);
    node.cgSource = source;
    attr(node, "data-state", source.ailment && source.state === "fresh" ? "late" : source.state);
    attr(node, "data-ailment", source.ailment || null);
    attr(node, "data-cadence", uncalled(source) ? "none" : null);
    text(at.name, source.title);
    const known = source.last_observed ?? source.last_succeeded;
    text(at.age, source.state === "failed" || !known ? "" : age((now() - time(known)) / 1000));
    text(at.word, state(source, wall));
  }

  /** Sources that do not fit become two numbers, of those on time and those not; trouble goes last. */
  function fold() {
    const nodes = [...row.children];
    for (const node of nodes) node.hidden = false;
    show(text(more, t("feeds.none")), !nodes.length);
    const hidden = [];
    for (let i = nodes.length - 1; i >= 0 && row.scrollWidth > row.clientWidth + 1; i--) {
      nodes[i].hidden = true;
      hidden.push(nodes[i].cgSource.ailment ? "late" : nodes[i].cgSource.state);
      show(text(more, remainder(hidden)), true);
    }
  }

  function remainder(states) {
    const late = states.filter((known) => known !== "fresh").length;
    const fresh = states.length - late;
    return [late && t("strip.more_late", { count: late }), fresh && t("strip.more", { count: fresh })]
      .filter(Boolean)
      .join(" · ");
  }

  function update(status) {
    sources = status.sources;
    const sorted = [...sources].sort((a, b) => urgency(a) - urgency(b));
    keyed(row, sorted, (source) => source.name, make, fill);
    fold();
  }

  let folded = 0;
  document.fonts.ready.then(fold);
  return {
    update,
    tick() {
      for (const node of row.children) fill(node, node.cgSource);
      if (folded !== host.clientWidth) {
        folded = host.clientWidth;
        fold();
      }
    },
    /** Says how the line to the server is. */
    link({ state: line, last_heard }) {
      attr(link, "data-link", line);
      text(link, line === "ok" ? "" : t(`link.${line}`, { time: dtg(last_heard) }));
    },
  };
}
