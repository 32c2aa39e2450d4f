// Reports on this phone: kept in IndexedDB until the server has them for good, sent one after the other, each under its own key.
// Used by the page and by its worker; a lock sees to it that one of them sends at a time.

const NAME = "commonground-report";
const KEPT_MS = 7 * 86_400_000; // accepted ones, as a receipt without their content
export const PHOTO_BYTES = 3 << 20;

const opened = () =>
  new Promise((done, fail) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore("queue", { keyPath: "key" });
      asked.result.createObjectStore("kept");
    };
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => fail(asked.error);
  });

/** Runs `work(store)` in one transaction; resolves with what it made once that is on the disk. */
async function within(name, mode, work) {
  const base = await opened();
  try {
    return await new Promise((done, fail) => {
      const turn = base.transaction(name, mode, { durability: "strict" });
      let result;
      turn.oncomplete = () => done(result);
      turn.onabort = () => fail(turn.error);
      turn.onerror = () => fail(turn.error);
      const asked = work(turn.objectStore(name), (value) => (result = value));
      if (asked) asked.onsuccess = () => (result = asked.result);
    });
  } finally {
    base.close();
  }
}

export const all = async () =>
  (await within("queue", "readonly", (store) => store.getAll())).sort((a, b) => b.made - a.made);
export const put = (entry) => within("queue", "readwrite", (store) => store.put(entry));
export const remove = (key) => within("queue", "readwrite", (store) => store.delete(key));
export const keep = (name, value) => within("kept", "readwrite", (store) => store.put(value, name));
export const kept = (name) => within("kept", "readonly", (store) => store.get(name));

/** Changes an entry, unless its writer changed it since it was read: then theirs stands. */
const change = (entry, parts) =>
  within("queue", "readwrite", (store, result) => {
    const asked = store.get(entry.key);
    asked.onsuccess = () => {
      const now = asked.result;
      if (!now || now.edited !== entry.edited) return;
      const changed = { ...now, ...parts };
      store.put(changed);
      result(changed);
    };
  });

class NoLink extends Error {}

/**
 * Sends what waits, oldest first; `told()` after each step. Rejects where the link fails, so that a browser that syncs in the
 * background asks again. What another person wrote waits for them.
 */
export function deliver(told = () => {}) {
  return navigator.locks.request("commonground-report", async () => {
    const now = Date.now();
    for (const entry of (await all()).reverse()) {
      if (entry.state === "accepted" && now - entry.made > KEPT_MS) await remove(entry.key);
      if (!["waiting", "sending", "sign_in", "other"].includes(entry.state)) continue;
      const sending = await change(entry, { state: "sending" });
      if (!sending) continue;
      told();
      try {
        await send(sending);
      } catch (error) {
        await change(sending, { state: "waiting" });
        told();
        throw error;
      }
      told();
    }
  });
}

async function send(entry) {
  const who = `written_by=${encodeURIComponent(entry.who)}`;
  const key = { "Idempotency-Key": entry.key };
  const json = { ...key, "Content-Type": "application/json" };
  let held = entry;
  if (!entry.number) {
    const { state, reason, answer } = await post(`/api/reports?${who}`, json, JSON.stringify(entry.report));
    if (state !== "accepted") return change(entry, { state, reason });
    held = await change(entry, { number: answer.id || entry.key });
    if (!held) return undefined;
  }
  let reason = "";
  if (held.photo) {
    const type = { ...key, "Content-Type": held.photo.blob.type };
    const sent = await post(`/api/reports/photo?${who}&keep=${held.photo.keep ? 1 : 0}`, type, held.photo.blob);
    if (["sign_in", "other"].includes(sent.state)) return change(held, { state: sent.state });
    reason = sent.state === "accepted" ? "" : sent.reason;
  }
  // The server has it: what is left here is a receipt.
  const receipt = { title: held.report.title };
  return change(held, { state: "accepted", reason: "", photo_reason: reason, report: receipt, photo: null });
}

async function post(address, headers, body) {
  let told;
  try {
    told = await fetch(address, { method: "POST", headers, body, credentials: "same-origin", redirect: "error" });
  } catch (error) {
    throw new NoLink(error.message);
  }
  if (told.ok) return { state: "accepted", answer: await told.json() };
  const reason = await told.json().then(
    (found) => found.description,
    () => `HTTP ${told.status}`,
  );
  if (told.status === 401) return { state: "sign_in", reason };
  if (told.status === 409) return { state: "other", reason };
  // A proxy between, a server that starts, too much at once: it was not judged, so it waits.
  if (told.status >= 500 || [408, 425, 429].includes(told.status)) throw new NoLink(reason);
  return { state: "refused", reason };
}
