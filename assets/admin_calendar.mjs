// Agreements on one time line: what ends within thirty days first, then what holds, what is to begin, what is over.

import { el, svg } from "./dom.mjs";
import { age, dtg, month, number, time } from "./format.mjs";
import { named, t } from "./i18n.mjs";

const DAY = 86_400_000;
const SOON = 30 * DAY;
const BACK = 120 * DAY;
const AHEAD = 400 * DAY;

const ends = (one) => Math.min(time(one.to), time(one.revoked_at) || Infinity);

/** `soon`, `holds`, `later` or `over`. */
export function phase(one, now) {
  if (one.revoked_at || ends(one) <= now) return "over";
  if (time(one.from) > now) return "later";
  return ends(one) - now < SOON ? "soon" : "holds";
}

const PHASES = ["soon", "holds", "later", "over"];

/** The span shown: today, and as far back and ahead as agreements reach, within a year or so. */
function spanOf(agreements, now) {
  const first = Math.min(now - 30 * DAY, ...agreements.map((one) => time(one.from)));
  const last = Math.max(now + 60 * DAY, ...agreements.map((one) => time(one.to)));
  return { from: Math.max(first, now - BACK), to: Math.min(last, now + AHEAD) };
}

function months({ from, to }) {
  const at = new Date(from);
  const all = [];
  for (let i = 1; ; i += 1) {
    const first = Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + i, 1);
    if (first >= to) break;
    all.push(first);
  }
  const step = Math.max(1, Math.ceil(all.length / 7));
  return all.filter((_, i) => i % step === 0);
}

export function calendar(agreements, { now, act }) {
  if (!agreements.length) return el("p", "cg-empty", t("admin.agreements.none"));
  const at = now();
  const span = spanOf(agreements, at);
  const share = (moment) => Math.min(100, Math.max(0, ((moment - span.from) / (span.to - span.from)) * 100));
  const node = el("div", "cg-calendar");
  node.setAttribute("role", "table");
  node.setAttribute("aria-label", t("admin.part.agreements"));
  node.append(header());
  for (const name of PHASES) {
    const of = agreements
      .filter((one) => phase(one, at) === name)
      .sort((one, two) => (name === "over" ? ends(two) - ends(one) : ends(one) - ends(two)));
    if (!of.length) continue;
    const title = el("h3", "", t(`admin.phase.${name}`, { n: number(of.length) }));
    const group = el("div", "cg-calendar-group", title, ...of.map((one) => row(one, name)));
    group.setAttribute("role", "rowgroup");
    group.dataset.phase = name;
    node.append(group);
  }
  return node;

  function axis() {
    const line = el("span", "cg-calendar-axis");
    for (const first of months(span)) {
      if (share(first) > 90) continue; // its words would run into the next column
      const tick = el("i", "cg-calendar-tick", month(first));
      tick.style.insetInlineStart = `${share(first)}%`;
      line.append(tick);
    }
    return line;
  }

  function header() {
    const cells = [
      el("span", "", t("admin.col.agreement")),
      el("span", "", t("admin.col.parties")),
      el("span", "", t("admin.col.terms")),
      axis(),
      el("span", "", t("admin.col.ends")),
      el("span", ""),
    ];
    for (const cell of cells) cell.setAttribute("role", "columnheader");
    const line = el("div", "cg-calendar-row cg-calendar-head", ...cells);
    line.setAttribute("role", "row");
    return line;
  }

  function row(one, name) {
    const parties = el(
      "span",
      "cg-calendar-parties",
      el("b", "", one.grantor),
      ` ${t("arrow")} `,
      el("bdi", "", one.grantees.join(", ")),
      one.onward.length ? el("small", "", t("admin.onward", { names: one.onward.join(", ") })) : null,
    );
    const cells = [
      el("span", "cg-calendar-name", el("b", "", one.name), one.title ? el("small", "", one.title) : null),
      parties,
      el("span", "cg-calendar-terms", ...terms(one)),
      bar(one),
      el(
        "span",
        "cg-calendar-ends",
        el("b", "", left(one, name)),
        el("small", "", dtg(ends(one))),
      ),
      el("span", "cg-calendar-do", act(one)),
    ];
    for (const cell of cells) cell.setAttribute("role", "cell");
    const line = el("div", "cg-calendar-row", ...cells);
    line.setAttribute("role", "row");
    line.dataset.agreement = one.name;
    return line;
  }

  function left(one, name) {
    if (one.revoked_at && name === "over") return t("admin.revoked");
    const away = Math.abs((name === "later" ? time(one.from) : ends(one)) - at) / 1000;
    return t(`admin.left.${name}`, { age: age(away) });
  }

  function bar(one) {
    const from = share(time(one.from));
    const to = share(ends(one));
    const line = svg("svg", { class: "cg-calendar-bar", preserveAspectRatio: "none", viewBox: "0 0 100 10" });
    line.append(
      svg("rect", { class: "cg-calendar-span", x: from, y: 2.5, width: Math.max(0.6, to - from), height: 5 }),
      svg("line", { class: "cg-calendar-now", x1: share(at), x2: share(at), y1: 0, y2: 10 }),
    );
    if (one.revoked_at && time(one.revoked_at) < time(one.to))
      line.append(
        svg("rect", { class: "cg-calendar-lost", x: to, y: 2.5, width: Math.max(0, share(time(one.to)) - to), height: 5 }),
      );
    line.setAttribute("role", "img");
    line.setAttribute("aria-label", t("admin.span", { from: dtg(one.from), to: dtg(ends(one)) }));
    return el("span", "cg-calendar-line", line);
  }
}

/** Collections by their names in the page's language. */
export const collections = (names) => names.map((name) => named(`collection.${name}`, name)).join(", ");

/** The terms of an agreement, shortest first: what it covers, up to which level, how finely, for what. */
export function terms(one) {
  const said = [
    one.collections.length ? collections(one.collections) : t("admin.terms.all"),
    t("admin.terms.level", { level: named(`sensitivity.${one.maximum_sensitivity}`, one.maximum_sensitivity) }),
    one.minimum_precision === "exact" ? null : named(`precision.${one.minimum_precision}`, one.minimum_precision),
    one.minimum_count > 1 ? t("admin.terms.count", { n: one.minimum_count }) : null,
    one.purposes.length ? t("admin.terms.purposes", { names: one.purposes.join(", ") }) : null,
    one.personal_data ? t("admin.terms.personal") : null,
    one.export ? null : t("admin.terms.no_export"),
  ].filter(Boolean);
  const signed = one.sha256 ? t("admin.terms.signed", { hash: one.sha256.slice(0, 12) }) : t("admin.terms.unsigned");
  return [el("span", "", said.join(" · ")), el("small", "", signed)];
}
