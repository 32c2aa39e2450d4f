// The service worker of /report: the page opens without a link, and what waits is sent when the link is back, page open or not.
// It answers for this page and what it is made of; everything else goes to the network as it came.

import { deliver } from "/assets/report_queue.mjs";

const version = new URL(self.location).searchParams.get("v");
const PARTS = ["favicon.svg", "report.css", "report.mjs", "report_queue.mjs", "report_place.mjs", "report_photo.mjs"];
const SHARED = ["dom.mjs", "mgrs.mjs", "mgrs_back.mjs"];
const CACHE = `report-${version}`;
const LANGUAGES = ["en", "fr", "ar"];
const PATIENCE_MS = 4_000; // for a fresh page on a weak link; then the one that is kept

const pageOf = (lang) => `/report?lang=${lang}`;

self.addEventListener("install", (event) => {
  const parts = [...PARTS, ...SHARED].map((name) => `/assets/v-${version}/${name}`);
  const pages = LANGUAGES.map(pageOf);
  event.waitUntil(
    (async () => {
      const cache = await caches.open(CACHE);
      await cache.addAll([...parts, ...pages]);
      await self.skipWaiting();
    })(),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) {
        if (name.startsWith("report-") && name !== CACHE) await caches.delete(name);
      }
      await self.clients.claim();
    })(),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { pathname } = new URL(request.url);
  if (request.method !== "GET") return;
  if (request.mode === "navigate" && pathname === "/report") event.respondWith(page(request));
  else if (pathname.startsWith(`/assets/v-${version}/`)) event.respondWith(part(request));
});

self.addEventListener("sync", (event) => {
  if (event.tag === "reports") event.waitUntil(deliver(tell));
});

async function tell() {
  for (const client of await self.clients.matchAll()) client.postMessage("changed");
}

async function part(request) {
  return (await caches.match(request, { cacheName: CACHE, ignoreVary: true })) ?? fetch(request);
}

/** The server's page, so that whoever is signed out gets to the sign-in; where it does not come, the kept one. */
async function page(request) {
  const asked = new URL(request.url).searchParams.get("lang") ?? navigator.language.slice(0, 2);
  const lang = LANGUAGES.includes(asked) ? asked : "en";
  const held = await caches.match(pageOf(lang), { cacheName: CACHE, ignoreVary: true });
  if (!held) return fetch(request);
  const late = new Promise((done) => setTimeout(done, PATIENCE_MS, held));
  const fresh = fetch(request).then(
    (found) => (found.status >= 500 ? held : found),
    () => held,
  );
  return Promise.race([fresh, late]);
}
