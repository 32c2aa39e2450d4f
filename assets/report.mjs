// The page of field reports: the form, the queue under it, and when to send.

import { attr, button, el, keyed, show, text } from "./dom.mjs";
import { here, meant } from "./report_place.mjs";
import { prepared, size } from "./report_photo.mjs";
import { all, deliver, keep, kept, PHOTO_BYTES, put, remove } from "./report_queue.mjs";

const WORDS = JSON.parse(document.getElementById("words").textContent);
const AGAIN_MS = 30_000;
const word = (key, parts = {}) =>
  Object.entries(parts).reduce((said, [name, value]) => said.replace(`{${name}}`, value), WORDS[`report.${key}`] ?? key);
const at = (id) => document.getElementById(id);
const form = at("form");
const lang = document.documentElement.lang;

let who = null; // null: the server has not said yet
let places = [];
let place = null;
let photo = null;
let changing = null; // the entry that is changed

/* Dark or light: as chosen on this phone, else as the phone is. */
const themes = () => document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
const chosen = localStorage.getItem("cg-report-theme");
if (chosen) document.documentElement.dataset.theme = chosen;
at("theme").addEventListener("click", () => {
  document.documentElement.dataset.theme = themes() === "dark" ? "light" : "dark";
  localStorage.setItem("cg-report-theme", document.documentElement.dataset.theme);
});

/* Place */
function setPlace(found) {
  place = found;
  const precise = found?.metres ? ` · ${word("where.within", { metres: found.metres })}` : "";
  const area = found?.adm_pcode ? ` · ${word("where.area")}` : "";
  text(at("place").querySelector("bdi"), found ? `${found.label}${precise}${area}` : word("where.none"));
  at("place").classList.toggle("set", Boolean(found));
  show(at("no-place"), Boolean(found));
  list([]);
}

function list(found) {
  const box = at("found");
  box.replaceChildren(
    ...found.map((one) => {
      const row = el("li", "", button("", one.label));
      row.role = "option";
      row.firstChild.addEventListener("click", () => {
        setPlace(one);
        at("search").value = "";
        draft();
      });
      return row;
    }),
  );
  show(box, found.length > 0);
  attr(at("search"), "aria-expanded", String(found.length > 0));
}

at("search").addEventListener("input", () => list(meant(at("search").value, places)));
at("search").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  at("found").querySelector("button")?.click();
});
at("no-place").addEventListener("click", () => (setPlace(null), draft()));
at("here").addEventListener("click", async () => {
  text(at("place").querySelector("bdi"), word("where.asking"));
  try {
    setPlace(await here());
    draft();
  } catch (error) {
    setPlace(place);
    tell(word("where.denied", { reason: error.message }));
  }
});

/* Photo */
async function setPhoto(made) {
  photo = made;
  const figure = at("shown");
  const image = figure.querySelector("img");
  if (image.src) URL.revokeObjectURL(image.src);
  if (made) image.src = URL.createObjectURL(made.blob);
  else image.removeAttribute("src");
  text(figure.querySelector("figcaption"), made && word(made.keep ? "photo.whole" : "photo.stripped", { size: size(made.blob.size) }));
  show(figure, Boolean(made));
}

async function take() {
  const [file] = at("photo").files;
  if (!file) return;
  tell("");
  try {
    await setPhoto(await prepared(file, at("keep").checked));
  } catch {
    await setPhoto(null);
    tell(word("photo.bad", { most: size(PHOTO_BYTES) }));
  }
}
at("photo").addEventListener("change", take);
at("keep").addEventListener("change", take);
at("no-photo").addEventListener("click", () => ((at("photo").value = ""), setPhoto(null)));

/* The form */
function tell(sentence, good = false) {
  text(at("told"), sentence);
  at("told").classList.toggle("good", good);
  show(at("told"), Boolean(sentence));
}

const local = (moment) => new Date(moment - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);

function fields() {
  const said = Object.fromEntries(new FormData(form));
  const { lon, lat, adm_pcode, place_precision, metres } = place ?? {};
  return {
    title: said.title.trim(),
    description: said.description.trim(),
    needs: said.needs.trim(),
    category: said.category ?? "",
    severity: said.severity,
    event_time: said.event_time ? new Date(said.event_time).toISOString() : new Date().toISOString(),
    version_time: new Date().toISOString(),
    ...(Number.isFinite(lon) ? { lon, lat } : {}),
    ...(adm_pcode ? { adm_pcode } : {}),
    place: said.place.trim() || (place?.place ?? ""),
    place_precision: place_precision ?? "",
    grade: said.grade_source + said.grade_information,
    form: "commonground/report",
    ...(metres ? { attributes: { position_accuracy_m: metres } } : {}),
  };
}

function fill(report, found) {
  for (const name of ["title", "description", "needs", "place"]) form.elements[name].value = report[name] ?? "";
  for (const name of ["category", "severity"]) form.elements[name].value = report[name] || "unknown";
  form.elements.event_time.value = local(report.event_time ? new Date(report.event_time) : new Date());
  [form.elements.grade_source.value, form.elements.grade_information.value] = report.grade || "F6";
  setPlace(found);
}

let drafting;
function draft() {
  clearTimeout(drafting);
  if (!changing) drafting = setTimeout(() => keep("draft", { report: fields(), place, when: form.elements.event_time.value }), 300);
}
form.addEventListener("input", draft);

async function anew() {
  clearTimeout(drafting);
  changing = null;
  form.querySelectorAll("input[name=category]").forEach((one) => (one.checked = false));
  fill({}, null);
  at("photo").value = "";
  await setPhoto(null);
  text(at("send"), word("send"));
  await keep("draft", null);
}
form.addEventListener("reset", (event) => {
  event.preventDefault();
  tell("");
  anew();
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const report = fields();
  if (!report.title && !report.description) {
    tell(word("empty"));
    form.elements.title.focus();
    return;
  }
  // The search says a place nobody chose: it is not left behind without a word.
  if (!place && at("search").value.trim()) {
    tell(word("where.unknown"));
    at("search").focus();
    return;
  }
  const now = Date.now();
  const base = changing ?? { key: crypto.randomUUID?.() ?? key(), made: now };
  const entry = { ...base, who: who ?? (await kept("who")) ?? "", report, place, photo, edited: now, state: "waiting", reason: "", number: "" };
  try {
    await put(entry);
  } catch {
    tell(word("no_room"));
    return;
  }
  await anew();
  tell(word("kept"), true);
  at("queue").scrollIntoView({ block: "nearest" });
  await go();
});

/** Where the page came without encryption (this machine's own network), browsers have no randomUUID. */
const key = () => [...crypto.getRandomValues(new Uint8Array(16))].map((part) => part.toString(16).padStart(2, "0")).join("");

/* The queue */
const clock = new Intl.DateTimeFormat(lang === "ar" ? "ar-u-nu-latn" : lang, { dateStyle: "short", timeStyle: "short" });

function said(entry) {
  if (entry.state === "accepted") {
    const photoReason = entry.photo_reason ? ` · ${word("state.photo", { reason: entry.photo_reason })}` : "";
    return word("state.accepted", { number: entry.number.slice(0, 8).toUpperCase() }) + photoReason;
  }
  if (entry.state === "other") return word("state.other", { who: entry.who });
  return word(`state.${entry.state}`) + (entry.reason && entry.state === "refused" ? `: ${entry.reason}` : "");
}

function row() {
  const change = button("", word("edit"));
  const gone = button("", word("delete"));
  const node = el("li", "", el("b"), el("small"), el("p"), el("div", "do", change, gone));
  change.addEventListener("click", () => edit(node.entry));
  gone.addEventListener("click", async () => {
    if (node.entry.state !== "accepted" && !confirm(word("delete.sure"))) return;
    await remove(node.entry.key);
    await draw();
  });
  return node;
}

async function edit(entry) {
  changing = { key: entry.key, made: entry.made };
  fill(entry.report, entry.place);
  await setPhoto(entry.photo);
  text(at("send"), word("send.change"));
  tell("");
  at("heading").scrollIntoView();
  form.elements.title.focus({ preventScroll: true });
}

async function draw() {
  const entries = await all();
  show(at("none"), !entries.length);
  keyed(at("queue"), entries, (entry) => entry.key, row, (node, entry) => {
    node.entry = entry;
    node.dataset.state = entry.state;
    text(node.querySelector("b"), entry.report.title || entry.report.description?.slice(0, 80));
    text(node.querySelector("small"), clock.format(entry.made));
    text(node.querySelector("p"), said(entry));
    show(node.querySelector("div > button"), !["accepted", "sending"].includes(entry.state) && (!who || who === entry.who));
    show(node.querySelector("div > button + button"), entry.state !== "sending");
  });
  const signIn = entries.some((entry) => ["sign_in", "other"].includes(entry.state));
  const link = el("a", "", word("sign_in"));
  link.href = `/sign-in?next=${encodeURIComponent(`/report?lang=${lang}`)}`;
  const line = [el("span", "", word(navigator.onLine ? "online" : "offline")), signIn && navigator.onLine ? link : ""];
  at("link").replaceChildren(...line);
  at("link").classList.toggle("off", !navigator.onLine);
}

/** Sends what waits; where the link fails the browser is asked to do it later, with the page open or not. */
async function go() {
  await draw();
  if (!(await all()).some((entry) => ["waiting", "sending", "sign_in", "other"].includes(entry.state))) return;
  const worker = await navigator.serviceWorker?.getRegistration("/report");
  await worker?.sync?.register("reports").catch(() => {});
  if (!navigator.onLine) return;
  await deliver(draw).catch(() => {});
  await draw();
}

/** Who is signed in, and which places there are; kept for the times without a link. */
async function learn() {
  try {
    const answer = await fetch("/report/places", { credentials: "same-origin" });
    if (!answer.ok) return;
    const told = await answer.json();
    ({ who, places } = told);
    await keep("who", who);
    await keep("places", places);
  } catch {
    // Without a link the kept ones hold.
  }
}

addEventListener("online", () => learn().then(go));
addEventListener("offline", draw);
document.addEventListener("visibilitychange", () => document.hidden || learn().then(go));
setInterval(go, AGAIN_MS);
navigator.serviceWorker?.addEventListener("message", draw);
navigator.serviceWorker
  ?.register(`/report/worker.mjs?v=${document.body.dataset.version}`, { scope: "/report", type: "module" })
  .catch(() => {}); // without it the page needs the link to open; what it keeps, it keeps all the same
navigator.storage?.persist?.();

fill({}, null);
places = (await kept("places").catch(() => null)) ?? [];
const begun = await kept("draft").catch(() => null);
if (begun && (begun.report.title || begun.report.description || begun.place)) fill(begun.report, begun.place);
await draw();
document.documentElement.dataset.ready = "true";
await learn();
await go();
