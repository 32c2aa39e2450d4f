// What is near a record: a part of its drawer, asked for when the drawer is open, so that the record itself waits for nothing.

import { button, el } from "./dom.mjs";
import { age, number, time, words } from "./format.mjs";
import { named, t } from "./i18n.mjs";
import { api, setFilters, visit } from "./state.mjs";

const DISTANCES = [5, 10, 25, 50, 100];
let within = 25; // as somebody left it, for the next record

export function nearbyNodes(record, { now, signal }) {
  const list = el("div", "cg-near-list");
  const choice = el("select", "cg-word-choice");
  choice.setAttribute("aria-label", t("near.within"));
  choice.append(...DISTANCES.map((km) => Object.assign(el("option", "", t("near.km", { n: km })), { value: km })));
  choice.value = within;
  choice.addEventListener("change", () => {
    within = Number(choice.value);
    load();
  });
  const { lon, lat } = record.place ?? {};
  const placed = Number.isFinite(lon) && Number.isFinite(lat);
  const only = placed ? button("cg-action", t("near.filter", { km: within })) : null;
  only?.addEventListener("click", () =>
    setFilters({ radius: `${lon.toFixed(4)},${lat.toFixed(4)},${within}`, polygon: null, record: null }),
  );
  const section = el(
    "section",
    "cg-near",
    el("h3", "", `${t("near")} · ${t("near.within")} `, choice),
    list,
    only,
  );

  const told = (group, one) => {
    if (group !== "stocks") return one.told ? named(`near.status.${one.told}`, words(one.told)) : "";
    const days = one.days === null ? t("unknown") : t("near.days", { n: number(one.days) });
    return `${one.item}: ${days}`;
  };

  function row(group, one) {
    const node = button("cg-near-item", "", "");
    node.removeAttribute("aria-label");
    const at = time(one.t);
    node.append(
      el("bdi", "cg-near-km", t("near.km", { n: number(one.km) })),
      el("span", "cg-near-title", one.title, el("span", "cg-near-told", told(group, one))),
      el("span", "cg-age", Number.isFinite(at) ? age((now() - at) / 1000) : t("unknown")),
    );
    node.addEventListener("click", () => visit({ record: one.id }));
    return el("li", "", node);
  }

  async function load() {
    if (only) only.textContent = t("near.filter", { km: within });
    list.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(api(`/api/records/${encodeURIComponent(record.id)}/nearby`, { km: within }), { signal });
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      const found = await answer.json();
      if (!found.placed) return list.replaceChildren(el("p", "cg-empty", t("near.unplaced")));
      const groups = found.groups.flatMap(({ name, count, items }) => [
        el("h4", "", `${t(`near.${name}`)} ${number(count)}`),
        count
          ? el("ol", "", ...items.map((one) => row(name, one)), count > items.length ? el("li", "cg-drawer-note", t("near.more", { n: number(count - items.length) })) : null)
          : el("p", "cg-drawer-note", t("near.none")),
      ]);
      return list.replaceChildren(...(found.exact ? [] : [el("p", "cg-drawer-note", t("near.vague"))]), ...groups);
    } catch (error) {
      if (!signal.aborted) list.replaceChildren(el("p", "cg-empty", t("drawer.failed", { reason: error.message })));
      return null;
    } finally {
      list.removeAttribute("aria-busy");
    }
  }
  load();
  return section;
}
