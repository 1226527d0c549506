// Seats as they go, on the course page and in the catalog, for guests too: docs/live.md. Numbers
// are put where the server put them; when a course fills up or is free again, the server is asked
// for that part of the page, since more than a number changes then.
// @ts-check

import { pause } from "./live/backoff.js";
import { morph } from "./live/morph.js";

/** @typedef {{ id: string, seats_left: number | null, window: string }} CohortSeats */
/** @typedef {{ slug: string, seats_left: number | null, state: string, cohorts: CohortSeats[] }} Seats */

const MOST_COURSES = 50;
// Everybody who looks at a course hears at the same moment that it is full: they ask the server
// one after the other.
const SPREAD = 3000;
const MOST_TRIES = 6;

/** @type {Map<string, string>} the state of each course that was told last */
const told = new Map();
let isAsking = false;

/** @param {Seats} seats */
function take(seats) {
  told.set(seats.slug, seats.state);
  if (isBehind()) ask();
  for (const place of document.querySelectorAll(`[data-seats="${CSS.escape(seats.slug)}"]`)) {
    if (place instanceof HTMLElement) put(place, seats.seats_left);
  }
  for (const meter of document.querySelectorAll(`[data-meter="${CSS.escape(seats.slug)}"]`)) {
    if (meter instanceof HTMLProgressElement) meter.value = meter.max - (seats.seats_left ?? meter.max);
  }
  for (const cohort of seats.cohorts) {
    for (const place of document.querySelectorAll(`[data-seats="${CSS.escape(cohort.id)}"]`)) {
      if (place instanceof HTMLElement) put(place, cohort.seats_left);
    }
  }
}

/** Whether a course was told to be in another state than the one that the server rendered: since
 * then, or before this page began to listen. */
function isBehind() {
  return [...document.querySelectorAll("[data-seats-state]")].some((place) => {
    const state = told.get(place.getAttribute("data-seats-of") ?? "");
    return state !== undefined && state !== place.getAttribute("data-seats-state");
  });
}

/** @param {HTMLElement} place @param {number | null} left */
function put(place, left) {
  const words = document.querySelector("[data-seat-words]");
  if (left === null || !(words instanceof HTMLElement)) return;
  const rules = new Intl.PluralRules(document.documentElement.lang);
  const said = words.dataset[left === 0 ? "none" : rules.select(left)] ?? words.dataset.other ?? "";
  const text = said.replace("%(count)d", String(left));
  if (place.textContent !== text) place.textContent = text;
  place.classList.toggle("low", left > 0 && left <= Number(words.dataset.low));
}

/** Asks until the page is as it was told to be, or it is no use. */
async function ask() {
  if (isAsking) return;
  isAsking = true;
  for (let tries = 0; tries < MOST_TRIES && isBehind(); tries += 1) {
    await rest(tries ? pause(tries) : Math.random() * SPREAD);
    // No network: it may be back by the next try.
    if (isBehind()) await takeOver().catch(() => {});
  }
  isAsking = false;
}

/** @param {number} milliseconds */
function rest(milliseconds) {
  return new Promise((done) => {
    setTimeout(done, milliseconds);
  });
}

async function takeOver() {
  const answer = await fetch(location.href, { headers: { "X-Fragment": "1" }, cache: "no-store" });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const old of document.querySelectorAll("[data-fresh]")) {
    const found = page.querySelector(`[data-fresh="${old.getAttribute("data-fresh")}"]`);
    if (found) morph(old, found, document.getElementById("main"));
    // Not listed any more: it stays as it is under the reader's eyes.
    else old.removeAttribute("data-seats-state");
  }
}

/** The courses of this page, each once, as many as one stream tells of. */
function coursesHere() {
  const found = [...document.querySelectorAll("[data-seats-of]")];
  const slugs = found.map((place) => place.getAttribute("data-seats-of") ?? "");
  return [...new Set(slugs)].slice(0, MOST_COURSES);
}

/** Listens while the page can be seen: a browser has few connections to give. */
function listen() {
  /** @type {EventSource | null} */
  let stream = null;
  let tries = 0;
  let timer = 0;
  const look = () => {
    clearTimeout(timer);
    stream?.close();
    const asked = new URLSearchParams(coursesHere().map((slug) => ["course", slug]));
    stream = document.hidden || !asked.size ? null : new EventSource(`/api/v1/seats/events?${asked}`);
    stream?.addEventListener("message", ({ data }) => {
      tries = 0;
      take(JSON.parse(data));
    });
    stream?.addEventListener("error", () => {
      // Broken off, it connects again by itself; refused, for instance by a proxy during a
      // restart, it does not.
      if (stream?.readyState === EventSource.CLOSED) timer = setTimeout(look, pause((tries += 1)));
    });
  };
  document.addEventListener("visibilitychange", look);
  document.addEventListener("matricula:listed", look); // a search has put other courses here
  addEventListener("pagehide", () => {
    clearTimeout(timer);
    stream?.close();
  });
  addEventListener("pageshow", (event) => event.persisted && look());
  look();
}

// @ts-ignore - Network Information is not everywhere.
const isSparing = navigator.connection?.saveData;
if (!isSparing && coursesHere().length && !document.documentElement.dataset.savedAt) listen();
