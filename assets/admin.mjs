// Administration: agreements with their calendar, sources and marks, agencies, people, displays, programs, opened glass, the log.
// What the server answers is what this account may know; every act is a POST that asks again who may.

import { accountForm, agreementForm, glassForm, markForm, revokeForm, tokenForm } from "./admin_forms.mjs";
import { calendar, phase } from "./admin_calendar.mjs";
import { button, el, text } from "./dom.mjs";
import { age, dtg, number, time } from "./format.mjs";
import { lang, named, t } from "./i18n.mjs";
import { get, visit } from "./state.mjs";

const NONE = "—";
const PARTS = ["agreements", "sources", "agencies", "people", "displays", "programs", "glass", "log"];

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

export function adminPanel(host, { now, signal, read }) {
  const index = el("nav", "cg-admin-index");
  index.setAttribute("aria-label", t("admin.title"));
  const main = el("section", "cg-admin-main");
  const side = el("aside", "cg-admin-side");
  side.hidden = true;
  host.replaceChildren(index, main, side);
  let doc = null;
  let told = "";
  let drawn = ""; // which agreements held when the lists were drawn
  let cameFrom = null;

  const act = (path, what) => send(path, what, signal);

  /** Opens the side with what `make(close)` returns; the focus goes there and comes back. */
  function open(title, make) {
    cameFrom = document.activeElement?.dataset?.focus ?? null;
    const close = button("cg-close", t("close"), "×");
    close.addEventListener("click", shut);
    const body = el("div", "cg-admin-body");
    side.replaceChildren(el("div", "cg-drawer-head", el("h2", "", title), close), body);
    side.setAttribute("aria-label", title);
    side.hidden = false;
    host.toggleAttribute("data-side", true);
    body.append(...make({ act, done, shut, doc }));
    (body.querySelector("input, select, textarea, button") ?? close).focus();
  }

  function shut() {
    side.hidden = true;
    side.replaceChildren();
    host.toggleAttribute("data-side", false);
    if (cameFrom) main.querySelector(`[data-focus="${CSS.escape(cameFrom)}"]`)?.focus();
  }

  /** An act is done: the lists are read anew; a secret stays open until it is put away. */
  async function done(answer) {
    if (answer?.secret) reveal(answer);
    else shut();
    await load(true);
  }

  function reveal({ name, secret, kind }) {
    const shown = kind === "display" ? `${location.origin}/wall?display=${secret}` : secret;
    const field = Object.assign(el("input", "cg-secret"), { readOnly: true, value: shown });
    field.setAttribute("aria-label", t(`admin.secret.${kind}`));
    const copy = button("cg-action", t("admin.copy"));
    copy.addEventListener("click", async () => {
      await navigator.clipboard?.writeText(shown);
      text(copy, t("copied"));
    });
    open(name, () => [
      el("p", "", t(`admin.secret.${kind}`)),
      field,
      el("p", "cg-drawer-note", t("admin.secret.once")),
      copy,
    ]);
    field.select();
  }

  function action(words, key, run, className = "cg-link") {
    const node = button(className, words);
    node.dataset.focus = key;
    node.addEventListener("click", run);
    return node;
  }

  async function load(again = false) {
    const answer = await read(`/api/admin?lang=${lang()}`);
    const next = JSON.stringify(answer);
    if (!again && next === told) return;
    told = next;
    doc = answer;
    draw();
  }

  const shownParts = () =>
    PARTS.filter((name) =>
      name === "log" || name === "programs" ? doc.me.runs : !["people", "displays"].includes(name) || doc.me.looks,
    );
  const chosen = () => (shownParts().includes(get("part")) ? get("part") : shownParts()[0]);

  function draw() {
    if (!doc) return;
    const focus = document.activeElement?.dataset?.focus;
    const within = main.contains(document.activeElement) || index.contains(document.activeElement);
    drawIndex();
    drawn = phases();
    main.replaceChildren(...noticed(), ...PANELS[chosen()]());
    if (within && focus) host.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
  }

  function drawIndex() {
    const counts = {
      agreements: doc.agreements.filter(holds).length,
      sources: doc.sources.length,
      agencies: doc.agencies.length,
      people: of("person").length,
      displays: of("display").length,
      programs: of("service").length,
      glass: doc.glass.filter(({ state }) => state !== "ended").length,
      log: doc.audit?.[0]?.seq ?? 0,
    };
    const entries = shownParts().map((name) => {
      const node = action(t(`admin.part.${name}`), `part-${name}`, () => visit({ part: name }), "cg-admin-part");
      node.append(el("span", "cg-admin-count", number(counts[name])));
      if (name === chosen()) node.setAttribute("aria-current", "true");
      return node;
    });
    index.replaceChildren(el("h1", "", t("admin.title")), el("p", "cg-drawer-note", mine()), ...entries);
    index.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  }

  const mine = () =>
    doc.me.agency
      ? t("admin.me", { name: doc.me.name, agency: doc.me.agency, clearance: level(doc.me.clearance) })
      : t("admin.me.operator");
  const level = (name) => named(`sensitivity.${name}`, name);
  const of = (kind) => doc.accounts.filter((one) => one.kind === kind);
  const holds = (one) => ["soon", "holds"].includes(phase(one, now()));
  const phases = () => doc?.agreements.map((one) => phase(one, now())).join() ?? "";

  /** Opened glass that this account has to know of stands above every part. */
  function noticed() {
    return doc.glass
      .filter(({ state, owner, mine: own, may_agree: agree }) => state !== "ended" && (owner === doc.me.agency || own || agree))
      .map((one) => {
        const words = one.mine ? "mine" : one.may_agree && one.owner !== doc.me.agency ? "asked" : "ours";
        const line = t(`admin.notice.${words}.${one.state}`, {
          who: one.account,
          owner: one.owner,
          until: one.ends ? dtg(one.ends) : "",
          reason: one.reason,
          level: level(one.maximum_sensitivity),
        });
        const node = el("p", "cg-admin-notice", el("span", "", line), ...glassActions(one, "notice"));
        node.setAttribute("role", "status");
        return node;
      });
  }

  function head(name, summary, ...actions) {
    return el("div", "cg-admin-head", el("h2", "", t(`admin.part.${name}`)), el("p", "", summary), ...actions);
  }

  /** A table: `columns` are [key, className]; a row is a list of cells (a text, a node, or several nodes). */
  function table(name, columns, rows, empty) {
    if (!rows.length) return el("p", "cg-empty", empty);
    const header = el("tr", "", ...columns.map((key) => el("th", "", t(`admin.col.${key}`))));
    for (const cell of header.children) cell.scope = "col";
    const body = rows.map(({ cells, state }) => {
      const row = el("tr", "", ...cells.map((cell, i) => column(columns[i], cell)));
      if (state) row.dataset.state = state;
      return row;
    });
    const found = el("table", `cg-admin-table cg-admin-${name}`, el("thead", "", header), el("tbody", "", ...body));
    found.setAttribute("aria-label", t(`admin.part.${name}`));
    return found;
  }

  function column(key, cell) {
    const nodes = [cell].flat().filter((part) => part !== null && part !== "" && part !== undefined);
    const node = el("td", `cg-col-${key}`, ...(nodes.length ? nodes : [el("span", "cg-nil", NONE)]));
    node.dataset.label = t(`admin.col.${key}`);
    return node;
  }

  const two = (first, second) => [el("b", "", first), second ? el("small", "", second) : null];
  const listed = (names) => (names.length ? names.join(", ") : null);
  const day = (value) => (value ? dtg(value).slice(0, 2) + dtg(value).slice(7) : null);

  function looker(kind, name) {
    const query = new URLSearchParams({ view_as: `${kind}:${name}` });
    for (const key of ["lang", "theme"]) if (get(key)) query.set(key, get(key));
    const node = el("a", "cg-link", t("admin.look"));
    node.href = `/?${query}`;
    node.dataset.focus = `look-${kind}-${name}`;
    return node;
  }

  function agreements() {
    const add = doc.me.shares_for.length
      ? action(t("admin.agreement.add"), "agreement-add", () => open(t("admin.agreement.add"), agreementForm), "cg-action")
      : null;
    const soon = doc.agreements.filter((one) => phase(one, now()) === "soon").length;
    return [
      head("agreements", t("admin.agreements.summary", { count: doc.agreements.filter(holds).length, soon }), add),
      calendar(doc.agreements, {
        now,
        act: (one) =>
          one.yours && !one.revoked_at && time(one.to) > now()
            ? action(t("admin.revoke"), `revoke-${one.name}`, () =>
                open(t("admin.revoke.title", { name: one.name }), (door) => revokeForm(door, one)),
              )
            : null,
      }),
    ];
  }

  function sources() {
    const rows = doc.sources.map((one) => ({
      cells: [
        two(one.title, `${one.feed} · ${one.name}`),
        one.agency,
        one.marking,
        one.mark.precision === "exact" ? null : named(`precision.${one.mark.precision}`, one.mark.precision),
        one.mark.minimum_count > 1 ? number(one.mark.minimum_count) : null,
        listed(one.mark.personal_fields.map((name) => name.replaceAll("_", " "))),
        one.mark.retention,
        doc.me.shares_for.includes(one.agency) || doc.me.runs
          ? action(t("admin.mark.change"), `mark-${one.name}`, () =>
              open(t("admin.mark.title", { name: one.title }), (door) => markForm(door, one)),
            )
          : null,
      ],
    }));
    const columns = ["source", "agency", "marking", "precision", "least", "personal", "retention", "do"];
    return [head("sources", t("admin.sources.summary")), table("sources", columns, rows, t("admin.sources.none"))];
  }

  function agencies() {
    const rows = doc.agencies.map((one) => ({
      cells: [
        two(one.name, one.full_name),
        ...["people", "displays", "sources", "grants", "granted"].map((key) => (one[key] === null ? null : number(one[key]))),
        doc.me.looks ? looker("agency", one.name) : null,
      ],
    }));
    const columns = ["agency", "people", "displays", "sources", "grants", "granted", "do"];
    return [head("agencies", t("admin.agencies.summary")), table("agencies", columns, rows, t("admin.agencies.none"))];
  }

  function accounts(part, kind) {
    const people = kind === "person";
    const add = doc.me.runs
      ? action(t(`admin.${part}.add`), `add-${kind}`, () => open(t(`admin.${part}.add`), (door) => accountForm(door, kind)), "cg-action")
      : null;
    const rows = of(kind).map((one) => ({
      state: one.state,
      cells: [
        two(one.full_name || one.name, one.full_name ? one.name : ""),
        two(one.agency || NONE, one.component),
        ...(people ? [listed(one.roles.map((role) => named(`role.${role}`, role)))] : []),
        two(level(one.clearance), listed(one.compartments)),
        listed(one.purposes),
        two(t(`admin.state.${one.state}`), one.valid_until ? t("admin.until", { day: day(one.valid_until) }) : ""),
        ...(people ? [] : [tokens(one)]),
        accountActions(one, kind),
      ],
    }));
    const columns = ["name", "agency", ...(people ? ["roles"] : []), "clearance", "purposes", "state"];
    if (!people) columns.push("tokens");
    return [
      head(part, t(`admin.${part}.summary`), add),
      table(part, [...columns, "do"], rows, t(`admin.${part}.none`)),
    ];
  }

  function accountActions(one, kind) {
    const run = (path, what) => () => act(path, { name: one.name, ...what }).then(done, failed);
    if (!doc.me.runs) return kind === "service" ? null : looker("account", one.name);
    return [
      kind === "service" ? null : looker("account", one.name),
      action(t("admin.change"), `change-${one.name}`, () => open(one.name, (door) => accountForm(door, kind, one))),
      kind === "person"
        ? action(t("admin.password"), `password-${one.name}`, sure("password", one.name, run("/api/admin/accounts/password")))
        : action(t("admin.token.make"), `token-${one.name}`, () => open(t("admin.token.make"), (door) => tokenForm(door, one))),
      one.state === "disabled"
        ? action(t("admin.enable"), `enable-${one.name}`, run("/api/admin/accounts/disable", { disabled: false }))
        : action(t("admin.disable"), `disable-${one.name}`, sure("disable", one.name, run("/api/admin/accounts/disable"))),
    ];
  }

  /** What cannot be undone is asked about once more, in the side. */
  function sure(what, name, run) {
    return () =>
      open(t(`admin.${what}`), ({ shut: leave }) => {
        const yes = button("cg-action", t(`admin.${what}.yes`));
        const no = button("cg-link", t("admin.cancel"));
        yes.addEventListener("click", run);
        no.addEventListener("click", leave);
        return [el("p", "", t(`admin.${what}.sure`, { name })), el("p", "cg-form-feet", yes, no)];
      });
  }

  function failed(error) {
    if (signal.aborted) return;
    const note = side.querySelector(".cg-form-error") ?? el("p", "cg-form-error");
    note.setAttribute("role", "alert");
    text(note, error.message);
    if (side.hidden) open(t("admin.failed"), () => [note]);
    else side.querySelector(".cg-admin-body").append(note);
  }

  function tokens(one) {
    return doc.tokens
      .filter(({ account, holds: good }) => account === one.name && good)
      .map((token) => {
        const revoke = action(
          t("admin.token.revoke"),
          `token-${token.id}`,
          sure("token.revoke", token.name, () => act("/api/admin/tokens/revoke", { id: token.id }).then(done, failed)),
        );
        const ends = token.expires ? t("admin.until", { day: day(token.expires) }) : "";
        const what = [listed(token.sources), ends].filter(Boolean).join(" · ");
        return el("span", "cg-token", el("span", "", token.name), what ? el("small", "", what) : null, revoke);
      });
  }

  function glassActions(one, where) {
    const run = (path) => () => act(path, { id: one.id }).then(done, failed);
    return [
      one.may_agree
        ? action(t("admin.glass.agree"), `${where}-agree-${one.id}`, sure("glass.agree", one.account, run("/api/admin/glass/agree")))
        : null,
      one.may_close ? action(t("admin.glass.close"), `${where}-close-${one.id}`, run("/api/admin/glass/close")) : null,
    ];
  }

  function glass() {
    const add = doc.me.breaks
      ? action(t("admin.glass.ask"), "glass-ask", () => open(t("admin.glass.ask"), (door) => glassForm(door)), "cg-action")
      : null;
    const rows = doc.glass.map((one) => ({
      state: one.state,
      cells: [
        two(t(`admin.glass.${one.state}`), one.closed_by ? t("admin.glass.closed_by", { name: one.closed_by }) : ""),
        one.owner,
        one.account,
        one.reason,
        level(one.maximum_sensitivity),
        one.second || null,
        two(dtg(one.starts ?? one.asked), one.ends ? t("admin.until", { day: dtg(one.ends) }) : ""),
        glassActions(one, "row"),
      ],
    }));
    const columns = ["state", "owner", "account", "reason", "level", "second", "when", "do"];
    return [head("glass", t("admin.glass.summary"), add), table("glass", columns, rows, t("admin.glass.none"))];
  }

  function log() {
    const result = el("p", "cg-admin-checked");
    result.setAttribute("role", "status");
    const check = action(
      t("admin.log.check"),
      "log-check",
      async () => {
        text(result, t("loading"));
        try {
          const { faults, checked } = await read("/api/admin/audit");
          result.dataset.whole = faults.length ? "no" : "yes";
          result.replaceChildren(
            ...(faults.length
              ? faults.map((fault) => el("span", "", fault))
              : [t("admin.log.whole", { n: number(doc.audit[0]?.seq ?? 0), time: dtg(checked) })]),
          );
        } catch (error) {
          text(result, error.message);
        }
      },
      "cg-action",
    );
    const rows = doc.audit.map((one) => ({
      cells: [
        number(one.seq),
        two(dtg(one.time), age((now() - time(one.time)) / 1000)),
        one.who,
        named(`act.${one.act}`, one.act.replaceAll(/[._-]/g, " ")),
        one.subject,
        [one.clause, ...one.details.map(({ name, value }) => `${name.replaceAll("_", " ")} ${value}`)]
          .filter(Boolean)
          .join(" · "),
        el("code", "", one.hash),
      ],
    }));
    const columns = ["seq", "time", "account", "act", "subject", "details", "hash"];
    return [head("log", t("admin.log.summary", { count: rows.length }), check), result, table("log", columns, rows, t("admin.log.none"))];
  }

  const PANELS = {
    agreements,
    sources,
    agencies,
    people: () => accounts("people", "person"),
    displays: () => accounts("displays", "display"),
    programs: () => accounts("programs", "service"),
    glass,
    log,
  };

  window.addEventListener(
    "cg:view",
    () => {
      shut();
      draw();
      main.scrollTop = 0;
    },
    { signal },
  );
  return {
    load,
    shut,
    get open() {
      return !side.hidden;
    },
    /** An agreement that begins or ends while one looks moves to where it belongs. */
    tick() {
      if (phases() !== drawn) draw();
    },
  };
}
