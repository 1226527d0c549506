// Asks once more before a form gives something up: the form names the dialog that asks. Without it
// the form goes at once, as it says.
// @ts-check

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || !form.dataset.confirm) return;
  const dialog = document.getElementById(form.dataset.confirm);
  // The dialog's own button sends the form on.
  if (!(dialog instanceof HTMLDialogElement) || dialog.contains(event.submitter)) return;
  event.preventDefault();
  dialog.showModal();
});
