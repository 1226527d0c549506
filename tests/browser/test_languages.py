"""Other languages are longer, and Arabic runs the other way: nothing is cut off for that."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.fitting import OVERFLOWS
from tests.browser.walking import enroll, sign_up

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

PAGES = (
    "/",
    "/?search=quantum+knitting",
    "/courses/advanced-data-engineering/",
    "/courses/full-stack-development/guest/",
    "/courses/nowhere/",
    "/language/",
    "/support/",
    "/accounts/login/",
    "/accounts/signup/",
)
MEMBER_PAGES = ("/me/", "/me/messages/", "/courses/hot-drop/", "/courses/hot-drop/enroll/")
# What is for screen readers alone is a pixel wide, and means to be.
CLIPPED = """() => [...document.querySelectorAll("main *, header *, footer *")]
  .filter((e) => e.checkVisibility() && !e.closest(".hidden, svg, .skip") && e.innerText?.trim())
  .filter((e) => {
    const style = getComputedStyle(e);
    const cuts = style.overflowX !== "visible" || style.textOverflow === "ellipsis";
    return cuts && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1);
  }).map((e) => e.outerHTML.slice(0, 120))"""
OUTSIDE = """() => [...document.querySelectorAll("main *, header *, footer *")]
  .filter((e) => e.checkVisibility() && !e.closest(".hidden, svg, .skip") && e.innerText?.trim())
  .filter((e) => { const b = e.getBoundingClientRect();
    return b.width > 0 && (b.left < -1 || b.right > innerWidth + 1); })
  .map((e) => e.outerHTML.slice(0, 120))"""


def speak(page: Page, language: str) -> None:
    page.goto("/language/")
    page.context.add_cookies(
        [{"name": "matricula_language", "value": language, "url": page.url}],
    )


def cut(page: Page, paths: tuple[str, ...]) -> dict[str, list[str]]:
    found = {}
    for path in paths:
        page.goto(path)
        wrong = page.evaluate(CLIPPED) + page.evaluate(OUTSIDE)
        if page.evaluate(OVERFLOWS):
            wrong.append("wider than the screen")
        if wrong:
            found[path] = wrong
    return found


@pytest.mark.parametrize("language", ["en-xa", "ar"])
def test_no_text_is_cut_off_on_a_phone(
    open_page: OpenPage, troubles: list[str], language: str
) -> None:
    page = open_page(width=360)
    sign_up(page)
    enroll(page, "basic-programming")
    status = page.url
    speak(page, language)
    found = cut(page, (status, *MEMBER_PAGES))
    page.context.clear_cookies(name="matricula_session")
    found |= cut(page, PAGES)
    assert found == {}
    assert [text for text in troubles if "404" not in text] == []


def test_the_language_is_chosen_without_scripts(open_page: OpenPage) -> None:
    page = open_page(width=360, javascript=False)
    page.goto("/courses/hot-drop/")
    page.locator("footer").get_by_role("link", name="English").click()
    page.get_by_role("button", name="العربية").click()
    expect(page).to_have_url(re.compile("/courses/hot-drop/$"))
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    page.locator(".brand").click()
    expect(page.locator("[data-finder]")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "ar")
