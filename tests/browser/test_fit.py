"""Every page fits its screen, can be touched, and keeps the browser's console silent."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import OpenPage
from tests.browser.walking import enroll, sign_up

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

GUEST_PAGES = (
    "/",
    "/?search=basc+programing",
    "/?search=quantum+knitting",
    "/courses/basic-programming/",
    "/courses/full-stack-development/",
    "/courses/advanced-data-engineering/",
    "/courses/last-spring/",
    "/courses/coming-soon/",
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password/reset/",
    "/demo/mail/",
)
MEMBER_PAGES = (
    "/",
    "/me/",
    "/courses/basic-programming/",
    "/learn/basic-programming/",
    "/courses/hot-drop/enroll/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/logout/",
)
# Links inside a sentence may be as low as the line; a card's title link covers the whole card.
TOO_SMALL = """() => [...document.querySelectorAll("a, button, input, select, textarea")]
  .filter((e) => e.checkVisibility())
  .filter((e) => !e.matches(".skip, .card-title a, [type=hidden], [type=radio]"))
  .filter((e) => !(e.parentElement.matches("p, .note, .help")
      && e.parentElement.textContent.trim() !== e.textContent.trim()))
  .filter((e) => Math.min(e.getBoundingClientRect().height, e.getBoundingClientRect().width) < 44)
  .map((e) => e.outerHTML.slice(0, 90))"""
SMALL_INPUTS = """() => [...document.querySelectorAll("input:not([type=hidden]), select, textarea")]
  .filter((e) => parseFloat(getComputedStyle(e).fontSize) < 16).map((e) => e.outerHTML)"""
OVERFLOWS = "() => document.documentElement.scrollWidth > window.innerWidth"


def check(page: Page, paths: tuple[str, ...]) -> None:
    for path in paths:
        page.goto(path)
        assert not page.evaluate(OVERFLOWS), f"{path} is wider than the screen"
        assert page.evaluate(TOO_SMALL) == [], path
        assert page.evaluate(SMALL_INPUTS) == [], path
        assert page.locator("h1").count() == 1, path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_pages_fit_and_are_silent(
    open_page: OpenPage, troubles: list[str], width: int, scheme: str
) -> None:
    page = open_page(width=width, scheme=scheme)
    check(page, GUEST_PAGES)
    sign_up(page)
    enroll(page, "basic-programming")
    check(page, (page.url, *MEMBER_PAGES))
    assert troubles == []


def test_on_a_phone_the_price_and_the_button_stay_in_sight(open_page: OpenPage) -> None:
    page = open_page(width=360)
    page.goto("/courses/basic-programming/")
    top = 0.0
    for place in (0, 400, 10_000):
        page.evaluate("(y) => window.scrollTo({top: y, behavior: 'instant'})", place)
        box = page.locator(".buy").bounding_box()
        assert box is not None
        top = box["y"]
        assert top > 0
        assert top + box["height"] <= 741
    # ... and hide nothing that stands at the end of the page.
    foot = page.locator(".reference").bounding_box()
    assert foot is not None
    assert foot["y"] + foot["height"] <= top
