// Counts down to the opening of registration, and then puts the control that enrolls in the place of
// the one that is closed. The page is not fetched again: a crowd that waits here would all do so in
// the same second. Whether it is really open, the server decides.
// @ts-check

const clock = document.querySelector("[data-opens-in]");
if (clock instanceof HTMLElement) count(clock);

/** @param {HTMLElement} clock */
function count(clock) {
  // By the server's clock as it was when the page came: the browser's own may be wrong.
  const opens = performance.now() + Number(clock.dataset.opensIn) * 1000;
  const timer = setInterval(show, 250);
  show();

  function show() {
    const left = Math.ceil((opens - performance.now()) / 1000);
    if (left > 0) {
      clock.textContent = (clock.dataset.words ?? "").replace("%(time)s", span(left));
      return;
    }
    clearInterval(timer);
    clock.textContent = clock.dataset.open ?? "";
    open(clock.dataset.open ?? "");
  }
}

/** @param {string} words */
function open(words) {
  const closed = document.querySelector("[data-enroll-state]");
  const control = document.querySelector("[data-when-open]");
  const status = document.querySelector("[data-opening-status]");
  const why = document.getElementById("why");
  if (!(closed instanceof HTMLElement) || !(control instanceof HTMLElement)) return;
  control.hidden = false;
  control.dataset.enrollState = control.dataset.whenOpen;
  const hadFocus = document.activeElement === closed;
  closed.replaceWith(control);
  if (hadFocus) control.focus();
  if (why) why.hidden = true;
  if (status) status.textContent = words;
}

/** A time ahead, to the second: 2:05:09. @param {number} seconds */
function span(seconds) {
  const two = (/** @type {number} */ part) => String(part).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours
    ? `${hours}:${two(minutes)}:${two(seconds % 60)}`
    : `${minutes}:${two(seconds % 60)}`;
}
