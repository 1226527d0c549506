// Shows the price anew when the billing place changes. Without it the button "Update the price" does.
// @ts-check

const FIELDS = ["coupon", "country", "state", "tax_id"];

/** @param {HTMLFormElement} form */
async function quote(form) {
  const asked = new URL(form.action, location.href);
  for (const name of FIELDS) {
    const field = form.elements.namedItem(name);
    if (field instanceof HTMLInputElement || field instanceof HTMLSelectElement) {
      asked.searchParams.set(name, field.value);
    }
  }
  const answer = await fetch(asked, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const old of form.querySelectorAll("[data-quoted]")) {
    const found = fresh.querySelector(`[data-quoted="${old.getAttribute("data-quoted")}"]`);
    if (found) old.replaceChildren(...found.childNodes);
  }
  const status = form.querySelector("[data-enroll-status]");
  const total = form.querySelector("[data-quoted=bill] .total");
  if (status && total) status.textContent = total.textContent?.trim() ?? "";
}

let latest = Promise.resolve();
document.addEventListener("change", ({ target }) => {
  if (!(target instanceof Element) || !target.matches("[data-quotes]")) return;
  const form = target.closest("form[data-enroll-form]");
  if (!(form instanceof HTMLFormElement)) return;
  // One after the other, so that the last change has the last word; offline, the button remains.
  latest = latest.then(() => quote(form)).catch(() => {});
});
