// On every page: the service worker, what waits to be sent, and what the person is told about both.
// @ts-check

import "./times.js";
import { pause } from "./live/backoff.js";
import { drain, entriesOf, onChange, remove, SYNC_TAG } from "./offline/queue.js";
import { queueView } from "./offline/queue_view.js";
import { lastPerson, setLastPerson } from "./offline/store.js";

const KEPT_PAGES = /^\/(courses\/[\w-]+\/)?$/;

/** @param {HTMLElement} notes */
async function begin(notes) {
  const savedAt = document.documentElement.dataset.savedAt;
  if (savedAt) tellSaved(notes, savedAt);
  // A saved page is as everybody sees it: it does not say that nobody is signed in.
  else if (notes.dataset.person) await setLastPerson(notes.dataset.person);
  await followQueue(notes);
  forgetAtSignOut();
  if ("serviceWorker" in navigator) await followWorker(notes);
}

/** @param {HTMLElement} notes @param {string} name */
function reveal(notes, name) {
  const note = notes.querySelector(`[${name}]`);
  if (note instanceof HTMLElement) note.hidden = false;
  notes.hidden = false;
  return note;
}

/** @param {HTMLElement} notes @param {string} savedAt */
function tellSaved(notes, savedAt) {
  const note = notes.querySelector("[data-saved] [data-words]");
  if (!(note instanceof HTMLElement)) return;
  const moment = new Date(savedAt).toLocaleString(document.documentElement.lang, {
    dateStyle: "long",
    timeStyle: "short",
  });
  note.textContent = (note.dataset.words ?? "").replace("%(moment)s", moment);
  reveal(notes, "data-saved");
}

/** @param {HTMLElement} notes */
async function followQueue(notes) {
  const list = notes.querySelector("[data-queue]");
  const template = document.querySelector("template[data-queue-entry]");
  const status = document.querySelector("[data-app-status]");
  if (!(list instanceof HTMLElement) || !(template instanceof HTMLTemplateElement)) return;
  const show = queueView(list, template, (words) => {
    if (status) status.textContent = words;
  });
  let tries = 0;
  let timer = 0;

  async function refresh() {
    const entries = await show(await lastPerson());
    if (entries.length) notes.hidden = false;
    const isOpen = entries.some((entry) => entry.state === "waiting");
    const waits = entries.some((entry) => entry.state === "waiting" && !entry.signedOut);
    const warning = document.querySelector("[data-sign-out-note]");
    if (warning instanceof HTMLElement) warning.hidden = !isOpen;
    clearTimeout(timer);
    if (waits && !document.hidden) timer = setTimeout(send, pause((tries += 1)));
    return waits;
  }

  async function send() {
    await drain().catch(() => {}); // no connection: the next occasion comes
    await refresh();
  }

  /** What waits is sent by this page or, once it is closed, by the browser. */
  async function look() {
    if (await refresh()) await askForSync();
  }

  onChange(look);
  const again = () => {
    tries = 0;
    send();
  };
  addEventListener("online", again);
  document.addEventListener("visibilitychange", () => document.hidden || again());
  await look();
  await send();
}

/** So that it is sent though no page is open any more, where the browser can do that. */
async function askForSync() {
  const registration = await navigator.serviceWorker?.getRegistration();
  // @ts-ignore - Background Synchronization is not everywhere, and not in the library's types.
  await registration?.sync?.register(SYNC_TAG).catch(() => {});
}

/** Who signs out takes along what only they should see. */
function forgetAtSignOut() {
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.matches("[data-sign-out]")) return;
    event.preventDefault();
    try {
      for (const entry of await entriesOf(await lastPerson())) await remove(entry.key);
      await setLastPerson("");
    } finally {
      form.submit();
    }
  });
}

/** @param {HTMLElement} notes */
async function followWorker(notes) {
  // A browser without module workers, or one told to keep none, goes on without.
  const registration = await navigator.serviceWorker
    .register("/sw.js", { type: "module", updateViaCache: "none" })
    .catch(() => null);
  if (!registration) return;
  const offer = () => offerUpdate(notes, registration);
  if (registration.waiting && navigator.serviceWorker.controller) offer();
  registration.addEventListener("updatefound", () => {
    const fresh = registration.installing;
    fresh?.addEventListener("statechange", () => {
      if (fresh.state === "installed" && navigator.serviceWorker.controller) offer();
    });
  });
  // @ts-ignore - Network Information is not everywhere.
  const isSparing = navigator.connection?.saveData;
  if (KEPT_PAGES.test(location.pathname) && !document.documentElement.dataset.savedAt && !isSparing) {
    const ready = await navigator.serviceWorker.ready;
    ready.active?.postMessage({
      keep: location.pathname,
      language: document.documentElement.lang,
    });
  }
}

/** @param {HTMLElement} notes @param {ServiceWorkerRegistration} registration */
function offerUpdate(notes, registration) {
  const note = reveal(notes, "data-update");
  note?.querySelector("button")?.addEventListener("click", () => {
    navigator.serviceWorker.addEventListener("controllerchange", () => location.reload());
    registration.waiting?.postMessage("take over");
  });
}

const notes = document.querySelector("[data-app]");
if (notes instanceof HTMLElement) begin(notes);
