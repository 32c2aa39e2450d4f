// One cell of the matrix: its figures and where they are from, who is there and who has not said, whom to ask, every activity.

import { attr, button, el, text } from "./dom.mjs";
import { age, dtg, month, number, time } from "./format.mjs";
import { t } from "./i18n.mjs";
import { api, visit } from "./state.mjs";
import { sectorName } from "./activities.mjs";

const people = (value) => (value === null || value === undefined ? t("unknown") : number(Math.round(value)));

export function cellPanel({ now, read, sourceTitle, close, signal }) {
  const shut = button("cg-close", t("close"), "×");
  shut.addEventListener("click", close);
  const title = el("h2");
  const body = el("div", "cg-act-cell-body");
  const node = el("section", "cg-act-cell", el("div", "cg-act-cell-head", title, shut), body);
  node.hidden = true;
  let asked = "";

  async function load(sector, area) {
    const key = `${sector} ${area}`;
    asked = key;
    try {
      const one = await read(api("/api/activities/cell", { sector, area }, ["window", "from", "to", "area", "category", "severity", "q"]));
      if (asked === key && !signal.aborted) draw(one);
    } catch (error) {
      if (asked === key && !signal.aborted) body.replaceChildren(el("p", "cg-empty", t("drawer.failed", { reason: error.message })));
    }
  }

  function draw(one) {
    text(title, `${sectorName(one.sector, one.name)} · ${one.place}`);
    const pair = (label, value, none = value === t("unknown")) => {
      const dd = el("dd", "", el("bdi", none ? "cg-unknown" : "", value));
      return el("div", "cg-pair", el("dt", "", label), dd);
    };
    const from = one.summed ? t("act.from.sum") : one.as_of ? t("act.from.overview", { time: dtg(one.as_of) }) : t("act.from.nobody");
    const line = el("p", "cg-act-standing", t(`act.standing.${one.standing}`));
    attr(line, "data-standing", one.standing);
    const due = one.organisations.filter((each) => each.behind);
    body.replaceChildren(
      ...[
        line,
        el("dl", "cg-facts", pair(t("act.need"), people(one.need)), pair(t("act.targeted"), people(one.targeted)), pair(t("act.reached"), people(one.reached)), pair(t("act.not_reached"), people(one.gap))),
        el("p", "cg-com-note", from),
        ...due.map((each) => el("p", "cg-act-due", t("act.due", { who: each.name, age: age((now() - time(each.reported)) / 1000) }))),
        ...one.overlaps.map((each) => el("p", "cg-act-twice", t("act.overlap", { what: each.what, who: each.who.join(", ") }))),
        counted(one),
        el("h3", "", t("act.whom")),
        ...(one.contacts.length ? one.contacts.map(contactLine) : [el("p", "cg-empty", t("act.ask.nobody"))]),
        el("h3", "", t("act.activities", { count: one.activities.length, n: number(one.activities.length) })),
        el("ol", "cg-act-activities", ...one.activities.map(activityLine)),
      ].filter(Boolean),
    );
  }

  function counted(one) {
    if (!one.counted && !one.fewer_than) return null;
    const told = [one.counted ? t("act.counted", { n: number(one.counted) }) : "", one.fewer_than ? t("fewer_than", { n: one.fewer_than }) : ""];
    return el("p", "cg-com-note", t("act.counts_only", { n: told.filter(Boolean).join(" + ") }));
  }

  function activityLine(one) {
    const day = (moment) => (moment ? month(time(moment), true) + ` ${new Date(time(moment)).getUTCFullYear() % 100}` : t("unknown"));
    const open = button("cg-act-activity", "", "");
    open.removeAttribute("aria-label");
    open.append(
      el("b", "", one.organisation || t("com.not_said")),
      el("span", "", [one.activity, one.partner ? t("act.with", { partner: one.partner }) : ""].filter(Boolean).join(" · ")),
      el("span", "cg-act-why", `${t(`act.state.${one.state}`)} · ${day(one.start)} – ${day(one.end)} · ${t("act.reach", { reached: people(one.reached), targeted: people(one.targeted) })}`),
      el("span", "cg-act-why", `${sourceTitle(one.source)} · ${one.agency} · ${t("act.reported", { age: age((now() - time(one.reported)) / 1000) })}`),
    );
    open.addEventListener("click", () => visit({ record: one.id }));
    const line = el("li", "", open);
    attr(line, "data-state", one.state);
    return line;
  }

  return { node, load };
}

/** An office, its role and how to reach it. */
export function contactLine(one) {
  const reach = [];
  if (one.phone) {
    const call = el("a", "cg-act-call", el("bdi", "", one.phone));
    call.href = `tel:${one.phone.replace(/[^+\d]/g, "")}`;
    reach.push(call);
  }
  if (one.email) {
    const mail = el("a", "cg-act-call", el("bdi", "", one.email));
    mail.href = `mailto:${one.email}`;
    reach.push(mail);
  }
  return el(
    "div",
    "cg-act-contact",
    el("p", "", el("b", "", one.office), one.decides ? el("span", "cg-badge", t("act.decides")) : null, one.release === "agency" ? el("span", "cg-badge", t("act.own_only")) : null),
    el("p", "cg-act-why", [t(`act.role.${one.role}`), one.agency_name, one.sector ? sectorName(one.sector_code, one.sector) : t("act.every_sector"), one.place || t("com.everywhere")].join(" · ")),
    el("p", "cg-act-reach", ...reach),
    one.note ? el("p", "cg-com-note", one.note) : null,
  );
}
