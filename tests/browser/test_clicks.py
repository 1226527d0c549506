"""How few clicks lead from a course page to a seat, counted; and the way by keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.walking import CONTROL, SUBMIT, confirm_and_stay, sign_up
from tests.support.paid_sites import PaidSite, running_paid_site

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
CONFIRM = "main form button[data-progress]"
# Only what a person does counts, and it counts over the pages.
COUNT = """addEventListener("click", (event) => {
  if (event.isTrusted) sessionStorage.clicks = Number(sessionStorage.clicks ?? 0) + 1;
}, true)"""


@pytest.fixture(scope="module")
def paid_site() -> Iterator[PaidSite]:
    with running_paid_site() as paid:
        yield paid


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


def reach(page: Page, selector: str) -> None:
    """Tabs on until the focus is there, also in the gateway's frame."""
    for _ in range(60):
        page.keyboard.press("Tab")
        for frame in page.frames:
            inside = "(s) => Boolean(document.activeElement?.matches(s)) && document.hasFocus()"
            if frame.evaluate(inside, selector):
                return
    raise AssertionError(f"{selector} is not reached by the Tab key on {page.url}")


def test_found_paid_and_cancelled_by_the_keyboard_alone(page: Page) -> None:
    page.goto("/")
    reach(page, ".card-title a[href$='full-stack-development/']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/courses/full-stack-development/")
    reach(page, CONTROL)
    page.keyboard.press("Enter")
    page.wait_for_url("**/enroll/")
    reach(page, "#coupon")
    page.keyboard.type("SAVE50")
    reach(page, "button[name=update]")
    page.keyboard.press("Enter")
    expect(page.locator(".bill .total dd")).to_have_text("₹1,769.42")
    reach(page, CONFIRM)
    page.keyboard.press("Enter")
    form = page.frame_locator("iframe.razorpay-checkout-frame")
    expect(form.get_by_label("UPI ID")).to_be_visible()
    reach(page, "input[name=vpa]")
    page.keyboard.type("success@razorpay")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are enrolled")
    reach(page, "a[href$='/cancel/']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/cancel/")
    reach(page, "button.danger")
    page.keyboard.press("Enter")
    # The money goes back by itself, as soon as the worker comes to it.
    ended = re.compile("This enrollment (is cancelled|was refunded)")
    expect(page.get_by_role("heading", level=1)).to_have_text(ended)


def test_a_dialog_takes_the_focus_and_gives_it_back(page: Page) -> None:
    page.goto("/courses/evening-lab/enroll/")
    confirm_and_stay(page)
    button = page.get_by_role("button", name="Cancel the checkout")
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Cancel the checkout?")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    dialog.get_by_role("button", name="Yes, cancel it").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("This checkout is cancelled")


def test_two_courses_reach_the_gateway_through_the_cart_by_the_keyboard_alone(page: Page) -> None:
    for slug in ("evening-lab", "full-stack-development"):
        page.goto(f"/courses/{slug}/")
        press(page, "form[action='/cart/add/'] button")
        page.wait_for_url("**/cart/")
    press(page, "form[action='/cart/remove/'] button")
    expect(page.locator(".basket-line")).to_have_count(1)
    press(page, CONFIRM)
    form = page.frame_locator("iframe.razorpay-checkout-frame")
    expect(form.get_by_label("UPI ID")).to_be_visible()


def test_a_waitlist_is_joined_and_left_by_the_keyboard_alone(
    page: Page, paid_site: PaidSite
) -> None:
    with paid_site.site.client(*paid_site.tokens(1)) as client:
        body = {"course_id": "tiny-seminar"}
        client.post("/api/v1/enrollments/initialize", json=body).raise_for_status()
    page.goto("/courses/tiny-seminar/")
    press(page, CONTROL)
    page.wait_for_url("**/waitlist/")
    press(page, CONFIRM)
    expect(page.get_by_role("heading", level=1)).to_have_text("You are on the waitlist")
    press(page, "form[action$='/leave/'] button")
    expect(page.get_by_role("dialog", name="Leave the waitlist?")).to_be_visible()
    press(page, "#leave-dialog .danger")
    expect(page.get_by_text("You left the waitlist.")).to_be_visible()


def test_support_is_asked_and_a_conversation_closed_by_the_keyboard_alone(page: Page) -> None:
    page.goto("/")
    press(page, ".site-foot a[href^='/support/']")
    page.wait_for_url("**/support/**")
    reach(page, "#content")
    page.keyboard.type("Where is my invoice?")
    press(page, "main form.form button[type=submit]")
    expect(page.get_by_role("heading", level=1)).to_have_text("Where is my invoice?")
    reach(page, "#content")
    page.keyboard.type("Found it.")
    press(page, "main form.form button[type=submit]")
    expect(page.locator(".said.person .words").last).to_have_text("Found it.")
    press(page, "form[action$='/close/'] button")
    expect(page.get_by_text("Closed").first).to_be_visible()


def press(page: Page, selector: str) -> None:
    """Reaches it and presses it, by the keyboard."""
    reach(page, selector)
    page.keyboard.press("Enter")
