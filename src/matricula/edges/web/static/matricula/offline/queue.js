// Enrollments confirmed without a connection: written down, sent once, their result told. An entry
// holds no seat, and nothing here says that it does. Runs in pages and in the service worker.
// @ts-check

import * as store from "./store.js";

/**
 * @typedef {object} Entry
 * @property {string} key its Idempotency-Key: however often it is sent, it books once
 * @property {string} person who confirmed it; sent for nobody else
 * @property {string} course the course's slug
 * @property {string} title
 * @property {Record<string, unknown>} body what is sent, with the total that was shown
 * @property {number} at when it was confirmed
 * @property {"waiting" | "stale" | "done" | "refused"} state
 * @property {boolean} [tried] it was sent, and no answer came
 * @property {boolean} [signedOut] the login ended before it could be sent
 * @property {Result} [result]
 */
/**
 * @typedef {object} Result
 * @property {string} [enrollment]
 * @property {string} [status]
 * @property {string} [pay] where its money is paid; nothing is paid by itself
 * @property {string} [title] why it was refused
 * @property {string} [detail]
 * @property {{ title: string, url: string }[]} [alternatives]
 */

const SEND_TO = "/api/v1/enrollments/initialize";
const SESSION = "/offline/session/";
// The server remembers a key for a day. What was confirmed before that is confirmed anew.
const LIFETIME = 24 * 3600 * 1000;
const KEPT_FOR = 30 * LIFETIME;
const NEWS = "matricula-queue";
export const SYNC_TAG = "enrollments";

/** One at a time, over all pages and the worker. @template T @param {() => Promise<T>} work */
async function alone(work) {
  return navigator.locks ? navigator.locks.request(NEWS, work) : work();
}

/** Tells every page that the queue has changed. */
function tell() {
  const channel = new BroadcastChannel(NEWS);
  channel.postMessage("");
  channel.close();
}

/** @param {() => void} hear */
export function onChange(hear) {
  new BroadcastChannel(NEWS).onmessage = hear;
}

/**
 * Writes an enrollment down. A second one of the same course takes the place of the first.
 * @param {Pick<Entry, "person" | "course" | "title" | "body">} wish
 */
export async function add(wish) {
  const others = (await store.entries()).filter(
    (other) => other.person === wish.person && other.course === wish.course && !other.tried,
  );
  for (const other of others) await store.forget(other.key);
  await store.keep({ ...wish, key: crypto.randomUUID(), at: Date.now(), state: "waiting" });
  tell();
}

/** The entries of this person. @param {string} person */
export async function entriesOf(person) {
  return (await store.entries()).filter((entry) => entry.person === person);
}

/**
 * Takes an entry back, or puts its result away. What was being sent is waited for first.
 * @param {string} key
 * @returns {Promise<Entry | undefined>} the entry as it was
 */
export function remove(key) {
  return alone(async () => {
    const entry = await store.entry(key);
    if (entry) await store.forget(key);
    tell();
    return entry;
  });
}

/**
 * Sends what waits and may be sent. Rejects when there is no connection, or the server asks to
 * come later: then somebody tries again.
 */
export function drain() {
  return alone(async () => {
    const entries = await store.entries();
    for (const old of entries.filter((entry) => Date.now() - entry.at > KEPT_FOR)) {
      await store.forget(old.key); // somebody's who never came back to this device
    }
    const waiting = entries.filter((entry) => entry.state === "waiting");
    if (!waiting.length) return;
    const answer = await fetch(SESSION, { cache: "no-store" });
    if (!answer.ok) throw new Error("the server is not ready");
    /** @type {{ person: string | null, token: string }} */
    const session = await answer.json();
    try {
      for (const entry of waiting) await settle(entry, session);
    } finally {
      tell();
    }
  });
}

/** @param {Entry} entry @param {{ person: string | null, token: string }} session */
async function settle(entry, session) {
  if (session.person && session.person !== entry.person) return;
  if (Date.now() - entry.at > LIFETIME) {
    await store.keep({ ...entry, state: "stale" });
  } else if (!session.person) {
    await store.keep({ ...entry, signedOut: true });
  } else {
    await store.keep({ ...entry, tried: true, signedOut: false });
    await store.keep(await send(entry, session.token));
  }
}

/** @param {Entry} entry @param {string} token @returns {Promise<Entry>} as it stands afterwards */
async function send(entry, token) {
  const answer = await fetch(SEND_TO, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "X-CSRFToken": token,
      "Idempotency-Key": entry.key,
    },
    body: JSON.stringify(entry.body),
  });
  const said = await answer.json();
  if (answer.ok || said.code === "already_enrolled") {
    const result = {
      enrollment: said.enrollment_id,
      status: answer.ok ? said.status : "enrolled",
      pay: said.payment_session?.payment_url,
    };
    return { ...entry, state: "done", result };
  }
  if (answer.status === 401) return { ...entry, signedOut: true };
  if (LATER.has(said.code) || answer.status >= 500) throw new Error(said.code);
  const { title, detail, alternatives } = said;
  return { ...entry, state: "refused", result: { title, detail, alternatives } };
}

// Not about the request itself: sent again as it is, it may pass.
const LATER = new Set(["rate_limited", "idempotency_in_progress", "permission_denied"]);
