// Counts the time down that a seat is held for, on every element with `data-seconds`.
// @ts-check

const WARN_AT = 120_000;

/** What each clock was told last, and when that ends: the browser's own clock may be wrong.
 * @type {WeakMap<HTMLElement, { told: string | undefined, ends: number, warned: boolean, isOver: boolean }>} */
const clocks = new WeakMap();

/** @param {HTMLElement} clock */
function show(clock) {
  const told = clock.dataset.seconds;
  let run = clocks.get(clock);
  if (!run || run.told !== told) {
    run = { told, ends: Date.now() + Number(told) * 1000, warned: false, isOver: false };
    clocks.set(clock, run);
  }
  const left = run.ends - Date.now();
  const isLow = left < WARN_AT;
  clock.textContent = left > 0 ? running(clock, left) : (clock.dataset.over ?? "");
  clock.classList.toggle("low", isLow);
  if (isLow && !run.warned) say(clock.dataset.warning);
  if (left <= 0 && !run.isOver) {
    run.isOver = true;
    say(clock.dataset.over);
    document.dispatchEvent(new CustomEvent("matricula:over"));
  }
  run.warned = isLow;
}

/** @param {HTMLElement} clock @param {number} left */
function running(clock, left) {
  const seconds = String(Math.floor(left / 1000) % 60).padStart(2, "0");
  const minutes = `${Math.floor(left / 60_000)}:${seconds}`;
  return (clock.dataset.words ?? "").replace("%(minutes)s", minutes);
}

/** @param {string} [words] */
function say(words = "") {
  const status = document.querySelector("[data-clock-status]");
  if (status && status.textContent !== words) status.textContent = words;
}

function showAll() {
  for (const clock of document.querySelectorAll("[data-seconds]")) {
    if (clock instanceof HTMLElement) show(clock);
  }
}

showAll();
setInterval(showAll, 1000);
document.addEventListener("matricula:fresh", showAll);
