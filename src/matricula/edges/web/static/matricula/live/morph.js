// Makes an element on the page equal to one the server has just rendered, touching only what
// differs: what has the focus keeps it, what is open stays open, what was typed stays typed.
// @ts-check

// Scripts of ours paint these; the server's words are what stands there without scripts.
const OURS = "[data-seconds]";
// State of the browser, not of the document.
const KEPT = new Set(["open"]);

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
  for (const wanted of [...fresh.childNodes]) {
    const found = twin(place, wanted);
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
 * The first node from `place` on that may become `wanted`.
 * @param {ChildNode | null} place @param {ChildNode} wanted
 */
function twin(place, wanted) {
  const key = keyOf(wanted);
  for (let node = place; node; node = node.nextSibling) {
    if (node.nodeName === wanted.nodeName && keyOf(node) === key) return node;
  }
  return null;
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
