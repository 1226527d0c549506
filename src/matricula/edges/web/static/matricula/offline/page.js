// The offline page: lists the courses that this device has saved.
// @ts-check

const list = document.querySelector("[data-kept-list]");
const section = document.querySelector("[data-kept]");

async function show() {
  const cache = await caches.open("pages");
  for (const request of await cache.keys()) {
    const path = new URL(request.url).pathname;
    const copy = path.startsWith("/courses/") && (await cache.match(request));
    if (!copy) continue;
    const page = new DOMParser().parseFromString(await copy.text(), "text/html");
    const link = document.createElement("a");
    link.href = path;
    link.textContent = page.querySelector("h1")?.textContent ?? path;
    const item = document.createElement("li");
    item.append(link);
    list?.append(item);
    if (section instanceof HTMLElement) section.hidden = false;
  }
}

show().catch(() => {}); // no caches here: nothing is saved
