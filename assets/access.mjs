// On a record: why one sees it and on which terms, who else may, and the request to see all of it.

import { glassForm } from "./admin_forms.mjs";
import { button, el, text } from "./dom.mjs";
import { dtg } from "./format.mjs";
import { lang, t } from "./i18n.mjs";

/** The drawer's part on access; nothing where the server told none. */
export function accessNodes(access, signal) {
  if (!access) return [];
  const why = el(
    "section",
    "cg-why",
    el("h3", "", t("why.title")),
    el("p", "cg-why-clause", access.clause),
    access.duties.length ? el("ul", "cg-duties", ...access.duties.map((duty) => el("li", "", duty))) : null,
    el("p", "cg-drawer-note", t("why.marking", { marking: access.marking })),
    access.may_ask ? ask(access.owner, signal) : null,
  );
  return access.others ? [why, others(access)] : [why];
}

function others(access) {
  const rows = access.others.map((one) =>
    el(
      "li",
      "cg-other",
      el("b", "", one.kind === "display" ? t("form.display", { name: one.name }) : one.name),
      el("span", "", one.clause),
      one.duties.length ? el("small", "", one.duties.join("; ")) : null,
    ),
  );
  return el(
    "section",
    "cg-others",
    el("h3", "", t("why.others", { count: rows.length })),
    rows.length ? el("ul", "", ...rows) : null,
    el("p", "cg-drawer-note", t("why.not", { count: access.not })),
  );
}

/** The request form, made when it is asked for: it needs to know the agencies there are. */
function ask(owner, signal) {
  const begin = button("cg-action", t("why.ask"));
  const place = el("div", "cg-ask", begin);
  begin.addEventListener("click", async () => {
    const answer = await fetch(`/api/admin?lang=${lang()}`, { signal }).catch(() => null);
    if (!answer?.ok) return text(begin, t("drawer.failed", { reason: `HTTP ${answer?.status ?? 0}` }));
    const door = {
      doc: await answer.json(),
      act: async (path, told) => {
        const done = await fetch(`${path}?lang=${lang()}`, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify(told),
          signal,
        });
        const found = await done.json().catch(() => null);
        if (!done.ok) throw new Error(found?.description ?? `HTTP ${done.status}`);
        return found;
      },
      done: ({ state, ends }) =>
        place.replaceChildren(
          Object.assign(el("p", "cg-why-clause", t(`why.glass.${state}`, { until: ends ? dtg(ends) : "" })), { role: "status" }),
        ),
      shut: () => place.replaceChildren(begin),
    };
    place.replaceChildren(...glassForm(door, owner));
    place.querySelector("textarea")?.focus();
    return null;
  });
  return place;
}
