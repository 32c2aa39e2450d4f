// Views under a name, and the one-page brief of what is shown: a sheet at the end of the filter sentence.

import { button, el } from "./dom.mjs";
import { lang, t } from "./i18n.mjs";
import { api, get } from "./state.mjs";

export function viewMenu(host, { signal, read }) {
  const open = button("cg-export-open", t("view"));
  const list = el("ul", "cg-view-list");
  const name = Object.assign(el("input", "cg-input"), { maxLength: 80, required: true, placeholder: t("view.name") });
  name.setAttribute("aria-label", t("view.name"));
  const shared = Object.assign(el("input"), { type: "checkbox" });
  const form = el("form", "cg-view-form", name, el("label", "", shared, " ", t("view.share")), Object.assign(button("cg-action", t("view.save")), { type: "submit" }));
  const said = el("p", "cg-drawer-note");
  said.setAttribute("role", "status");
  const brief = el("a", "cg-export-link", el("b", "", t("brief")));
  brief.download = "";
  const sheet = el("div", "cg-export cg-views", el("h2", "", t("view")), list, form, said, brief);
  sheet.popover = "auto";
  sheet.setAttribute("aria-label", t("view"));
  open.setAttribute("aria-haspopup", "dialog");
  open.popoverTargetElement = sheet;
  host.replaceChildren(open, sheet);

  async function post(path, body) {
    const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal });
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(told.description ?? `HTTP ${answer.status}`);
    return told;
  }

  function row(one) {
    const link = el("a", "cg-link", one.name);
    // As a link: it opens as any address does, and its address is what is sent on.
    link.href = one.href;
    const whose = one.shared ? t("view.of", { agency: one.agency }) : t("view.own");
    const gone = one.mine ? button("cg-close", t("view.remove", { name: one.name }), "×") : null;
    gone?.addEventListener("click", () =>
      post("/api/views/remove", { id: one.id, looked_at: one.revision }).then(load, (error) => said.replaceChildren(error.message)),
    );
    return el("li", "", link, el("span", "cg-drawer-note", whose), gone);
  }

  async function load() {
    const { views, may } = await read("/api/views");
    list.replaceChildren(...(views.length ? views.map(row) : [el("li", "cg-drawer-note", t("view.none"))]));
    form.hidden = !may;
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const query = location.search.slice(1);
      await post("/api/views/save", { name: name.value, page: location.pathname, query, shared: shared.checked });
      said.textContent = t("view.saved");
      name.value = "";
      await load();
    } catch (error) {
      said.textContent = error.message;
    }
  });
  sheet.addEventListener("toggle", (event) => {
    if (event.newState !== "open") return;
    said.textContent = "";
    brief.href = api("/api/incidents/brief.pdf", { lang: lang(), since: get("since") });
    const box = open.getBoundingClientRect();
    const own = sheet.getBoundingClientRect();
    const left = document.documentElement.dir === "rtl" ? box.left : box.right - own.width;
    sheet.style.left = `${Math.round(Math.min(Math.max(8, left), innerWidth - own.width - 8))}px`;
    sheet.style.top = `${Math.round(box.bottom + 4)}px`;
    load().catch((error) => (said.textContent = error.message));
  });
}
