// Community: how much was said, whether it is answered, where and about what it waits longest. A row narrows the page to it.

import { communityTrend } from "./community_trend.mjs";
import { attr, button, el, keyed, part, parts, show, text } from "./dom.mjs";
import { age, dtg, number, time } from "./format.mjs";
import { named, t } from "./i18n.mjs";
import { drawSpark, sparkLine } from "./spark.mjs";
import { api, get, setFilters, visit } from "./state.mjs";

const WINDOWS = ["7d", "28d", "90d", "1y", "all"];
const DEFAULT_WINDOW = "28d";
/** Share overdue from which a row stands out. */
const MANY = 0.25;
const LISTS = ["themes", "areas", "channels"];
/** Which part of the address each list narrows. */
const NARROWS = { themes: "category", areas: "area", channels: "channel" };
const percent = (share) => (share === null || share === undefined ? "" : number(share, { style: "percent", maximumFractionDigits: 0 }));

export function ownPage(host, { now, signal, read, sourceTitle }) {
  const within = part("within", "p", "cg-com-note");
  const period = el("select", "cg-com-pick", ...WINDOWS.map((name) => option(name, t(`window.${name}`))));
  period.setAttribute("aria-label", t("com.period"));
  period.addEventListener("change", () => setFilters({ window: period.value === DEFAULT_WINDOW ? null : period.value, from: null, to: null }));
  const area = el("select", "cg-com-pick");
  area.setAttribute("aria-label", t("com.area"));
  area.addEventListener("change", () => setFilters({ area: area.value || null }));
  const chips = el("div", "cg-com-chips");
  const head = el("div", "cg-com-head", el("h1", "", t("com.title")), period, area, chips, within);
  const figures = el("dl", "cg-com-figures");
  const lists = Object.fromEntries(LISTS.map((name) => [name, listOf(name)]));
  const trend = communityTrend();
  const oldest = el("ol", "cg-com-oldest");
  const none = el("p", "cg-empty", t("com.none_waiting"));
  const status = el("dl", "cg-com-status");
  const waiting = section("com.oldest", oldest, none);
  const closing = section("com.closing", status);
  const empty = el("p", "cg-empty cg-com-empty", t("com.empty"));
  const body = el(
    "div",
    "cg-com-body",
    section("com.trend", trend.node),
    el("div", "cg-com-mid", lists.themes.node, lists.channels.node),
    lists.areas.node,
    el("div", "cg-com-side", waiting, closing),
  );
  body.children[0].classList.add("cg-com-trend");
  host.replaceChildren(head, figures, empty, body);
  let found = null;
  let channel = "";

  function section(title, ...nodes) {
    return el("section", "cg-com-part", el("h2", "", t(title)), ...nodes);
  }

  function listOf(name) {
    const rows = el("tbody");
    const heads = ["name", ...(name === "themes" ? ["weeks"] : []), "received", "share", "overdue", "oldest"];
    const table = el(
      "table",
      "cg-com-table",
      el("thead", "", el("tr", "", ...heads.map((one) => cell("th", one, t(one === "name" ? `com.${name}.one` : `com.col.${one}`))))),
      rows,
    );
    return { node: section(`com.${name}`, el("div", "cg-com-scroll", table)), rows };
  }

  function cell(tag, name, ...nodes) {
    const node = el(tag, `cg-com-${name}`, ...nodes);
    if (tag === "th") node.scope = "col";
    return node;
  }

  function fillList(name) {
    const listed = found[name].filter((one) => one.received || one.counted || one.fewer_than);
    keyed(lists[name].rows, listed, (one) => one.name, () => makeRow(name), (node, one) => fillRow(node, name, one));
    show(lists[name].node, listed.length > 0);
  }

  function makeRow(name) {
    const pick = button("cg-com-name-button", "", "");
    pick.removeAttribute("aria-label");
    pick.dataset.part = "pick";
    const spark = name === "themes" ? part("spark", "td", "cg-com-weeks", sparkLine()) : null;
    const node = el(
      "tr",
      "",
      el("th", "cg-com-name", pick),
      spark,
      part("received", "td", "cg-com-received"),
      el("td", "cg-com-share", part("share", "b"), el("i", "cg-com-bar", part("bar", "i"))),
      part("overdue", "td", "cg-com-overdue"),
      part("oldest", "td", "cg-com-old"),
    );
    node.firstChild.scope = "row";
    pick.addEventListener("click", () => {
      const chosen = get(NARROWS[name]) === node.cgName;
      setFilters({ [NARROWS[name]]: chosen ? null : node.cgName });
    });
    return node;
  }

  function fillRow(node, name, one) {
    const at = parts(node);
    node.cgName = one.name;
    text(at.pick, name === "areas" ? one.label || t("com.no_area") : named(`theme.${one.name}`, one.name) || t("com.not_said"));
    at.pick.disabled = !one.name;
    attr(at.pick, "aria-pressed", one.name ? String(get(NARROWS[name]) === one.name) : null);
    text(at.received, counted(one));
    text(at.share, one.share === null ? (one.received ? t("com.none_due") : "") : percent(one.share));
    attr(at.share, "data-none", one.share === null ? "" : null);
    at.bar.style.width = `${Math.round((one.share ?? 0) * 100)}%`;
    attr(at.share.parentNode, "title", one.due ? t("com.share.of", { in_time: number(one.in_time), due: number(one.due) }) : null);
    text(at.overdue, one.received ? number(one.overdue) : "");
    attr(at.overdue, "data-some", one.overdue >= 2 && one.overdue >= one.received * MANY ? "" : null);
    text(at.oldest, one.oldest ? age((now() - time(one.oldest)) / 1000) : "–");
    if (at.spark) {
      drawSpark(at.spark.firstChild, one.weeks);
      at.spark.title = t("com.weeks", { weeks: one.weeks.length });
    }
  }

  /** What is released as counts only stands beside what is released as records; too few of it are "fewer than". */
  function counted(one) {
    const told = one.received + one.counted ? [number(one.received + one.counted)] : [];
    if (one.fewer_than) told.push(t("fewer_than", { n: one.fewer_than }));
    return told.join(" + ") || "0";
  }

  function fillFigures() {
    const one = found.whole;
    const days = number(found.within_days, { maximumFractionDigits: 1 });
    const told = [
      { key: "received", value: counted(one), note: t("com.fig.received.note", { answered: number(one.answered) }) },
      {
        key: "share",
        title: t("com.fig.share", { days }),
        value: one.share === null ? t("unknown") : percent(one.share),
        hollow: one.share === null,
        note: one.due ? t("com.share.of", { in_time: number(one.in_time), due: number(one.due) }) : t("com.none_due"),
        state: one.share !== null && one.share < 0.5 ? "watch" : "",
      },
      { key: "open", value: number(one.open), note: t("com.fig.open.note", { count: one.overdue, overdue: number(one.overdue), days }), state: one.overdue ? "watch" : "" },
      {
        key: "oldest",
        value: one.oldest ? age((now() - time(one.oldest)) / 1000) : t("com.fig.oldest.none"),
        note: one.oldest ? dtg(one.oldest) : "",
      },
      {
        key: "median",
        value: one.median_days === null ? t("unknown") : t("age.d", { n: number(one.median_days, { maximumFractionDigits: 1 }) }),
        hollow: one.median_days === null,
        note: t("com.fig.median.note"),
      },
    ];
    if (found.confidence) told.push(inConfidence(found.confidence, days));
    keyed(
      figures,
      told,
      (each) => each.key,
      () => el("div", "cg-com-figure", part("title", "dt"), part("value", "dd", "cg-com-value"), part("note", "dd", "cg-com-note")),
      (node, each) => {
        const at = parts(node);
        attr(node, "data-figure", each.key);
        attr(node, "data-state", each.state || null);
        text(at.title, each.title ?? t(`com.fig.${each.key}`));
        text(at.value, each.value);
        attr(at.value, "data-none", each.hollow ? "" : null);
        text(at.note, each.note);
      },
    );
  }

  function inConfidence(one, days) {
    const said = (told) => (told.fewer_than ? t("fewer_than", { n: told.fewer_than }) : number(told.count));
    return {
      key: "confidence",
      value: said(one.received),
      note: [
        t("com.fig.confidence.open", { open: said(one.open), overdue: said(one.overdue), days }),
        one.share === null ? "" : t("com.fig.confidence.share", { share: percent(one.share), days }),
      ]
        .filter(Boolean)
        .join(" · "),
    };
  }

  function fillWaiting() {
    keyed(
      oldest,
      found.oldest,
      (one) => one.id,
      () => {
        const open = button("cg-com-voice", "", "");
        open.removeAttribute("aria-label");
        open.append(part("age", "b"), part("theme", "span", "cg-com-theme"), part("where", "span", "cg-com-where"));
        const node = el("li", "", open);
        open.addEventListener("click", () => visit({ record: node.cgId }));
        return node;
      },
      (node, one) => {
        const at = parts(node);
        node.cgId = one.id;
        text(at.age, one.at ? age((now() - time(one.at)) / 1000) : t("unknown"));
        text(at.theme, named(`theme.${one.theme}`, one.theme) || t("com.not_said"));
        text(at.where, [one.area, named(`theme.${one.channel}`, one.channel), named(`com.status.${one.status}`, one.status), sourceTitle(one.source)].filter(Boolean).join(" · "));
      },
    );
    show(none, !found.oldest.length && found.whole.received > 0);
  }

  function fillStatus() {
    const total = Object.values(found.statuses).reduce((sum, count) => sum + count, 0);
    const told = Object.entries(found.statuses).sort(([, one], [, other]) => other - one);
    keyed(
      status,
      told,
      ([name]) => name,
      () => el("div", "cg-com-state", part("name", "dt"), el("dd", "", el("i", "cg-com-bar", part("bar", "i")), part("count", "b"))),
      (node, [name, count]) => {
        const at = parts(node);
        text(at.name, named(`com.status.${name}`, name) || t("com.not_said"));
        text(at.count, number(count));
        at.bar.style.width = `${Math.round((100 * count) / total)}%`;
      },
    );
  }

  function fillHead() {
    period.value = WINDOWS.includes(get("window")) ? get("window") : DEFAULT_WINDOW;
    const regions = [{ pcode: "", name: t("com.everywhere") }, ...found.regions];
    const chosen = get("area");
    if (chosen && !regions.some((one) => one.pcode === chosen)) {
      const known = found.areas.find((one) => one.name === chosen);
      regions.push({ pcode: chosen, name: known?.label ?? chosen });
    }
    area.replaceChildren(...regions.map((one) => option(one.pcode, one.name)));
    area.value = chosen;
    const narrowed = ["category", "channel"].filter((name) => get(name));
    keyed(
      chips,
      narrowed,
      (name) => name,
      (name) => {
        const chip = button("cg-com-chip", t("com.widen"), "");
        chip.addEventListener("click", () => setFilters({ [name]: null }));
        return chip;
      },
      (node, name) => text(node, `${named(`theme.${get(name)}`, get(name))} ×`),
    );
    text(within, t("com.within", { days: number(found.within_days, { maximumFractionDigits: 1 }) }));
  }

  function draw() {
    fillHead();
    const any = found.whole.received || found.whole.counted || found.whole.fewer_than || found.weeks.some((week) => week.received);
    show(empty, !any);
    show(body, Boolean(any));
    fillFigures();
    for (const name of LISTS) fillList(name);
    fillWaiting();
    fillStatus();
    trend.draw(found.weeks, found.within_days);
  }

  window.addEventListener("resize", () => found && trend.draw(found.weeks, found.within_days), { signal });

  async function load() {
    channel = get("channel");
    found = await read(api("/api/community", { channel: get("channel") }, ["severity", "q"]));
    if (!signal.aborted) draw();
  }

  return {
    load,
    kinds: ["feedback", "boundaries"],
    view: () => found && get("channel") !== channel && load().catch(() => null),
    tick() {},
  };
}

function option(value, words) {
  return Object.assign(el("option", "", words), { value });
}
