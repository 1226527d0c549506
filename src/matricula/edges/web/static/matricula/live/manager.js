// The events of one subject, by whatever way the network leaves open.
// @ts-check

import { pause } from "./backoff.js";
import { longPoll } from "./long_poll.js";
import { serverSent } from "./server_sent.js";
import { socket } from "./socket.js";

/**
 * An event as the server numbers it: gapless on its subject, from 1.
 * @typedef {{ id: number, type: string, at: string, data: Record<string, unknown> }} LiveEvent
 */
/**
 * Where the events of a subject are read.
 * @typedef {object} Source
 * @property {string} events address of the stream of server-sent events
 * @property {string} poll address of the long poll
 * @property {string} socket address of the WebSocket
 * @property {Record<string, unknown>} subscription what the WebSocket is asked for
 */
/**
 * What a transport reports. `closed` comes at most once, and nothing comes after it.
 * @typedef {object} Reports
 * @property {() => void} opened it works: the server has answered
 * @property {(event: LiveEvent) => void} event
 * @property {() => void} ended no more will come, by this way or any other
 * @property {(closed: { wait?: number, refused?: boolean }) => void} closed it broke off; `wait` is
 *   the server's wish in milliseconds; `refused` means that asking again is useless
 */
/**
 * A way to hear of events after number `after`. Returns what ends it.
 * @typedef {(source: Source, after: number, reports: Reports) => () => void} Transport
 */
/** @typedef {"connecting" | "open" | "reconnecting" | "paused" | "ended" | "silent"} State */

/** @type {ReadonlyArray<Transport>} */
const WAYS = [serverSent, socket, longPoll];
// Open for so long, it is no flutter: the next break is the first again.
const STEADY = 5000;
// After so many rounds of all ways the person is told; the asking goes on, slowly.
const ROUNDS_UNTIL_SILENT = 4;

/**
 * Hears the events of one subject: server-sent events, then WebSocket, then long poll, then
 * nothing. Each event is told once, in order. Hidden pages hear nothing and catch up when shown.
 */
export class EventManager {
  /**
   * @param {Source} source
   * @param {object} told
   * @param {(event: LiveEvent) => void} told.onEvent
   * @param {(state: State) => void} [told.onState]
   * @param {number} [after] the number of the last event that the page shows already
   */
  constructor(source, { onEvent, onState = () => {} }, after = 0) {
    this.source = source;
    this.lastEventId = after;
    this.onEvent = onEvent;
    this.onState = onState;
    /** @type {State} */
    this.state = "paused";
    this.way = 0;
    this.tries = 0;
    this.timer = 0;
    /** @type {(() => void) | null} */
    this.close = null;
    this.look = () => this.#look();
  }

  /** Begins, and follows whether the page can be seen and the device is online. */
  start() {
    document.addEventListener("visibilitychange", this.look);
    addEventListener("online", this.look);
    addEventListener("offline", this.look);
    this.#look();
  }

  /** Ends for good: what stands is final, or nobody listens any more. */
  stop() {
    this.#end("ended");
  }

  /** @param {State} state */
  #end(state) {
    document.removeEventListener("visibilitychange", this.look);
    removeEventListener("online", this.look);
    removeEventListener("offline", this.look);
    this.#hangUp();
    this.#say(state);
  }

  #look() {
    if (document.hidden) {
      this.#hangUp();
      this.#say("paused");
    } else if (!navigator.onLine) {
      this.#hangUp();
      this.#say("reconnecting");
    } else if (!this.close) {
      this.tries = 0;
      this.#connect();
    }
  }

  #hangUp() {
    clearTimeout(this.timer);
    this.close?.();
    this.close = null;
  }

  #connect() {
    if (this.state === "paused") this.#say("connecting");
    let openedAt = 0;
    let over = false;
    /** @param {() => void} then */
    const finish = (then) => {
      if (over) return;
      over = true;
      this.close = null;
      then();
    };
    const end = WAYS[this.way](this.source, this.lastEventId, {
      opened: () => {
        if (over || openedAt) return;
        openedAt = Date.now();
        this.#say("open");
      },
      event: (event) => {
        if (!over) this.#take(event);
      },
      ended: () => finish(() => this.stop()),
      closed: (closed) => finish(() => this.#reconnect(openedAt, closed)),
    });
    this.close = () => {
      over = true;
      end();
    };
  }

  /** @param {LiveEvent} event */
  #take(event) {
    // After a reconnect, and over two ways at once, the same event may come again.
    if (event.id <= this.lastEventId) return;
    this.lastEventId = event.id;
    this.onEvent(event);
  }

  /** @param {number} openedAt @param {{ wait?: number, refused?: boolean }} closed */
  #reconnect(openedAt, { wait, refused }) {
    if (refused) {
      this.#end("silent");
      return;
    }
    this.#say("reconnecting");
    if (openedAt) {
      // This way works here; it only broke.
      this.tries = Date.now() - openedAt > STEADY ? 1 : this.tries + 1;
    } else if (this.way + 1 < WAYS.length) {
      this.way += 1;
      this.#connect();
      return;
    } else {
      this.way = 0;
      this.tries += 1;
      if (this.tries >= ROUNDS_UNTIL_SILENT) this.#say("silent");
    }
    this.timer = setTimeout(() => this.#connect(), wait ?? pause(this.tries));
  }

  /** @param {State} state */
  #say(state) {
    if (state === this.state) return;
    this.state = state;
    this.onState(state);
  }
}
