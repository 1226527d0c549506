// A conversation with support, live: what staff writes appears by itself, and what the person
// writes is sent without leaving the page. The form and the Refresh link work without it.
//
//   <section data-talk="sup_…"   the conversation; the server renders it, now as before
//            data-last="3"        the number of its last message
//            data-live="1">       the person is signed in: the WebSocket is open to them
//   <p role="status" data-talk-status>, <p role="alert" data-talk-problem>, <form data-talk-form>
// @ts-check

import { pause } from "./live/backoff.js";
import { morph } from "./live/morph.js";

// Where there is no WebSocket the page looks by itself, as somebody who waits would.
const LOOK_EVERY = 20_000;
const ANSWER_WITHIN = 8000;
const SLOW_AFTER = 2000;

/** @typedef {{ type: string, request_id?: string, detail?: string, number?: number }} Answer */

/** @param {HTMLElement} talk */
function follow(talk) {
  const status = document.querySelector("[data-talk-status]");
  const problem = document.querySelector("[data-talk-problem]");
  const form = document.querySelector("form[data-talk-form]");
  /** @type {WebSocket | null} */
  let socket = null;
  /** @type {Map<string, (answer: Answer) => void>} */
  const asked = new Map();
  let tries = 0;
  let asking = 0;
  let looking = Promise.resolve();

  const last = () => Number(talk.dataset.last);
  /** @param {string} [words] */
  const say = (words = "") => {
    if (status) status.textContent = words;
  };
  /** @param {string} [words] */
  const complain = (words = "") => {
    if (!(problem instanceof HTMLElement)) return;
    problem.textContent = words;
    problem.hidden = !words;
  };

  /** One look after the other, so that the last has the last word. */
  function look() {
    looking = looking.then(fetchPage).catch(() => {});
    return looking;
  }

  async function fetchPage() {
    const answer = await fetch(location.href, { headers: { "X-Fragment": "1" }, cache: "no-store" });
    if (!answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-talk]");
    if (!(fresh instanceof HTMLElement)) return;
    const before = last();
    morph(talk, fresh, null);
    const theirs = [...talk.querySelectorAll(".said.staff")].some(
      (line) => Number(line.id.replace("message-", "")) > before,
    );
    if (theirs && status instanceof HTMLElement) say(status.dataset.answered);
  }

  function connect() {
    if (socket || !talk.dataset.live || document.hidden) return;
    const address = new URL("/api/v1/live", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const opened = new WebSocket(address);
    socket = opened;
    opened.onopen = () => {
      tries = 0;
      send("support.subscribe", { after: last() });
    };
    opened.onmessage = (message) => hear(JSON.parse(message.data));
    opened.onclose = () => {
      if (socket !== opened) return;
      socket = null;
      asked.forEach((answer) => answer({ type: "closed" }));
      tries += 1;
      setTimeout(connect, pause(tries));
    };
  }

  /** @param {string} type @param {Record<string, unknown>} members */
  function send(type, members) {
    asking += 1;
    const request_id = String(asking);
    const conversation_id = talk.dataset.talk;
    socket?.send(JSON.stringify({ type, request_id, conversation_id, ...members }));
    return request_id;
  }

  /** @param {Answer} answer */
  function hear(answer) {
    const waiting = answer.request_id && asked.get(answer.request_id);
    if (waiting) waiting(answer);
    if (answer.type === "support.message" && Number(answer.number) > last()) look();
  }

  /**
   * The answer to a message; "late" when none came in time.
   * @param {string} content @param {string} key @returns {Promise<Answer>}
   */
  function write(content, key) {
    const id = send("support.message", { content, key });
    return new Promise((done) => {
      const late = setTimeout(() => done({ type: "late" }), ANSWER_WITHIN);
      asked.set(id, (answer) => {
        clearTimeout(late);
        done(answer);
      });
    }).finally(() => asked.delete(id));
  }

  /** @param {HTMLFormElement} sheet */
  function guard(sheet) {
    const words = sheet.elements.namedItem("content");
    const draft = sheet.elements.namedItem("draft");
    if (!(words instanceof HTMLTextAreaElement) || !(draft instanceof HTMLInputElement)) return;
    let sending = false;
    sheet.addEventListener("submit", async (event) => {
      if (sending) {
        event.preventDefault();
        return;
      }
      if (socket?.readyState !== WebSocket.OPEN) return; // the form goes by itself
      event.preventDefault();
      sending = true;
      sheet.setAttribute("aria-busy", "true");
      complain();
      const slow = setTimeout(
        () => say(status instanceof HTMLElement ? status.dataset.slow : ""),
        SLOW_AFTER,
      );
      const answer = await write(words.value, draft.value);
      clearTimeout(slow);
      sheet.removeAttribute("aria-busy");
      sending = false;
      if (answer.type === "support.kept") {
        words.value = "";
        draft.value = crypto.randomUUID();
        await look();
        say(status instanceof HTMLElement ? status.dataset.sent : "");
      } else if (answer.type === "error") {
        complain(answer.detail);
        words.focus();
      } else {
        sheet.submit(); // under the same draft: kept once, whatever became of the first try
      }
    });
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      const closing = socket;
      socket = null;
      closing?.close();
    } else {
      look();
      connect();
    }
  });
  setInterval(() => {
    if (!document.hidden && socket?.readyState !== WebSocket.OPEN) look();
  }, LOOK_EVERY);
  if (form instanceof HTMLFormElement) guard(form);
  connect();
}

const talk = document.querySelector("[data-talk]");
if (talk instanceof HTMLElement) follow(talk);
