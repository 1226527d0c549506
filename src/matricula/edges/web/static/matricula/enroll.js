// Sends the confirmation without leaving the page: the button says how it stands, waiting can be
// stopped, and without a connection it is written down or nothing is lost. The form works without.
// @ts-check

import { add } from "./offline/queue.js";

const SLOW_AFTER = 4000;
// Where a seat leads; whoever is not signed in any more is led elsewhere.
const BOOKED = /^\/(enrollments|pay|orders)\//;

/** @param {HTMLFormElement} form @param {string} name */
function within(form, name) {
  const found = form.querySelector(`[${name}]`);
  return found instanceof HTMLElement ? found : null;
}

/** @param {HTMLFormElement} form @param {HTMLButtonElement} button */
async function send(form, button) {
  // Not `disabled`: that would drop the focus and silence the words for screen readers.
  if (button.getAttribute("aria-disabled") === "true") return;
  const words = button.textContent;
  const status = within(form, "data-enroll-status");
  const stop = within(form, "data-stop-waiting");
  const abort = new AbortController();
  /** @param {string} [said] */
  const say = (said = "") => {
    if (status) status.textContent = said;
  };
  const unlock = () => {
    button.removeAttribute("aria-disabled");
    button.textContent = words;
  };
  const fields = new FormData(form, button);
  button.setAttribute("aria-disabled", "true");
  button.textContent = button.dataset.progress ?? words;
  say(button.textContent ?? "");
  const slow = setTimeout(() => {
    say(status?.dataset.slow);
    if (stop) stop.hidden = false;
  }, SLOW_AFTER);
  stop?.addEventListener("click", () => abort.abort(), { once: true });
  // Coming back by the browser's button shows the page as it was left.
  addEventListener("pageshow", unlock, { once: true });
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      body: fields,
      headers: { "X-Fragment": "1" },
      signal: abort.signal,
    });
    if (answer.ok && answer.redirected) {
      if (BOOKED.test(new URL(answer.url).pathname)) {
        button.textContent = button.dataset.done ?? words;
        say(button.textContent ?? "");
      }
      location.assign(answer.url);
    } else {
      await show(answer);
    }
  } catch {
    if (abort.signal.aborted) {
      unlock();
      say(status?.dataset.stopped);
    } else if (await writeDown(form, fields)) {
      unlock(); // pressing again writes it down anew, or sends it: it books once
      say(status?.dataset.kept);
    } else {
      unlock();
      button.textContent = button.dataset.failed ?? words;
      say(status?.dataset.unsent);
    }
    button.focus();
  } finally {
    clearTimeout(slow);
    if (stop) stop.hidden = true;
  }
}

/** Shows an answer that leads nowhere: what is wrong, or why not. @param {Response} answer */
async function show(answer) {
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("main");
  const main = document.querySelector("main");
  if (!fresh || !main) {
    location.reload();
    return;
  }
  main.replaceChildren(...fresh.childNodes);
  document.title = page.title;
  scrollTo(0, 0);
  main.focus();
}

/**
 * Writes down what was confirmed: with the price and the terms that were shown, for the person who
 * confirmed. Only for a course of one's own; what needs more waits for the connection.
 * @param {HTMLFormElement} form @param {FormData} fields
 * @returns {Promise<boolean>} whether it was
 */
async function writeDown(form, fields) {
  const { queueCourse: course, queueTitle: title = "", termsVersion } = form.dataset;
  const person = document.querySelector("[data-app]")?.getAttribute("data-person");
  if (!course || !person) return false;
  /** @param {string} name */
  const given = (name) => String(fields.get(name) ?? "") || undefined;
  const body = {
    cohort_id: given("cohort"),
    coupon_code: given("coupon"),
    billing_country: given("country"),
    billing_state: given("state"),
    billing_tax_id: given("tax_id"),
    billing_name: given("billing_name"),
    billing_address: given("billing_address"),
    consent: given("terms") && termsVersion ? { terms_version: termsVersion } : undefined,
    expected_total_minor: Number(given("total") ?? 0),
  };
  try {
    await add({ person, course, title, body });
    return true;
  } catch {
    return false; // nothing can be kept here, as in some private windows
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || !form.matches("[data-enroll-form]")) return;
  const button = form.querySelector("button[data-progress]");
  // Other buttons of the form only show it anew.
  if (!(button instanceof HTMLButtonElement)) return;
  if (event.submitter && event.submitter !== button) return;
  event.preventDefault();
  send(form, button);
});
