// What was refused of one source: by reason, down to the row, which is mended where it stands and read again; and its payloads.

import { asking, result } from "./asking.mjs";
import { button, el, text } from "./dom.mjs";
import { dtg, number } from "./format.mjs";
import { lang, t } from "./i18n.mjs";
import { mappingPanel } from "./mending_mapping.mjs";
import { payloads } from "./mending_payloads.mjs";
import { outcome, rowEditor } from "./mending_row.mjs";
import { seenAs } from "./state.mjs";

/** Sends an act; what it answers, or an error that says why not. */
async function send(path, told, signal) {
  const answer = await fetch(`${path}?lang=${lang()}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(told),
    signal,
  });
  const found = await answer.json().catch(() => null);
  if (!answer.ok) throw new Error(found?.description ?? `HTTP ${answer.status}`);
  return found;
}

/** Fills `host` with what is known of `source`; `moved()` after something of it has changed. Returns {load}. */
export function mendingPanel(host, source, { signal, moved }) {
  const act = (path, told) => send(`/api/${path}`, told, signal);
  const read = async (path) => {
    const answer = await fetch(seenAs(path), { signal });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    return answer.json();
  };
  const said = result();
  let of = { batches: [], mapping: null, may: false };

  async function load() {
    if (!host.childElementCount) text(host, t("loading"));
    try {
      const about = `source=${encodeURIComponent(source.name)}`;
      const [found, told] = await Promise.all([read(`/api/quarantine?${about}`), read(`/api/batches?${about}`)]);
      of = told;
      draw(found.groups);
    } catch (error) {
      if (!signal.aborted) text(host, t("drawer.failed", { reason: error.message }));
    }
  }

  async function again() {
    moved();
    await load();
  }

  function draw(groups) {
    const tools = el("div", "cg-mend-tools");
    if (of.may && groups.length) {
      const file = el("a", "cg-action", t("mend.export"));
      file.href = `/api/quarantine/export?source=${encodeURIComponent(source.name)}`;
      file.setAttribute("download", "");
      const all = button("cg-action", t("mend.replay_all"));
      all.addEventListener("click", () => replayed(all, { source: source.name }, said));
      tools.append(all, file);
    }
    if (of.mapping?.feed === "table") tools.append(mappingPanel(of.mapping, { source, act, read, groups, said, again }));
    const listed = groups.length ? groups.map(group) : [el("p", "cg-empty", t("feeds.no_reasons"))];
    host.replaceChildren(tools, said.node, ...listed, payloads(of, { source, act, said, again }));
  }

  /** Reads again what `which` names and says what became of it; then everything is told anew. */
  async function replayed(control, which, line) {
    control.disabled = true;
    line.say(t("mend.reading"), "busy");
    try {
      const found = await act("quarantine/replay", which);
      line.say(outcome(found), found.rejected ? "refused" : "done");
      if (found.read > found.rejected || line !== said) await again();
    } catch (error) {
      line.say(error.message, "refused");
    } finally {
      control.disabled = false;
    }
  }

  function group(found) {
    const which = { source: found.source, feed: found.feed, reason: found.reason };
    const rows = el("div", "cg-mend-rows");
    const show = button("cg-link", t("mend.rows"));
    show.setAttribute("aria-expanded", "false");
    const feet = el("p", "cg-mend-feet cg-mend-group", show);
    if (of.may) {
      const replay = button("cg-link", t("mend.replay"));
      replay.addEventListener("click", () => replayed(replay, which, said));
      const away = async (why) => {
        const done = await act("quarantine/discard", { ...which, why });
        said.say(t("mend.discarded", { count: done.discarded, n: number(done.discarded) }));
        await again();
      };
      const foresee = async () => t("mend.discard_all", { count: found.count, n: number(found.count) });
      feet.append(replay, asking(t("mend.discard"), { foresee, why: t("mend.why"), act: away, said }));
    }
    show.addEventListener("click", async () => {
      const opening = !rows.childElementCount;
      show.setAttribute("aria-expanded", String(opening));
      text(show, t(opening ? "mend.rows_shut" : "mend.rows"));
      if (opening) await more(rows, which, 0);
      else rows.replaceChildren();
    });
    const node = el(
      "div",
      "cg-reason",
      el("b", "cg-reason-count", number(found.count)),
      el("p", "", found.reason),
      el("small", "", t("feeds.first_seen", { time: dtg(found.first_seen) })),
      found.example &&
        el(
          "div",
          "cg-reason-example",
          el("span", "", found.example.row ? t("feeds.row", { n: found.example.row }) : t("mend.whole")),
          el("pre", "", String(found.example.raw)),
        ),
      feet,
      rows,
    );
    return node;
  }

  async function more(host, which, after) {
    const query = new URLSearchParams({ ...which, after: String(after) });
    try {
      const found = await read(`/api/quarantine/rows?${query}`);
      for (const row of found.rows) host.append(rowEditor(row, { may: found.may, act, moved }));
      if (found.rows.length === 50) {
        const next = button("cg-link", t("mend.more"));
        next.addEventListener("click", () => {
          next.remove();
          more(host, which, found.rows.at(-1).id);
        });
        host.append(next);
      }
      if (!after) host.querySelector("[data-fault] .cg-input, textarea")?.focus();
    } catch (error) {
      if (!signal.aborted) host.append(el("p", "cg-empty", t("drawer.failed", { reason: error.message })));
    }
  }

  return { load };
}
