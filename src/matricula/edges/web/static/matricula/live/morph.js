// Makes an element on the page equal to one the server has just rendered, touching only what
// differs: what has the focus keeps it, what is open stays open, what was typed stays typed.
// @ts-check

// Scripts of ours paint these; the server's words are what stands there without scripts.
const OURS = "[data-seconds]";
// State of the browser, not of the document.
const KEPT = new Set(["open"]);
const IN_USE = ":focus, [open], input:not([type=hidden]), select, textarea";

/**
 * When the focused element is gone afterwards, the focus goes to `refuge`.
 * @param {Element} old @param {Element} fresh @param {HTMLElement | null} refuge
 */
export function morph(old, fresh, refuge) {
  const focused = document.activeElement;
  const had = focused instanceof HTMLElement && old.contains(focused);
  match(old, fresh);
  if (had && !focused.isConnected && refuge) {
    refuge.tabIndex = -1;
    refuge.focus();
  }
}

/** @param {Element} old @param {Element} fresh */
function match(old, fresh) {
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !KEPT.has(name)) old.removeAttribute(name);
  }
  if (!old.matches(OURS)) matchChildren(old, fresh);
}

/** @param {Element} old @param {Element} fresh */
function matchChildren(old, fresh) {
  let place = old.firstChild;
  const all = [...fresh.childNodes];
  for (const [index, wanted] of all.entries()) {
    const found = twin(place, wanted, all.slice(index + 1));
    if (!found) {
      old.insertBefore(document.importNode(wanted, true), place);
      continue;
    }
    while (place && place !== found) place = drop(place);
    if (found instanceof Element && wanted instanceof Element) match(found, wanted);
    else if (found.nodeValue !== wanted.nodeValue) found.nodeValue = wanted.nodeValue;
    place = found.nextSibling;
  }
  while (place) place = drop(place);
}

/** @param {ChildNode} node */
function drop(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

/**
 * The first node from `place` on that may become `wanted`. What stands before it will be dropped: so
 * none is taken beyond something in use that has its own place in `later`.
 * @param {ChildNode | null} place @param {ChildNode} wanted @param {ChildNode[]} later
 */
function twin(place, wanted, later) {
  for (let node = place; node; node = node.nextSibling) {
    if (isSame(node, wanted)) return node;
    if (isInUse(node) && later.some((one) => isSame(node, one))) return null;
  }
  return null;
}

/** @param {Node} one @param {Node} other */
function isSame(one, other) {
  return one.nodeName === other.nodeName && keyOf(one) === keyOf(other);
}

/** @param {Node} node */
function isInUse(node) {
  return node instanceof Element && (node.matches(IN_USE) || node.querySelector(IN_USE) !== null);
}

/**
 * What an element is about: a link that leads elsewhere is another link, whatever it looks like.
 * @param {Node} node
 */
function keyOf(node) {
  if (!(node instanceof Element)) return "";
  const held = node.matches("a, button, form, input, select") ? node : holder(node);
  return [node.id, ...["href", "action", "name", "value"].map((n) => held?.getAttribute(n))].join();
}

/** The one link or form that a small wrapper is made for. @param {Element} node */
function holder(node) {
  return node.matches("li, p") ? node.querySelector("a, form") : null;
}
