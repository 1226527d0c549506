// The number at the bell, as it changes: docs/live.md. Over a WebSocket, since of other connections a
// browser has six for all its windows; where there are no sockets over a stream. Without either the
// number is that of the moment the page was loaded.
// @ts-check

import { pause } from "./live/backoff.js";
import { socketAddress } from "./live/socket.js";

const MOST = 99;
const SIGNED_OUT = 4401;
const bell = document.querySelector("[data-bell]");
const place = bell?.querySelector("[data-unread]");
const told = document.querySelector("[data-app-status]");
let known = Number.parseInt(place?.textContent ?? "0", 10);
let tries = 0;
let timer = 0;
/** @type {(() => void) | null} */
let hangUp = null;

/** @param {number} unread */
function show(unread) {
  if (!(bell instanceof HTMLElement) || !place) return;
  place.textContent = unread > MOST ? `${MOST}+` : String(unread);
  if (place.parentElement) place.parentElement.hidden = unread === 0;
  if (unread > known && told) told.textContent = bell.dataset.bell ?? "";
  known = unread;
}

function bySocket() {
  const line = new WebSocket(socketAddress("/api/v1/live"));
  let isOpen = false;
  let isOver = false;
  line.onopen = () => line.send('{"type":"messages.subscribe"}');
  line.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === "messages") {
      isOpen = true;
      tries = 0;
      show(message.unread);
    } else if (message.type === "error") stop();
  };
  line.onclose = ({ code }) => {
    if (isOver || code === SIGNED_OUT) return;
    if (!isOpen && !tries) hangUp = byStream();
    else timer = setTimeout(() => (hangUp = bySocket()), pause((tries += 1)));
  };
  return () => {
    isOver = true;
    line.close();
  };
}

function byStream() {
  const stream = new EventSource("/api/v1/messages/events");
  stream.onmessage = ({ data }) => show(JSON.parse(data).unread);
  return () => stream.close();
}

function stop() {
  clearTimeout(timer);
  hangUp?.();
  hangUp = null;
}

/** Listens while the page can be seen. */
function look() {
  stop();
  tries = 0;
  if (!document.hidden) hangUp = bySocket();
}

// @ts-ignore - Network Information is not everywhere.
const isSparing = navigator.connection?.saveData;
if (bell && !isSparing && !document.documentElement.dataset.savedAt) {
  document.addEventListener("visibilitychange", look);
  addEventListener("pagehide", stop);
  addEventListener("pageshow", (event) => event.persisted && look());
  look();
}
