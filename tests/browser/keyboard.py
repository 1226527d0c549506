"""Going through a page by the keyboard alone, and seeing where one is."""

from __future__ import annotations

from playwright.sync_api import Frame, Page

# A checkout with everything unfolded has some forty places.
_MOST_PLACES = 80
_MOST_GLANCES = 100
_IS_THERE = "(s) => Boolean(document.activeElement?.matches(s)) && document.hasFocus()"
# Whether the eye finds it: marked, on the screen, and under nothing (WCAG 2.4.7 and 2.4.11).
_HIDDEN_FOCUS = """() => {
  const place = document.activeElement;
  const [box] = place.getClientRects();
  if (!box) return "has no box";
  const style = getComputedStyle(place);
  if (style.outlineStyle === "none" || !parseFloat(style.outlineWidth)) return "is not marked";
  const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
  if (x < 0 || y < 0 || x > innerWidth || y > innerHeight) return "is off the screen";
  const above = document.elementFromPoint(x, y);
  const belongs = above && (place.contains(above) || above.contains(place));
  return belongs ? "" : `is under ${above?.outerHTML.slice(0, 80)}`;
}"""


def reach(page: Page, selector: str, *, key: str = "Tab") -> None:
    """Tabs on until the focus is there and can be seen, also in the gateway's frame."""
    for _ in range(_MOST_PLACES):
        page.keyboard.press(key)
        for frame in page.frames:
            if frame.evaluate(_IS_THERE, selector):
                _check_seen(frame, selector)
                return
    raise AssertionError(f"{selector} is not reached by the Tab key on {page.url}")


def press(page: Page, selector: str) -> None:
    """Reaches it and presses it."""
    reach(page, selector)
    page.keyboard.press("Enter")


def _check_seen(frame: Frame, selector: str) -> None:
    if frame.parent_frame is not None:
        return  # the gateway's form is not ours
    for _ in range(_MOST_GLANCES):
        wrong = frame.evaluate(_HIDDEN_FOCUS)
        if not wrong:
            return
        frame.page.wait_for_timeout(50)  # the page is on its way there
    raise AssertionError(f"the focus on {selector} {wrong}: {frame.url}")
