// Patterns of what was reported: areas above their own past, with how many false alarms are to be expected, and clusters with
// their exact window, drawn as circles. Computed on the server in the background, asked for only while this is open.

import { button, el } from "./dom.mjs";
import { dtg, number } from "./format.mjs";
import { t } from "./i18n.mjs";
import { api, get, setFilters, setView } from "./state.mjs";

const WAIT_S = 5;

export function patternPanel(host, { signal, drawing }) {
  const toggle = button("cg-action", t("pat.open"));
  const body = el("div", "cg-pat-body");
  body.setAttribute("aria-live", "polite");
  host.replaceChildren(el("h3", "", t("pat")), toggle, body);
  let asking = null;
  let shownFor = "";
  toggle.addEventListener("click", () => setView({ patterns: get("patterns") ? null : "1" }));

  const alarm = (one) => {
    const node = button("cg-pat-item", "", "");
    node.removeAttribute("aria-label");
    const told = t("pat.surge.row", { observed: number(one.observed), expected: number(one.expected), threshold: number(one.threshold) });
    node.append(el("b", "", `${one.name} ${one.pcode}`), el("span", "", told));
    node.addEventListener("click", () => setFilters({ area: one.pcode }));
    return el("li", "", node);
  };

  function cluster(one, index, items) {
    const node = button("cg-pat-item", "", "");
    node.removeAttribute("aria-label");
    const numbers = { observed: number(one.observed), expected: number(one.expected), ratio: number(one.ratio), p: number(one.p, { maximumFractionDigits: 4 }) };
    const where = { from: dtg(one.from), to: dtg(one.to), km: number(one.km), n: number(one.areas.length) };
    node.append(el("b", "", one.areas.slice(0, 3).join(", ")), el("span", "", t("pat.cluster.row", numbers)), el("span", "", t("pat.cluster.window", where)));
    node.addEventListener("click", () => {
      drawing()?.circles(items.map((other, i) => ({ ...other, chosen: i === index })));
      drawing()?.show({ ...one, km: Math.max(one.km, 10) });
    });
    return el("li", "", node);
  }

  function draw({ surge, clusters, until, areas }) {
    const { alarms } = surge;
    const told = t("pat.surge.told", {
      alarms: number(alarms.length),
      tested: number(surge.tested),
      time: dtg(until),
      method: surge.method,
      expected: number(surge.expected_false, { maximumFractionDigits: 2 }),
    });
    const methods = el(
      "details",
      "cg-pat-methods",
      el("summary", "cg-link", t("pat.methods")),
      el("p", "cg-drawer-note", t("pat.methods.surge")),
      el("p", "cg-drawer-note", t("pat.methods.cluster", clusters)),
    );
    const notes = [
      surge.unknown ? t("pat.surge.unknown", { n: number(surge.unknown) }) : "",
      surge.left_out.length ? t("pat.left_out", { names: surge.left_out.join(", ") }) : "",
      surge.unplaced ? t("pat.unplaced", { n: number(surge.unplaced) }) : "",
    ].filter(Boolean);
    const none = clusters.scanned < 30 ? t("pat.too_few", { n: 30 }) : t("pat.cluster.none", { n: number(areas), days: clusters.days });
    body.replaceChildren(
      el("h4", "", t("pat.surge")),
      el("p", "cg-drawer-note", surge.tested ? told : ""),
      alarms.length ? el("ol", "", ...alarms.map(alarm)) : el("p", "", surge.tested ? t("pat.surge.none") : ""),
      ...notes.map((note) => el("p", "cg-drawer-note", note)),
      el("h4", "", t("pat.cluster")),
      clusters.items.length ? el("ol", "", ...clusters.items.map(cluster)) : el("p", "cg-drawer-note", none),
      el("p", "cg-drawer-note", t("pat.limits")),
      methods,
    );
    drawing()?.circles(clusters.items);
  }

  async function load() {
    const open = Boolean(get("patterns"));
    toggle.textContent = t(open ? "pat.close" : "pat.open");
    body.hidden = !open;
    if (!open) {
      asking?.abort();
      shownFor = "";
      drawing()?.circles([]);
      return;
    }
    const address = api("/api/incidents/patterns", { wait: WAIT_S });
    asking?.abort();
    const mine = (asking = new AbortController());
    if (address !== shownFor) body.replaceChildren(el("p", "cg-drawer-note", t("pat.waiting")));
    try {
      for (;;) {
        const answer = await fetch(address, { signal: AbortSignal.any([signal, mine.signal]) });
        const found = await answer.json();
        if (!answer.ok) throw new Error(found.description ?? `HTTP ${answer.status}`);
        if (found.state === "computing") continue;
        shownFor = address;
        return draw(found);
      }
    } catch (error) {
      if (!mine.signal.aborted && !signal.aborted) body.replaceChildren(el("p", "cg-empty", t("pat.failed", { reason: error.message })));
    }
    return null;
  }
  return { load };
}
