// Triage: stories of posts at the left, newest first; the chosen one at the right, with what is suggested, why, and what to do.

import { attr, button, el, keyed, part, parts, show, text } from "./dom.mjs";
import { age, dtg, number, time } from "./format.mjs";
import { lang, t } from "./i18n.mjs";
import { api, get, seenAs } from "./state.mjs";
import { judgingForm, percent, quotes } from "./triage_form.mjs";

const STATES = ["open", "promoted", "discarded"];
const TYPING = "input:not([type=radio]), textarea, select, [contenteditable]";
const UNDO_MS = 20_000;

export function triagePanel(host, { now, signal, read }) {
  const tabs = el("div", "cg-triage-tabs");
  tabs.setAttribute("role", "tablist");
  const edited = el("p", "cg-triage-edited");
  const notice = el("p", "cg-triage-notice");
  notice.setAttribute("role", "status");
  notice.hidden = true;
  const list = el("ol", "cg-triage-list");
  const empty = el("p", "cg-empty");
  const keys = el("p", "cg-triage-keys", ...keyHints());
  const side = el("section", "cg-triage-side");
  side.setAttribute("aria-label", t("triage.story"));
  const head = el("div", "cg-triage-head", el("h1", "", t("triage.title")), tabs, edited);
  host.replaceChildren(el("div", "cg-triage-main", head, notice, list, empty, keys), side);

  let state = STATES.includes(get("judged")) ? get("judged") : "open";
  let found = { stories: [], counts: {}, may: false, categories: [] };
  let chosen = null;
  let wanted = location.hash.slice(1); // the post that a record says it was made from
  let drawn = "";
  let form = null;
  let noticeTimer = 0;

  for (const name of STATES) {
    const tab = button("cg-triage-tab", "", "");
    tab.removeAttribute("aria-label");
    tab.append(el("span", "", t(`triage.state.${name}`)), part("count", "b"));
    tab.dataset.state = name;
    tab.setAttribute("role", "tab");
    tab.addEventListener("click", () => go(name));
    tabs.append(tab);
  }

  function go(name) {
    state = name;
    chosen = null;
    show(notice, false);
    return load().catch(failed);
  }

  async function load() {
    const at = found.stories.findIndex((one) => one.id === chosen);
    found = await read(api("/api/triage", { state, lang: lang() }, ["window", "from", "to"]));
    draw(Math.max(at, 0));
  }

  function draw(at) {
    for (const tab of tabs.children) {
      attr(tab, "aria-selected", String(tab.dataset.state === state));
      text(parts(tab).count, number(found.counts[tab.dataset.state] ?? 0));
    }
    show(text(edited, t("triage.edited.count", { count: found.edited })), found.edited > 0);
    keyed(list, found.stories, (one) => one.id, makeCard, fillCard);
    show(text(empty, t(`triage.none.${state}`)), !found.stories.length);
    show(keys, found.may && state === "open");
    const asked = wanted && found.stories.find((one) => one.posts.some(({ id }) => id === wanted));
    wanted = "";
    if (asked) return choose(asked, true);
    const still = found.stories.find((one) => one.id === chosen);
    if (!still && chosen) {
      // Another person was quicker: what is being typed is not taken away from under one's hands.
      say(t("triage.gone"), null, true);
      if (form?.dirty()) return null;
    }
    return choose(still ?? (narrow() ? null : found.stories[Math.min(at, found.stories.length - 1)]) ?? null, false);
  }

  const narrow = () => matchMedia("(max-width: 900px)").matches;

  function makeCard() {
    const open = el(
      "button",
      "cg-triage-card",
      el("span", "cg-triage-line", part("age", "b", "cg-triage-age"), part("outlets", "span", "cg-triage-outlets"), part("count", "span", "cg-triage-count")),
      part("text", "span", "cg-triage-text"),
      el("span", "cg-triage-line", part("topic", "span", "cg-triage-topic"), part("place", "span", "cg-triage-where"), part("flag", "span", "cg-triage-flag")),
    );
    open.type = "button";
    parts(open).text.dir = "auto";
    const node = el("li", "", open);
    open.addEventListener("click", () => choose(node.cgStory, true));
    return node;
  }

  function fillCard(node, story) {
    node.cgStory = story;
    const at = parts(node);
    const newest = story.posts.at(-1);
    text(at.text, newest.title && !newest.text.startsWith(newest.title.slice(0, 40)) ? `${newest.title}\n${newest.text}` : newest.text || newest.title);
    text(at.outlets, story.outlets.join(", "));
    show(text(at.count, t("triage.count", { count: story.count })), story.count > 1);
    const guess = story.guesses[0];
    text(at.topic, guess ? `${t(`topic.${guess.topic}`)} ${percent(guess.confidence)}` : t("triage.no_topic"));
    attr(at.topic, "data-idle", guess && !guess.relevant ? "" : null);
    attr(at.topic, "data-none", guess ? null : "");
    const place = story.places[0];
    text(at.place, place ? `${place.name} ${percent(place.confidence)}` : t("triage.no_place"));
    attr(at.place, "data-none", place ? null : "");
    const flag = story.posts.some((one) => one.edited) ? "edited" : story.since ? "since" : story.hedges.length ? "hedged" : "";
    show(text(at.flag, flag ? t(`triage.flag.${flag}`, { count: story.since }) : ""), Boolean(flag));
    attr(at.flag, "data-flag", flag || null);
    attr(node, "data-chosen", story.id === chosen ? "" : null);
    ageOf(node);
  }

  function ageOf(node) {
    const at = time(node.cgStory.posts.at(-1).at);
    text(parts(node).age, Number.isFinite(at) ? age((now() - at) / 1000) : t("triage.no_time"));
  }

  /** Shows a story; one that says what it said before keeps what is being typed. */
  function choose(story, byHand) {
    chosen = story?.id ?? null;
    for (const node of list.children) {
      const here = node.cgStory.id === chosen;
      attr(node, "data-chosen", here ? "" : null);
      attr(node.firstChild, "aria-current", here ? "true" : null);
      if (here && byHand) node.scrollIntoView({ block: "nearest" });
    }
    attr(host, "data-open", story && byHand ? "" : narrow() ? host.hasAttribute("data-open") && story ? "" : null : null);
    const told = JSON.stringify([story, found.may]);
    if (told === drawn) return;
    drawn = told;
    form = null;
    if (!story) return side.replaceChildren(el("p", "cg-empty", t(`triage.none.${state}`)));
    side.replaceChildren(...storyNodes(story));
    side.scrollTop = 0;
  }

  function storyNodes(story) {
    const back = button("cg-action cg-triage-back", t("triage.back"));
    back.addEventListener("click", () => {
      host.removeAttribute("data-open");
      chosen = null;
    });
    const listed = el("ol", "cg-triage-posts", ...story.posts.map((post) => postNode(post, story)).reverse());
    const nodes = [back, listed];
    if (story.count > story.posts.length) nodes.push(el("p", "cg-drawer-note", t("triage.older", { count: story.count - story.posts.length })));
    if (story.hedges.length) nodes.push(el("p", "cg-triage-hedge", t("triage.hedged"), " ", ...quotes(story.hedges)));
    if (story.state !== "open") return [...nodes, verdictNode(story)];
    form = judgingForm(story, found, { read, signal, promote, discard });
    return [...nodes, form.node];
  }

  function postNode(post, story) {
    const at = time(post.at);
    const link = safe(post.link);
    const words = el("p", "cg-triage-words", post.text);
    const title = post.title && !post.text.startsWith(post.title.slice(0, 40)) ? el("p", "cg-triage-title", post.title) : null;
    for (const node of [words, title]) if (node) node.dir = "auto";
    const own = story.count > 1 || post.apart ? button("cg-action", t(post.apart ? "triage.together" : "triage.apart")) : null;
    own?.addEventListener("click", () => act("apart", { posts: told([post]), apart: !post.apart }, t("triage.done.apart")));
    return el(
      "li",
      "cg-triage-post",
      el(
        "p",
        "cg-triage-line",
        el("b", "", post.outlet || t("triage.no_outlet")),
        el("bdi", "", Number.isFinite(at) ? dtg(at) : t("triage.no_time")),
        post.language ? el("span", "cg-badge", post.language) : null,
        post.exercise ? el("span", "cg-badge", t("exercise")) : null,
        post.edited ? el("span", "cg-badge cg-triage-warn", t("triage.flag.edited")) : null,
        post.media.length ? el("span", "", t("triage.media", { count: post.media.length })) : null,
      ),
      title,
      post.text ? words : null,
      el("p", "cg-triage-line", link, found.may && story.state === "open" ? own : null),
    );
  }

  function verdictNode(story) {
    const { by, at, reason, made } = story.verdict ?? {};
    const record = made ? el("a", "cg-action", t("triage.made", { title: made.title })) : null;
    if (record) record.href = `/?record=${made.id}`;
    const back = button("cg-action", t("triage.reopen"));
    back.addEventListener("click", () => act("reopen", { posts: told(story.posts) }, t("triage.done.reopen")));
    return el(
      "div",
      "cg-triage-verdict",
      el("p", "", t(`triage.was.${story.state}`, { by: by ?? "", time: at ? dtg(at) : "" })),
      reason ? el("p", "", reason) : null,
      story.since ? el("p", "", t("triage.flag.since", { count: story.since })) : null,
      record,
      found.may ? back : null,
    );
  }

  const told = (posts) => posts.map(({ id, revision, judged }) => ({ id, revision, judged }));

  const promote = (story, chosenParts) => act("promote", { posts: told(story.posts), ...chosenParts }, t("triage.done.promote"), true);
  const discard = (story, reason) => act("discard", { posts: told(story.posts), reason }, t("triage.done.discard", { reason }), true);

  /** Does it; what another did first is said, and the queue is read anew either way. */
  async function act(name, body, done, onward = false) {
    const next = onward ? neighbour(1) : chosen;
    const ids = new Set(body.posts.map(({ id }) => id));
    try {
      const answer = await fetch(`/api/triage/${name}?lang=${lang()}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
        signal,
      });
      const said = await answer.json().catch(() => ({}));
      if (!answer.ok) throw new Error(said.description ?? `HTTP ${answer.status}`);
      const undo = onward ? button("cg-action", t("triage.undo")) : null;
      undo?.addEventListener("click", () => takeBack(ids, name === "promote" ? "promoted" : "discarded"));
      say(done, undo);
      host.removeAttribute("data-open");
      chosen = next;
    } catch (error) {
      if (signal.aborted) return;
      say(error.message, null, true);
    }
    drawn = "";
    await load().catch(failed);
  }

  async function takeBack(ids, from) {
    const there = await read(api("/api/triage", { state: from }, ["window", "from", "to"]));
    const story = there.stories.find((one) => one.posts.some(({ id }) => ids.has(id)));
    if (story) await act("reopen", { posts: told(story.posts) }, t("triage.done.reopen"));
  }

  function failed(error) {
    if (!signal.aborted) say(error.message, null, true);
  }

  function say(words, more = null, bad = false) {
    clearTimeout(noticeTimer);
    notice.replaceChildren(el("span", "", words), ...(more ? [more] : []));
    attr(notice, "data-bad", bad ? "" : null);
    show(notice, true);
    if (!bad) noticeTimer = setTimeout(() => show(notice, false), UNDO_MS);
  }

  function neighbour(step) {
    const at = found.stories.findIndex((one) => one.id === chosen);
    const to = found.stories[at + step] ?? found.stories[at - step];
    return to && at >= 0 ? to.id : (found.stories[0]?.id ?? null);
  }

  function move(step) {
    const at = found.stories.findIndex((one) => one.id === chosen);
    const to = found.stories[Math.min(Math.max(at + step, 0), found.stories.length - 1)];
    if (to) choose(to, true);
  }

  document.addEventListener(
    "keydown",
    (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(TYPING)) return;
      const does = {
        j: () => move(1),
        k: () => move(-1),
        p: () => form?.promote(),
        d: () => form?.discard(),
        e: () => form?.edit(),
        o: () => side.querySelector(".cg-triage-link")?.click(),
        u: () => notice.querySelector("button")?.click(),
      }[event.key];
      if (!does) return;
      event.preventDefault();
      does();
    },
    { signal },
  );
  signal.addEventListener("abort", () => clearTimeout(noticeTimer));

  return {
    load,
    tick() {
      for (const node of list.children) ageOf(node);
    },
    get open() {
      return host.hasAttribute("data-open");
    },
    shut: () => host.removeAttribute("data-open"),
  };
}

/** A link to where it was published, for addresses of the web alone; the page there learns nothing of this one. */
function safe(address) {
  if (!/^https?:\/\//.test(address ?? "")) return null;
  const link = el("a", "cg-action cg-triage-link", t("triage.source"));
  link.href = address;
  link.target = "_blank";
  link.rel = "noopener noreferrer nofollow";
  link.title = address;
  return link;
}

function keyHints() {
  return ["j", "k", "p", "d", "e", "u"].flatMap((key) => [el("kbd", "", key), ` ${t(`triage.key.${key}`)}  `]);
}

/** How many stories wait, for the head of every page; null where it is not this viewer's to judge. */
export async function waiting(read) {
  const { waiting: count, may } = await read(seenAs("/api/triage/waiting"));
  return may ? count : null;
}
