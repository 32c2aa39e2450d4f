// An act that asks once in place before it is done, and the line that says what became of it.

import { button, el, text } from "./dom.mjs";
import { t } from "./i18n.mjs";

/** A line that says what became of an act, aloud too; `kind` is done, refused or busy. */
export function result() {
  const node = el("p", "cg-mend-result");
  node.setAttribute("role", "status");
  return {
    node,
    say(words, kind = "done") {
      node.dataset.kind = kind;
      text(node, words);
    },
  };
}

/**
 * A button that asks once, in place, before it acts: what it will do, and why, where `why` is a label.
 * `foresee()` gives the words; `act(why)` does it.
 */
export function asking(label, { foresee, why, act, said }) {
  const open = button("cg-link", label);
  const host = el("span", "cg-mend-asking", open);
  open.addEventListener("click", async () => {
    open.disabled = true;
    try {
      const ahead = await foresee();
      const input = why ? Object.assign(el("input", "cg-input"), { placeholder: why, autocomplete: "off", maxLength: 500 }) : null;
      if (input) input.setAttribute("aria-label", why);
      const go = button("cg-action", label);
      go.type = "submit";
      const leave = button("cg-link", t("admin.cancel"));
      const form = el("form", "cg-mend-ask", el("p", "", ahead), input, el("span", "cg-mend-feet", go, leave));
      const shut = () => {
        form.replaceWith(open);
        open.disabled = false;
        open.focus();
      };
      leave.addEventListener("click", shut);
      form.addEventListener("keydown", (event) => event.key === "Escape" && (event.stopPropagation(), shut()));
      form.addEventListener("submit", async (event) => {
        event.preventDefault();
        go.disabled = true;
        try {
          await act(input?.value.trim() ?? "");
          if (form.isConnected) shut();
        } catch (error) {
          go.disabled = false;
          said.say(error.message, "refused");
        }
      });
      open.replaceWith(form);
      (input ?? go).focus();
    } catch (error) {
      open.disabled = false;
      said.say(error.message, "refused");
    }
  });
  return host;
}
