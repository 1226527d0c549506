// Shows the queue: what waits, what became of it, and what can be done.
// @ts-check

import { entriesOf, remove } from "./queue.js";

/** @typedef {import("./queue.js").Entry} Entry */

/** The entry's face: which of the template's words it is given. @param {Entry} entry */
function face(entry) {
  if (entry.state === "waiting") return entry.signedOut ? "signedOut" : "waiting";
  if (entry.state !== "done") return entry.state;
  if (entry.result?.status === "enrolled") return "enrolled";
  return entry.result?.pay || entry.body.expected_total_minor ? "held" : "queued";
}

/** Its second line. @param {Entry} entry @param {DOMStringMap} words */
function detail(entry, words) {
  const { result } = entry;
  if (entry.state === "refused") return [result?.title, result?.detail].filter(Boolean).join(". ");
  if (entry.state === "waiting" && entry.tried && !entry.signedOut) return words.triedDetail;
  return words[`${face(entry)}Detail`];
}

/** The links that lead on. @param {Entry} entry @param {DOMStringMap} words */
function ways(entry, words) {
  const course = `/courses/${entry.course}/`;
  const status = entry.result?.enrollment && `/enrollments/${entry.result.enrollment}/`;
  const found = {
    signedOut: [[words.signIn, `/accounts/login/?next=${encodeURIComponent(location.pathname)}`]],
    enrolled: [[words.see, status]],
    queued: [[words.see, status]],
    held: [[words.pay, entry.result?.pay || status]],
    refused: [
      [words.course, course],
      ...(entry.result?.alternatives ?? []).map(({ title, url }) => [title, url]),
    ],
    stale: [[words.course, course]],
    waiting: [],
  };
  return found[face(entry)];
}

/**
 * @param {HTMLElement} list @param {HTMLTemplateElement} template
 * @param {(words: string) => void} say
 */
export function queueView(list, template, say) {
  const words = template.dataset;
  /** @type {Map<string, string>} the faces that were shown, by key */
  const shown = new Map();

  /** @param {Entry} entry */
  function row(entry) {
    const made = template.content.cloneNode(true);
    if (!(made instanceof DocumentFragment)) throw new TypeError("a template holds a fragment");
    /** @param {string} name @param {string} [text] */
    const fill = (name, text = "") => {
      const place = made.querySelector(`[${name}]`);
      if (place) place.textContent = text;
    };
    made.firstElementChild?.setAttribute("data-queued", face(entry));
    fill("data-title", entry.title);
    fill("data-said", words[face(entry)]);
    fill("data-detail", detail(entry, words));
    const place = made.querySelector("[data-ways]");
    for (const [label, url] of ways(entry, words)) {
      if (url) place?.append(item(link(label ?? "", url)));
    }
    place?.append(item(button(entry)));
    return made;
  }

  /** @param {Entry} entry */
  function button(entry) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "button quiet";
    const isOpen = entry.state === "waiting";
    made.textContent = (isOpen ? words.withdraw : words.dismiss) ?? "";
    made.addEventListener("click", async () => {
      const was = await remove(entry.key);
      if (isOpen && was) say((was.tried ? words.withdrawnTried : words.withdrawn) ?? "");
      document.getElementById("main")?.focus();
    });
    return made;
  }

  /** @param {string} person @returns {Promise<Entry[]>} what is shown now */
  return async function show(person) {
    const entries = person ? await entriesOf(person) : [];
    const focused = list.contains(document.activeElement);
    list.replaceChildren(...entries.map(row));
    if (focused) list.querySelector("button")?.focus();
    for (const entry of entries) {
      const now = `${entry.title}: ${words[face(entry)]}`;
      if (shown.has(entry.key) && shown.get(entry.key) !== now) say(now);
      shown.set(entry.key, now);
    }
    return entries;
  };
}

/** @param {string} label @param {string} url */
function link(label, url) {
  const made = document.createElement("a");
  made.className = "button quiet";
  made.href = url;
  made.textContent = label;
  return made;
}

/** @param {Element} held */
function item(held) {
  const made = document.createElement("li");
  made.append(held);
  return made;
}
