// Server-sent events, read with fetch: EventSource hides status codes and heartbeats.
// https://html.spec.whatwg.org/multipage/server-sent-events.html
// @ts-check

import { wished } from "./backoff.js";

// The server's heart beats every 15 seconds. A stream that stays silent for longer is dead, or
// something on the way keeps it back.
const LONGEST_SILENCE = 40_000;
// ... and one that says nothing at all is held back from the start: its first bytes come at once.
const FIRST_SIGN = 10_000;

/** @type {import("./manager.js").Transport} */
export function serverSent(source, after, reports) {
  const abort = new AbortController();
  read(source.events, after, reports, abort).catch(() => reports.closed({}));
  return () => abort.abort();
}

/**
 * @param {string} address @param {number} after
 * @param {import("./manager.js").Reports} reports @param {AbortController} abort
 */
async function read(address, after, reports, abort) {
  let watch = setTimeout(() => abort.abort(), FIRST_SIGN);
  try {
    const answer = await fetch(address, {
      headers: { Accept: "text/event-stream", "Last-Event-ID": String(after) },
      cache: "no-store",
      signal: abort.signal,
    });
    if (answer.status === 204) return reports.ended();
    if (!answer.ok || !answer.body) {
      const refused = answer.status < 500 && answer.status !== 429;
      return reports.closed({ refused, wait: wished(answer.headers) });
    }
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    const parse = parser(reports.event);
    /** @type {number | undefined} */
    let wait;
    for (;;) {
      const { value, done } = await reader.read();
      clearTimeout(watch);
      if (done) return reports.closed({ wait });
      reports.opened();
      wait = parse(value) ?? wait;
      watch = setTimeout(() => abort.abort(), LONGEST_SILENCE);
    }
  } finally {
    clearTimeout(watch);
  }
}

/**
 * Takes the stream in pieces and tells each whole event. Answers with the server's `retry:`, in
 * milliseconds, when a piece holds one.
 * @param {(event: import("./manager.js").LiveEvent) => void} tell
 */
export function parser(tell) {
  let rest = "";
  let data = "";
  /** @param {string} piece */
  return (piece) => {
    /** @type {number | undefined} */
    let retry;
    const lines = (rest + piece).split(/\r\n|\n|\r/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") {
        if (data) tell(JSON.parse(data));
        data = "";
      } else if (line.startsWith("data:")) {
        data += line.slice(5);
      } else if (line.startsWith("retry:")) {
        retry = Number(line.slice(6)) || undefined;
      }
    }
    return retry;
  };
}
