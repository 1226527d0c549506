// Searches while one types: the server's list is taken over, the address keeps what was asked, so
// that it can be shared and gone back to. Without it the buttons do.
// @ts-check

const PAUSE = 250;

/** @type {AbortController | null} */
let asked = null;
let timer = 0;

/** What the form asks for, without what is empty. @param {HTMLFormElement} form */
function addressOf(form) {
  const address = new URL(form.action, location.href);
  for (const [name, value] of new FormData(form)) {
    if (typeof value === "string" && value.trim()) address.searchParams.set(name, value.trim());
  }
  return address;
}

/** @param {HTMLFormElement} form */
async function search(form) {
  const address = addressOf(form);
  const results = document.querySelector("[data-results]");
  if (!results || address.href === location.href) return;
  asked?.abort();
  const abort = (asked = new AbortController());
  results.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(address, { headers: { "X-Fragment": "1" }, signal: abort.signal });
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-results]");
    if (!fresh) throw new Error("no results");
    results.replaceChildren(...fresh.childNodes);
    history.replaceState(null, "", address);
    document.title = page.title;
    const status = document.querySelector("[data-found-status]");
    if (status) status.textContent = results.querySelector("[data-found]")?.textContent ?? "";
    document.dispatchEvent(new CustomEvent("matricula:listed"));
    results.removeAttribute("aria-busy");
  } catch {
    if (abort.signal.aborted) return; // a later search has taken over
    results.removeAttribute("aria-busy");
    form.submit(); // the browser says best what is wrong
  }
}

const finder = document.querySelector("[data-finder]");
if (finder instanceof HTMLFormElement) {
  const apply = finder.querySelector("[data-apply]");
  if (apply instanceof HTMLElement) apply.hidden = true;
  finder.addEventListener("input", ({ target }) => {
    clearTimeout(timer);
    timer = setTimeout(() => search(finder), target instanceof HTMLInputElement ? PAUSE : 0);
  });
  finder.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    search(finder);
  });
}
