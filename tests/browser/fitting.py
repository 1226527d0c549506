"""Whether a page fits its screen and can be touched."""

from __future__ import annotations

from playwright.sync_api import Page

OVERFLOWS = "() => document.documentElement.scrollWidth > window.innerWidth"
# Links inside a sentence may be as low as the line; a card's title link covers the whole card.
_CHECK = """() => {
  const found = [];
  const rows = (selector) =>
    [...document.querySelectorAll(selector)].filter((e) => e.checkVisibility());
  if (document.documentElement.scrollWidth > window.innerWidth) found.push("wider than the screen");
  for (const e of rows("a, button, input, select, textarea, summary")) {
    if (e.matches(".skip, .card-title a, [type=hidden], [type=radio], [type=checkbox]")) continue;
    const said = e.parentElement.textContent.trim();
    if (e.parentElement.matches("p, .note, .help") && said !== e.textContent.trim()) continue;
    const box = e.getBoundingClientRect();
    if (Math.min(box.height, box.width) < 44) found.push("too small: " + e.outerHTML.slice(0, 90));
  }
  for (const e of rows("input:not([type=hidden]), select, textarea")) {
    if (parseFloat(getComputedStyle(e).fontSize) < 16) found.push("small type: " + e.outerHTML);
  }
  const heads = document.querySelectorAll("h1").length;
  if (heads !== 1) found.push(`${heads} first headings`);
  return found;
}"""


def misfits(page: Page) -> list[str]:
    """What does not fit or cannot be touched, one line each."""
    found: list[str] = page.evaluate(_CHECK)
    return found


def check(page: Page, paths: tuple[str, ...]) -> None:
    """Every one of these pages fits."""
    for path in paths:
        page.goto(path)
        assert misfits(page) == [], path
