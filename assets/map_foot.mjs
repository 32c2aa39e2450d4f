// What every map owes its reader, along its lower edge: the disclaimer on boundaries and where the data comes from.

import { el, text } from "./dom.mjs";
import { t } from "./i18n.mjs";
import { shownLayers } from "./map.mjs";

export function mapFoot(host) {
  const sources = el("span", "cg-attribution");
  host.append(el("p", "cg-map-foot", el("span", "cg-disclaimer", t("map.disclaimer")), " ", sources));
  return {
    update(doc) {
      const names = new Set(shownLayers(doc).flatMap((layer) => layer.sources));
      text(sources, t("map.sources", { names: ["Natural Earth", ...names].join(", ") }));
    },
  };
}
