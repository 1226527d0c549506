// How long to wait before asking again.
// @ts-check

const FIRST = 500;
const LONGEST = 30_000;

/**
 * Milliseconds before try `tries`, twice as long each time. Half of it is chance, so that a crowd
 * that lost its server together does not come back together.
 * @param {number} tries from 1
 * @param {number} [whole] the time to spread, when it does not follow from the tries
 */
export function pause(tries, whole = Math.min(LONGEST, FIRST * 2 ** (tries - 1))) {
  return whole / 2 + Math.random() * (whole / 2);
}

/** The server's wish in milliseconds, from a Retry-After in seconds. @param {Headers} headers */
export function wished(headers) {
  const seconds = Number(headers.get("Retry-After"));
  return seconds > 0 ? seconds * 1000 : undefined;
}
