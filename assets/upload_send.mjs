// What the page of uploads says to the server: files as they are, then what is chosen of them as JSON.

import { lang } from "./i18n.mjs";

const POLL_MS = 700;

async function answerOf(answer) {
  const told = await answer.json().catch(() => null);
  if (answer.ok) return told;
  const error = new Error(told?.description ?? `HTTP ${answer.status}`);
  error.status = answer.status;
  throw error;
}

/** Asks one of the acts under /api/upload/; aborting `signal` ends its work on the server, too. */
export const ask = (act, told, signal) => send(`/api/upload/${act}`, told, signal);

/** Takes a committed payload back whole: {retracted, back, stays} in records. */
export const takeBack = (revision, why, signal) => send("/api/batches/undo", { revision, why }, signal);

async function send(path, told, signal) {
  const answer = await fetch(`${path}?lang=${lang()}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(told),
    signal,
  });
  return answerOf(answer);
}

/** Asks until the work is over; `progress({rows, file})` meanwhile. */
export async function askUntilDone(act, told, signal, progress) {
  for (;;) {
    const found = await ask(act, told, signal);
    if (found.state === "done") return found.outcome;
    if (found.state === "failed") throw new Error(found.error);
    progress(found);
    await new Promise((done) => setTimeout(done, POLL_MS));
    if (signal.aborted) throw new DOMException("", "AbortError");
  }
}

export async function overview(signal) {
  return answerOf(await fetch("/api/upload", { signal }));
}

/** Sends one file into a drop (a new one where `id` is empty); `progress(0..1)` while it goes. */
export function sendFile(id, file, signal, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch tells nothing of how far an upload is
    request.open("POST", `/api/upload/file?${new URLSearchParams({ id, name: file.name })}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.responseType = "json";
    request.upload.addEventListener("progress", ({ loaded, total }) => progress(total ? loaded / total : 0));
    request.addEventListener("load", () =>
      request.status === 200
        ? resolve(request.response)
        : reject(new Error(request.response?.description ?? `HTTP ${request.status}`)),
    );
    request.addEventListener("error", () => reject(new Error("HTTP 0")));
    request.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(file);
  });
}
