// Acting on a record: where it stands, who has it, what was done; take notice, assign, set a time, comment, close, reopen.
// `handlingPart` is a part of the drawer, `handlingBadge` a word of it for a row of a list.

import { attr, button, el, show, text } from "./dom.mjs";
import { age, dtg, time } from "./format.mjs";
import { lang, t } from "./i18n.mjs";
import { seenAs, visit } from "./state.mjs";

export const HANDLED = ["incidents", "alerts", "reports"];
const NEWS = ["incident_handlings", "alert_handlings", "report_handlings", "links"];

/** Posts one act; throws with the server's sentence where it is refused. */
export async function post(path, told, signal) {
  const answer = await fetch(`${path}?lang=${lang()}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(told),
    signal,
  });
  const said = await answer.json().catch(() => null);
  if (!answer.ok) throw new Error(said?.description ?? `HTTP ${answer.status}`);
  return said;
}

/** Public id -> {state, who, overdue} of everything that is or was in somebody's hands. */
export async function handlingStates(read) {
  return (await read(seenAs("/api/watch/states"))).states;
}

/** How much is overdue, for the head of every page. */
export async function overdue(read) {
  return (await read(seenAs("/api/watch/count"))).overdue;
}

/** Whether news of these kinds may have changed what lies with the watch; null: any may. */
export const moves = (kinds) => !kinds || [...HANDLED, ...NEWS].some((kind) => kinds.includes(kind));

/** A word for a row: overdue, with whom, closed; null where nobody is asked for anything. */
export function handlingBadge(stands) {
  if (!stands) return null;
  const state = stands.overdue ? "overdue" : stands.state;
  const node = el("span", "cg-hand-badge", [t(`watch.state.${state}`), stands.state === "closed" ? "" : stands.who].filter(Boolean).join(" · "));
  node.dataset.state = state;
  return node;
}

/** "overdue by 2 h", "within 12 min", or nothing. */
export function deadlineWords(stands, now) {
  const at = time(stands.deadline);
  if (!Number.isFinite(at)) return "";
  const left = (at - now()) / 1000;
  return left <= 0 ? t("watch.overdue_by", { age: age(-left) }) : t("watch.within", { age: age(left) });
}

/** The part of the drawer for a record of an id; fills itself and stays true while it is on the page. */
export function handlingPart(id, { now, signal }) {
  const state = el("p", "cg-hand-state");
  const said = el("p", "cg-hand-said");
  said.setAttribute("role", "status");
  show(said, false);
  const tools = el("div", "cg-hand-tools");
  const form = el("div", "cg-hand-form");
  const acts = el("ol", "cg-hand-acts");
  const same = el("section", "cg-hand-same");
  const node = el("section", "cg-hand", el("h3", "", t("watch.handling")), state, said, tools, form, acts, same);
  let found = null;
  let drawn = "";

  async function load() {
    const answer = await fetch(seenAs(`/api/watch/records/${encodeURIComponent(id)}`), { signal });
    if (!answer.ok) return show(node, false);
    found = await answer.json();
    return draw();
  }

  function draw() {
    const told = JSON.stringify(found);
    if (told === drawn) return;
    drawn = told;
    const { stands, may } = found;
    state.replaceChildren(...stateNodes(stands));
    attr(state, "data-overdue", stands?.overdue ? "" : null);
    tools.replaceChildren(...(may ? toolNodes(stands?.state ?? "open") : []));
    if (found.warns) tools.append(warnLink());
    acts.replaceChildren(...found.acts.toReversed().map(actNode));
    show(same, Boolean(found.linked));
    same.replaceChildren(...(found.linked ? sameNodes(found.linked) : []));
  }

  function stateNodes(stands) {
    if (!stands) return [el("span", "cg-unknown", t("watch.nobody"))];
    return [
      handlingBadge(stands),
      el("span", "", deadlineWords(stands, now)),
      stands.rule ? el("small", "", t("watch.by_rule", { rule: stands.rule, level: stands.level + 1 })) : null,
    ].filter((one) => one?.textContent);
  }

  function toolNodes(is) {
    const tool = (act, go) => {
      const made = button("cg-action", t(`watch.do.${act}`));
      made.dataset.act = act;
      made.addEventListener("click", go);
      return made;
    };
    const asks = (act, make) => tool(act, () => openForm(act, make));
    if (is === "closed") return [tool("reopen", () => act("reopen", {})), asks("comment", words)];
    return [
      is === "open" ? tool("acknowledge", () => act("acknowledge", {})) : null,
      asks("assign", people),
      asks("due", moment),
      asks("comment", words),
      asks("close", words),
    ].filter(Boolean);
  }

  function warnLink() {
    const link = el("a", "cg-link", t("watch.warn"));
    link.href = `/alerts?${new URLSearchParams({ about: id, lang: lang() })}`;
    return link;
  }

  function words() {
    const input = el("textarea", "cg-input");
    input.rows = 2;
    input.maxLength = 2000;
    input.required = true;
    return { input, told: () => ({ comment: input.value }) };
  }

  function people() {
    const input = el("input", "cg-input");
    const offered = el("datalist");
    offered.id = "cg-hand-people";
    offered.append(...found.choices.map((name) => Object.assign(el("option"), { value: name })));
    input.setAttribute("list", offered.id);
    input.maxLength = 80;
    input.autocomplete = "off";
    input.value = found.stands?.assignee ?? "";
    return { input, more: offered, told: () => ({ assignee: input.value }) };
  }

  function moment() {
    const input = el("input", "cg-input");
    input.type = "datetime-local";
    input.value = (found.stands?.due ?? new Date(now() + 3_600_000).toISOString()).slice(0, 16);
    return { input, told: () => ({ due: input.value ? `${input.value}Z` : "" }) };
  }

  function openForm(name, make) {
    const { input, more, told } = make();
    const go = button("cg-action", t(`watch.do.${name}`));
    go.type = "submit";
    const leave = button("cg-link", t("admin.cancel"));
    const label = el("label", "cg-hand-label", el("span", "", t(`watch.ask.${name}`)), input);
    const made = el("form", "", label, ...(more ? [more] : []), el("span", "cg-hand-feet", go, leave));
    const shut = () => {
      form.replaceChildren();
      tools.querySelector(`[data-act="${name}"]`)?.focus();
    };
    leave.addEventListener("click", shut);
    made.addEventListener("keydown", (event) => event.key === "Escape" && (event.stopPropagation(), shut()));
    made.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (await act(name, told())) shut();
    });
    form.replaceChildren(made);
    input.focus();
  }

  async function act(name, told) {
    node.setAttribute("aria-busy", "true");
    try {
      await post("/api/watch/handle", { id, act: name, looked_at: found.revision, ...told }, signal);
      say(t(`watch.done.${name}`));
      await load();
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      say(error.message, true);
      await load().catch(() => null);
      return false;
    } finally {
      node.removeAttribute("aria-busy");
    }
  }

  function say(sentence, bad = false) {
    text(said, sentence);
    attr(said, "data-bad", bad ? "" : null);
    show(said, true);
  }

  window.addEventListener(
    "cg:revision",
    ({ detail }) => node.isConnected && NEWS.some((kind) => detail?.kinds?.includes(kind)) && load().catch(() => null),
    { signal },
  );
  load().catch(() => null);
  return node;
}

/** One act as a line: who, when, what, and what they wrote. */
export function actNode(one) {
  const what = [
    t(`watch.did.${one.act}`, { to: one.assignee || t("watch.nobody"), time: one.due ? dtg(one.due) : t("watch.no_due") }),
    one.by,
  ];
  return el(
    "li",
    "",
    el("span", "cg-hand-head", el("bdi", "", dtg(one.at)), el("b", "", what.join(" · "))),
    one.comment ? Object.assign(el("p", "cg-hand-comment", one.comment), { dir: "auto" }) : null,
  );
}

/** The reports of one event: each with its own figures, and the range of what they tell of the dead. */
function sameNodes({ reports, fatalities, untold }) {
  const range = fatalities ? (fatalities[0] === fatalities[1] ? `${fatalities[0]}` : `${fatalities[0]}–${fatalities[1]}`) : t("unknown");
  return [
    el("h3", "", t("same.one_event", { count: reports.length })),
    el("p", "", t("same.fatalities", { range }), untold ? ` ${t("same.untold", { count: untold })}` : ""),
    el(
      "ol",
      "cg-list",
      ...reports.map((one) => {
        const open = button("cg-hand-report", "", "");
        open.removeAttribute("aria-label");
        open.append(el("b", "", one.agency || one.source), el("span", "", one.title), el("bdi", "", one.fatalities ?? "—"));
        open.addEventListener("click", () => visit({ record: one.id }));
        return el("li", "", open);
      }),
    ),
  ];
}
