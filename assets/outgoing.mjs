// One line for each system that the picture is sent on to: whose view, how many stand on its map, and what is wrong.

import { attr, el, keyed, part, parts, show, text } from "./dom.mjs";
import { dtg, number, time } from "./format.mjs";
import { t } from "./i18n.mjs";

const LOOK = { connected: "fresh", failed: "failed", stopped: "failed", never: "never" };

export function outgoingList() {
  const list = el("div", "cg-feed-list");
  const host = el("section", "cg-outgoing", el("h2", "", t("outgoing.title")), list);
  host.hidden = true;

  function make() {
    return el(
      "article",
      "cg-feed-item",
      el(
        "div",
        "cg-feed cg-outgoing-row",
        el("span", "cg-feed-cell", part("title", "b"), part("address", "small")),
        el("span", "cg-feed-cell cg-feed-state", el("i", "cg-state"), part("state", "b"), part("since", "small")),
        el("span", "cg-feed-cell", part("viewer", "b")),
        el("span", "cg-feed-cell", part("shown", "b")),
      ),
      part("error", "p", "cg-feed-error"),
    );
  }

  function fill(node, output) {
    const at = parts(node);
    attr(node, "data-state", LOOK[output.state] ?? "failed");
    text(at.title, output.name);
    text(at.address, output.address);
    text(at.state, t(`outgoing.${output.state}`));
    const [kind, ...name] = output.viewer.split(":");
    text(at.viewer, t(`outgoing.${kind}`, { name: name.join(":") }));
    const left = output.left_out ? ` · ${t("outgoing.left_out", { count: number(output.left_out) })}` : "";
    text(at.shown, t("outgoing.shown", { count: number(output.shown) }) + left);
    text(at.since, output.since ? t("outgoing.since", { time: dtg(time(output.since)) }) : "");
    text(at.error, output.last_error);
    attr(at.error, "dir", "auto");
    show(at.error, Boolean(output.last_error));
  }

  return {
    host,
    update(outputs = []) {
      show(host, outputs.length > 0);
      keyed(list, outputs, (output) => output.name, make, fill);
    },
  };
}
