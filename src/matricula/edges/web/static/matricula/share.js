// Sharing a course: by what the device offers, or the clipboard. Without scripts there are the
// address to copy and a link to write mail.
// @ts-check

/** @param {HTMLElement} place */
function begin(place) {
  const field = place.querySelector("input");
  const said = place.querySelector("[role=status]");
  if (!field || !(said instanceof HTMLElement)) return;
  const { value: url, dataset } = field;
  const what = { title: dataset.title ?? "", url };

  if (navigator.share && navigator.canShare?.(what)) {
    offer("[data-share-send]", async () => {
      await navigator.share(what).catch(() => {}); // they changed their mind
    });
  }
  if (navigator.clipboard) {
    offer("[data-share-copy]", async () => {
      const isCopied = await navigator.clipboard.writeText(url).then(
        () => true,
        () => false,
      );
      said.textContent = (isCopied ? said.dataset.copied : said.dataset.failed) ?? "";
      if (!isCopied) field.select();
    });
  }

  /** @param {string} name @param {() => void} act */
  function offer(name, act) {
    const button = place.querySelector(name);
    if (!(button instanceof HTMLElement) || !button.parentElement) return;
    button.parentElement.hidden = false;
    button.addEventListener("click", act);
  }
}

for (const place of document.querySelectorAll("[data-share]")) {
  if (place instanceof HTMLElement) begin(place);
}
