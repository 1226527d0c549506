// Seats as they go, on the course page and in the catalog, for guests too: docs/live.md. Numbers
// are put where the server put them; when a course fills up or is free again, the server is asked
// for that part of the page, since more than a number changes then.
// @ts-check

import { morph } from "./live/morph.js";

/** @typedef {{ id: string, seats_left: number | null, window: string }} CohortSeats */
/** @typedef {{ slug: string, seats_left: number | null, state: string, cohorts: CohortSeats[] }} Seats */

const MOST_COURSES = 50;
// Everybody who looks at a course hears at the same moment that it is full: they ask the server
// one after the other.
const SPREAD = 3000;

/** @type {Map<string, string>} what each course was when it was rendered or last asked for */
const states = new Map();
let isAsked = false;

/** @param {Seats} seats */
function take(seats) {
  const before = states.get(seats.slug);
  states.set(seats.slug, seats.state);
  if (before !== undefined && before !== seats.state) ask();
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

function ask() {
  if (isAsked) return;
  isAsked = true;
  setTimeout(() => {
    isAsked = false;
    takeOver().catch(() => {}); // no network: the next change asks again
  }, Math.random() * SPREAD);
}

async function takeOver() {
  const answer = await fetch(location.href, { headers: { "X-Fragment": "1" }, cache: "no-store" });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const old of document.querySelectorAll("[data-fresh]")) {
    const found = page.querySelector(`[data-fresh="${old.getAttribute("data-fresh")}"]`);
    if (found) morph(old, found, document.getElementById("main"));
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
  const look = () => {
    stream?.close();
    const asked = new URLSearchParams(coursesHere().map((slug) => ["course", slug]));
    stream = document.hidden || !asked.size ? null : new EventSource(`/api/v1/seats/events?${asked}`);
    stream?.addEventListener("message", ({ data }) => take(JSON.parse(data)));
  };
  document.addEventListener("visibilitychange", look);
  document.addEventListener("matricula:listed", look); // a search has put other courses here
  addEventListener("pagehide", () => stream?.close());
  addEventListener("pageshow", (event) => event.persisted && look());
  look();
}

// @ts-ignore - Network Information is not everywhere.
const isSparing = navigator.connection?.saveData;
if (!isSparing && coursesHere().length && !document.documentElement.dataset.savedAt) listen();
