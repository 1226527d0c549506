// The number at the bell, as it changes: docs/live.md. Without this the number is that of the moment
// the page was loaded.
// @ts-check

const MOST = 99;
const bell = document.querySelector("[data-bell]");
const place = bell?.querySelector("[data-unread]");
const told = document.querySelector("[data-app-status]");
let known = Number.parseInt(place?.textContent ?? "0", 10);

/** @param {number} unread */
function show(unread) {
  if (!(bell instanceof HTMLElement) || !place) return;
  place.textContent = unread > MOST ? `${MOST}+` : String(unread);
  if (place.parentElement) place.parentElement.hidden = unread === 0;
  if (unread > known && told) told.textContent = bell.dataset.bell ?? "";
  known = unread;
}

/** Listens while the page can be seen: a browser has few connections to give. */
function listen() {
  /** @type {EventSource | null} */
  let stream = null;
  const look = () => {
    stream?.close();
    stream = document.hidden ? null : new EventSource("/api/v1/messages/events");
    stream?.addEventListener("message", ({ data }) => show(JSON.parse(data).unread));
  };
  document.addEventListener("visibilitychange", look);
  addEventListener("pagehide", () => stream?.close());
  addEventListener("pageshow", (event) => event.persisted && look());
  look();
}

// @ts-ignore - Network Information is not everywhere.
const isSparing = navigator.connection?.saveData;
if (bell && !isSparing && !document.documentElement.dataset.savedAt) listen();
