// Locks the enroll button while its form is under way, and says so. The form works without it.
// @ts-check

const SLOW_AFTER = 4000;

/** @param {HTMLFormElement} form */
function guard(form) {
  const button = form.querySelector("button[data-progress]");
  const status = form.querySelector("[data-enroll-status]");
  if (!(button instanceof HTMLButtonElement)) return;
  let words = button.textContent;
  let timer = 0;

  form.addEventListener("submit", (event) => {
    // Other buttons of the form only show it anew.
    if (event.submitter && event.submitter !== button) return;
    // Not `disabled`: that would drop the focus and silence the words for screen readers.
    if (button.getAttribute("aria-disabled") === "true") {
      event.preventDefault();
      return;
    }
    words = button.textContent;
    button.setAttribute("aria-disabled", "true");
    button.textContent = button.dataset.progress ?? words;
    if (status instanceof HTMLElement) {
      status.textContent = button.textContent;
      timer = window.setTimeout(() => {
        status.textContent = status.dataset.slow ?? "";
      }, SLOW_AFTER);
    }
  });

  // Coming back by the browser's button shows the page as it was left: unlock it.
  window.addEventListener("pageshow", () => {
    window.clearTimeout(timer);
    if (!button.hasAttribute("aria-disabled")) return;
    button.removeAttribute("aria-disabled");
    button.textContent = words;
    if (status) status.textContent = "";
  });
}

for (const form of document.querySelectorAll("form[data-enroll-form]")) {
  if (form instanceof HTMLFormElement) guard(form);
}
