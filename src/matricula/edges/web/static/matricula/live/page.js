// Keeps the part of a page that is marked `data-live` in step with the server. The server renders
// it, now as before: when something has happened the page is fetched again, and that part of it is
// taken over. So whatever the server puts there appears by itself.
//
//   <article data-live="enr_…"         the enrollment whose events are heard
//            data-live-after="3"        the number of the last event it shows
//            data-live-over             nothing more will happen
//            data-live-words="…"        what is said aloud when it has changed
//            data-live-again="2"        look again after so many seconds, whatever happens
//            data-live-every="5"        look every so many seconds, while the page can be seen
//            data-live-state="…">       another value: the page is opened anew instead
//   <p role="status" data-live-status>, and a note with `data-live-note` and its words
// @ts-check

import { EventManager } from "./manager.js";
import { morph } from "./morph.js";

const LOOKS = 6;
// A reconnect that succeeds at once is nobody's concern.
const TELL_AFTER = 1500;
// Somebody who pressed a button is on the way elsewhere; one still here after this was not.
const TO_LEAVE = 10_000;

/** The addresses of the events of an enrollment or a place in a waitlist. @param {string} enrollment */
function sourceOf(enrollment) {
  const kind = enrollment.startsWith("wtl_") ? "waitlist" : "enrollments";
  const events = `/api/v1/${kind}/${enrollment}/events`;
  return {
    events,
    poll: `${events}/poll`,
    socket: "/api/v1/live",
    subscription: { type: "subscribe", enrollment_id: enrollment },
  };
}

/** @param {HTMLElement} region */
function follow(region) {
  const status = document.querySelector("[data-live-status]");
  const note = noteOf(document.querySelector("[data-live-note]"));
  const manager = region.dataset.live
    ? new EventManager(
        sourceOf(region.dataset.live),
        { onEvent, onState },
        Number(region.dataset.liveAfter),
      )
    : null;
  let looks = 0;
  let looking = false;
  let wanted = false;
  let timer = 0;
  let left = -TO_LEAVE;

  /** @param {import("./manager.js").LiveEvent} event */
  function onEvent(event) {
    document.dispatchEvent(new CustomEvent("matricula:event", { detail: event }));
    if (event.id > Number(region.dataset.liveAfter)) refresh();
    else settle();
  }

  /** @param {import("./manager.js").State} state */
  function onState(state) {
    note(state);
    // What a lost network kept from being looked at.
    if (manager && manager.lastEventId > Number(region.dataset.liveAfter)) refresh();
  }

  function settle() {
    const shown = Number(region.dataset.liveAfter);
    if (region.hasAttribute("data-live-over") && manager && manager.lastEventId >= shown) {
      manager.stop();
    }
  }

  async function refresh() {
    wanted = true;
    if (looking) return;
    looking = true;
    try {
      while (wanted) {
        wanted = false;
        await look();
      }
    } catch {
      // No network: the events will tell when it is back, and the Refresh link stays.
    } finally {
      looking = false;
      keepLooking();
    }
  }

  async function look() {
    const answer = await fetch(location.href, { headers: { "X-Fragment": "1" }, cache: "no-store" });
    if (performance.now() - left < TO_LEAVE) {
      // What they pressed leads on; opening anything now would undo it.
      setTimeout(refresh, TO_LEAVE);
      return;
    }
    if (answer.redirected && new URL(answer.url).pathname !== location.pathname) {
      location.replace(answer.url);
      return;
    }
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-live]");
    if (!(fresh instanceof HTMLElement)) return;
    if (fresh.dataset.liveState !== region.dataset.liveState) {
      // Not under the hands of somebody who is paying.
      if (!document.documentElement.dataset.busy) location.reload();
      return;
    }
    const said = region.dataset.liveWords;
    morph(region, fresh, region.querySelector("h1"));
    document.title = page.title;
    document.dispatchEvent(new CustomEvent("matricula:fresh"));
    if (status && region.dataset.liveWords !== said) {
      status.textContent = region.dataset.liveWords ?? "";
    }
    settle();
    again();
  }

  function keepLooking() {
    const seconds = Number(region.dataset.liveEvery);
    clearTimeout(timer);
    if (!seconds) return;
    timer = setTimeout(() => (document.hidden ? keepLooking() : refresh()), seconds * 1000);
  }

  function again() {
    const seconds = Number(region.dataset.liveAgain);
    if (!seconds || looks >= LOOKS) return;
    looks += 1;
    setTimeout(refresh, seconds * 1000 * looks);
  }

  addEventListener("beforeunload", () => {
    left = performance.now();
  });
  // The time is over, or was extended in another tab: the server knows.
  document.addEventListener("matricula:over", refresh);
  if (manager && !region.hasAttribute("data-live-over")) manager.start();
  again();
  keepLooking();
}

/**
 * Says that the connection is lost when it has been for a moment, and takes it back.
 * @param {Element | null} note
 */
function noteOf(note) {
  let timer = 0;
  /** @param {import("./manager.js").State} state */
  return (state) => {
    document.documentElement.dataset.line = state;
    clearTimeout(timer);
    if (!(note instanceof HTMLElement)) return;
    /** @param {string} [words] */
    const say = (words = "") => {
      note.textContent = words;
      note.hidden = !words;
    };
    if (state === "reconnecting") {
      timer = setTimeout(() => say(note.dataset.reconnecting), TELL_AFTER);
    } else {
      say(state === "silent" ? note.dataset.silent : "");
    }
  };
}

const region = document.querySelector("[data-live]");
if (region instanceof HTMLElement) follow(region);
