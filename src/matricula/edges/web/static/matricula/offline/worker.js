// The service worker. Pages come from the network and, where there is none, from what is saved;
// nothing that was fetched with somebody's cookies is ever saved. Why: docs/adr/0021.
// @ts-check

import { drain, SYNC_TAG } from "./queue.js";

/** @type {ServiceWorkerGlobalScope} */
// @ts-ignore - the global of a service worker
const worker = self;
const PAGES = "pages";
const ART = "art";
const MOST_PAGES = 40;
const MOST_ART = 80;
const SAVED_AT = "X-Saved-At";
// A copy that is younger is not fetched again.
const FRESH_FOR = 10 * 60_000;
// With a copy at hand, nobody waits longer for a network that hangs.
const PATIENCE = 8000;

/**
 * @param {object} given
 * @param {string} given.build names this version
 * @param {string[]} given.shell addresses of what pages are made of
 * @param {{ catalog: string, offline: string, enroll: string }} given.pages
 */
export function serve({ build, shell, pages }) {
  const SHELL = `shell-${build}`;

  worker.addEventListener("install", (event) => {
    event.waitUntil(install());
  });
  worker.addEventListener("activate", (event) => {
    event.waitUntil(activate());
  });
  worker.addEventListener("message", ({ data }) => {
    if (data === "take over") worker.skipWaiting();
    if (data?.keep) keepPage(data.keep, data.language).catch(() => {});
    if (data?.language) speak(data.language).catch(() => {});
  });
  worker.addEventListener("sync", (/** @type {any} */ event) => {
    if (event.tag === SYNC_TAG) event.waitUntil(drain());
  });
  worker.addEventListener("fetch", (event) => {
    const { request } = event;
    const address = new URL(request.url);
    if (request.method !== "GET" || address.origin !== location.origin) return;
    if (request.mode === "navigate") {
      if (!address.pathname.startsWith("/console/")) event.respondWith(page(event, address));
    } else if (/^\/static\/\w+\/matricula\//.test(address.pathname)) {
      event.respondWith(part(request, address));
    } else if (/^\/courses\/[\w-]+\/art\.svg$/.test(address.pathname)) {
      event.respondWith(art(request));
    }
  });

  async function install() {
    const cache = await caches.open(SHELL);
    await cache.addAll(shell);
    for (const path of [pages.offline, pages.enroll]) await save(cache, path);
    // @ts-ignore - Network Information is not everywhere.
    if (!navigator.connection?.saveData) await keepPage(pages.catalog);
  }

  /** The pages shown offline, in the language of the page that was last looked at.
   * @param {string} language */
  async function speak(language) {
    const cache = await caches.open(SHELL);
    for (const path of [pages.offline, pages.enroll]) {
      const kept = await cache.match(path);
      if (kept && languageOf(kept) !== language) await save(cache, path, language);
    }
  }

  async function activate() {
    for (const name of await caches.keys()) {
      if (name.startsWith("shell-") && name !== SHELL) await caches.delete(name);
    }
    await worker.registration.navigationPreload?.enable();
    await worker.clients.claim();
  }

  /** @param {FetchEvent} event @param {URL} address */
  async function page(event, address) {
    const copy = await (await caches.open(PAGES)).match(address.pathname);
    const fromNetwork = network(event);
    try {
      return await (copy ? Promise.race([fromNetwork, giveUp(PATIENCE)]) : fromNetwork);
    } catch {
      fromNetwork.catch(() => {});
      if (copy) return marked(copy);
      const isEnroll = /^\/courses\/[\w-]+\/enroll\/$/.test(address.pathname);
      const instead = await caches.match(isEnroll ? pages.enroll : pages.offline);
      return instead ? marked(instead) : Response.error();
    }
  }

  /** A file of any build: its own text if we have it, else the one of that name we have.
   * @param {Request} request @param {URL} address */
  async function part(request, address) {
    const kept = await caches.match(request);
    if (kept) return kept;
    try {
      return await fetch(request);
    } catch (error) {
      const name = address.pathname.replace(/^\/static\/\w+\//, "/");
      const known = shell.find((other) => other.endsWith(name));
      const instead = known && (await caches.match(known));
      if (instead) return instead;
      throw error;
    }
  }
}

/** @param {FetchEvent} event */
async function network(event) {
  return (await event.preloadResponse) ?? fetch(event.request);
}

/** @param {number} milliseconds @returns {Promise<never>} */
function giveUp(milliseconds) {
  return new Promise((_, fail) => {
    setTimeout(() => fail(new Error("too slow")), milliseconds);
  });
}

/** Drawn from the slug alone, and the same for ever. @param {Request} request */
async function art(request) {
  const cache = await caches.open(ART);
  const kept = await cache.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) {
    await cache.put(request, answer.clone());
    await trim(cache, MOST_ART);
  }
  return answer;
}

/** @param {Response} answer */
function languageOf(answer) {
  return answer.headers.get("Content-Language");
}

/** Saves the page as everybody sees it: asked for without cookies, in the language of the page.
 * @param {string} path @param {string} [language] */
async function keepPage(path, language) {
  const cache = await caches.open(PAGES);
  const old = await cache.match(path);
  const age = Date.now() - Date.parse(old?.headers.get(SAVED_AT) ?? "");
  const isSaid = !language || (old && languageOf(old) === language);
  if (isSaid && age < FRESH_FOR) return;
  await save(cache, path, language);
  await trim(cache, MOST_PAGES);
}

/** @param {Cache} cache @param {string} path @param {string} [language] the browser's without */
async function save(cache, path, language) {
  const wanted = language ? { "Accept-Language": language } : undefined;
  const answer = await fetch(path, { credentials: "omit", cache: "no-store", headers: wanted });
  if (!answer.ok || answer.redirected) return;
  const headers = new Headers(answer.headers);
  headers.set(SAVED_AT, new Date().toISOString());
  await cache.delete(path); // the newest stand last
  await cache.put(path, new Response(await answer.blob(), { headers }));
}

/** Lets the oldest go. @param {Cache} cache @param {number} most */
async function trim(cache, most) {
  const kept = await cache.keys();
  for (const request of kept.slice(0, Math.max(0, kept.length - most))) await cache.delete(request);
}

/** The copy, saying when it was saved. @param {Response} copy */
async function marked(copy) {
  const text = await copy.text();
  const savedAt = copy.headers.get(SAVED_AT) ?? "";
  return new Response(text.replace("<html ", `<html data-saved-at="${savedAt}" `), {
    headers: copy.headers,
  });
}
