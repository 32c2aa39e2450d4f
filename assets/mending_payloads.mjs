// The newest payloads of a source: what each brought, and taking one back whole, which asks once and says what it will do.

import { asking } from "./asking.mjs";
import { el } from "./dom.mjs";
import { dtg, number } from "./format.mjs";
import { t } from "./i18n.mjs";

function brought(one) {
  const told = ["accepted", "revised", "retracted"].filter((name) => one[name]);
  return told.map((name) => t(`payload.${name}`, { count: one[name], n: number(one[name]) })).join(", ");
}

/** What taking back will do, or did. */
const done = (key, found) =>
  t(key, { retracted: number(found.retracted), back: number(found.back), stays: number(found.stays) });

export function payloads({ batches, may }, { act, said, again }) {
  const host = el("section", "cg-payloads", el("h3", "", t("payload.title")));
  if (!batches.length) host.append(el("p", "cg-empty", t("payload.none")));
  for (const one of batches) {
    const line = el(
      "div",
      "cg-payload",
      el("b", "", dtg(one.committed)),
      el("span", "cg-payload-name", one.payload),
      el("span", "cg-payload-brought", brought(one)),
    );
    line.dataset.revision = one.revision;
    if (one.undone) {
      line.dataset.undone = "";
      line.append(el("small", "", t("payload.undone", { who: one.undone_by, time: dtg(one.undone) })));
    } else if (may) {
      const foresee = async () => done("payload.foresee", await act("batches/foresee", { revision: one.revision }));
      const back = async (why) => {
        const found = await act("batches/undo", { revision: one.revision, why });
        said.say(done("payload.done", found));
        await again();
      };
      line.append(asking(t("payload.undo"), { foresee, why: t("payload.why"), act: back, said }));
    }
    host.append(line);
  }
  return host;
}
