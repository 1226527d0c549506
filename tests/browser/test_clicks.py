"""How few clicks lead from a course page to a seat, counted."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.walking import CONTROL, SUBMIT, sign_up
from tests.support.paid_sites import PaidSite

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
CONFIRM = "main form button[data-progress]"
# Only what a person does counts, and it counts over the pages.
COUNT = """addEventListener("click", (event) => {
  if (event.isTrusted) sessionStorage.clicks = Number(sessionStorage.clicks ?? 0) + 1;
}, true)"""


@pytest.fixture
def live_site(paid_site: PaidSite) -> str:
    return paid_site.site.url


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """A signed-in person's, whose clicks are counted from now on."""
    page = open_page()
    sign_up(page)
    page.context.add_init_script(COUNT)
    return page


def clicks(page: Page) -> int:
    return int(page.evaluate("sessionStorage.clicks ?? 0"))


def test_two_clicks_from_a_free_course_to_the_seat(page: Page) -> None:
    page.goto("/courses/hot-drop/")
    page.locator(CONTROL).click()
    page.locator(SUBMIT).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are enrolled")
    assert clicks(page) == 2


def test_two_clicks_from_a_paid_course_to_the_gateways_form(page: Page) -> None:
    page.goto("/courses/full-stack-development/")
    page.locator(CONTROL).click()
    page.locator(CONFIRM).click()
    form = page.frame_locator("iframe.razorpay-checkout-frame")
    expect(form.get_by_label("UPI ID")).to_be_visible()
    assert clicks(page) == 2
