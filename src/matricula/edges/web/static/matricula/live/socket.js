// The same events over a WebSocket, for networks that hold streams back: docs/live.md.
// @ts-check

// The server answers a subscription at once, and a ping whenever it is asked to.
const FIRST_SIGN = 10_000;
const PING_EVERY = 20_000;
const LONGEST_SILENCE = 50_000;
const SIGNED_OUT = 4401;
const TOO_MANY = 4429;
const LATER = 30_000;

/** The address of a WebSocket of this site. @param {string} path */
export function socketAddress(path) {
  const address = new URL(path, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  return address.href;
}

/** @type {import("./manager.js").Transport} */
export function socket(source, after, reports) {
  const line = new WebSocket(socketAddress(source.socket));
  let watch = setTimeout(() => line.close(), FIRST_SIGN);
  const ping = setInterval(() => line.send('{"type":"ping"}'), PING_EVERY);
  let refused = false;
  line.onopen = () => {
    line.send(JSON.stringify({ ...source.subscription, last_event_id: after }));
  };
  line.onmessage = ({ data }) => {
    clearTimeout(watch);
    watch = setTimeout(() => line.close(), LONGEST_SILENCE);
    const message = JSON.parse(data);
    if (message.type === "subscribed") reports.opened();
    else if (message.type === "event") reports.event(message.event);
    else if (message.type === "over") reports.ended();
    else if (message.type === "error") refused = message.status < 500 && message.status !== 429;
    if (message.type === "error" || message.type === "over") line.close();
  };
  line.onclose = ({ code }) => {
    clearTimeout(watch);
    clearInterval(ping);
    const wait = code === TOO_MANY ? LATER : undefined;
    reports.closed({ refused: refused || code === SIGNED_OUT, wait });
  };
  return () => line.close();
}
