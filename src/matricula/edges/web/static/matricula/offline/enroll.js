// Confirms a free course without a connection, from the saved page of the course.
// @ts-check

import { add } from "./queue.js";
import { lastPerson } from "./store.js";

/** @param {string} name */
function reveal(name) {
  const place = document.querySelector(`[${name}]`);
  if (place instanceof HTMLElement) place.hidden = false;
  return place;
}

async function fill() {
  const [, slug] = /^\/courses\/([\w-]+)\//.exec(location.pathname) ?? [];
  const copy = slug && (await caches.match(`/courses/${slug}/`));
  if (!slug || !copy) return;
  const page = new DOMParser().parseFromString(await copy.text(), "text/html");
  const title = page.querySelector("h1")?.textContent ?? slug;
  const price = page.querySelector("[data-price]")?.getAttribute("data-price");
  const person = await lastPerson();
  document.querySelector("[data-unknown]")?.remove();
  const place = reveal("data-course");
  if (place) place.textContent = title;
  if (price !== "free") reveal("data-paid");
  else if (!person) reveal("data-nobody");
  else {
    reveal("data-free");
    document.querySelector("[data-write-down]")?.addEventListener("click", async () => {
      const body = { course_id: slug, expected_total_minor: 0 };
      await add({ person, course: slug, title, body });
      document.querySelector("[data-free]")?.remove();
      const notes = document.querySelector("[data-app]");
      if (notes instanceof HTMLElement) {
        notes.tabIndex = -1;
        notes.focus();
      }
    });
  }
}

fill().catch(() => {});
