// Asking again and again; each question waits at the server until there is something to say.
// @ts-check

import { wished } from "./backoff.js";

const WAIT_SECONDS = 25;
// A server that answers "nothing new" at once must not be asked in a circle.
const SHORTEST_ROUND = 2000;

/** @type {import("./manager.js").Transport} */
export function longPoll(source, after, reports) {
  const abort = new AbortController();
  ask(source.poll, after, reports, abort.signal).catch(() => reports.closed({}));
  return () => abort.abort();
}

/**
 * @param {string} address @param {number} after
 * @param {import("./manager.js").Reports} reports @param {AbortSignal} signal
 */
async function ask(address, after, reports, signal) {
  let timeout = 0; // the first question only finds out whether this way is open
  for (;;) {
    const began = Date.now();
    const asked = `${address}?last_event_id=${after}&timeout=${timeout}`;
    const answer = await fetch(asked, { cache: "no-store", signal });
    if (!answer.ok) {
      const refused = answer.status < 500 && answer.status !== 429;
      return reports.closed({ refused, wait: wished(answer.headers) });
    }
    reports.opened();
    if (answer.headers.has("X-Story-Over")) return reports.ended();
    if (answer.status === 200) {
      /** @type {{ items: import("./manager.js").LiveEvent[] }} */
      const { items } = await answer.json();
      for (const event of items) {
        after = event.id;
        reports.event(event);
      }
    } else if (timeout) {
      const rest = SHORTEST_ROUND - (Date.now() - began);
      if (rest > 0) await new Promise((done) => setTimeout(done, rest));
    }
    if (signal.aborted) return;
    timeout = WAIT_SECONDS;
  }
}
