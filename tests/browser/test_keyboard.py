"""Every flow by the keyboard alone: Tab, Enter, Space and the arrows, with scripts and without."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import FrameLocator, Locator, Page, expect

from tests.browser.conftest import Backstage, OpenPage
from tests.browser.keyboard import press, reach
from tests.browser.walking import CONTROL, SUBMIT, confirm_and_stay, enroll, sign_up
from tests.support.drops import paused_drop, release
from tests.support.factories import make_cohort, make_course
from tests.support.paid_sites import PaidSite
from tests.waitlist.conftest import full_course

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
CONFIRM = "main form button[data-progress]"
PRICE = 99_900  # paise
SCRIPTS = pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no scripts"])


@pytest.fixture
def live_site(paid_site: PaidSite) -> str:
    return paid_site.site.url


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """A signed-in person's."""
    page = open_page()
    sign_up(page)
    return page


@pytest.fixture
def looked_at(open_page: OpenPage, javascript: bool) -> Page:
    """A signed-in person's: on a phone with scripts, on a desk without."""
    page = open_page(width=360 if javascript else 1280, javascript=javascript)
    sign_up(page)
    return page


def heading(page: Page) -> Locator:
    return page.get_by_role("heading", level=1)


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
    expect(heading(page)).to_have_text("You are enrolled")
    reach(page, "a[href$='/cancel/']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/cancel/")
    reach(page, "button.danger")
    page.keyboard.press("Enter")
    # The money goes back by itself, as soon as the worker comes to it.
    ended = re.compile("This enrollment (is cancelled|was refunded)")
    expect(heading(page)).to_have_text(ended)


def test_a_dialog_takes_the_focus_and_gives_it_back(page: Page, backstage: Backstage) -> None:
    slug = backstage(lambda: make_course(price=PRICE).slug)
    page.goto(f"/courses/{slug}/enroll/")
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
    expect(heading(page)).to_have_text("This checkout is cancelled")


def test_two_courses_reach_the_gateway_through_the_cart_by_the_keyboard_alone(
    page: Page, backstage: Backstage
) -> None:
    for slug in (backstage(lambda: make_course(price=PRICE).slug), "full-stack-development"):
        page.goto(f"/courses/{slug}/")
        press(page, "form[action='/cart/add/'] button")
        page.wait_for_url("**/cart/")
    press(page, "form[action='/cart/remove/'] button")
    expect(page.locator(".basket-line")).to_have_count(1)
    press(page, CONFIRM)
    form = page.frame_locator("iframe.razorpay-checkout-frame")
    expect(form.get_by_label("UPI ID")).to_be_visible()


def test_a_waitlist_is_joined_and_left_by_the_keyboard_alone(
    page: Page, backstage: Backstage
) -> None:
    page.goto(f"/courses/{backstage(lambda: full_course().course.slug)}/")
    press(page, CONTROL)
    page.wait_for_url("**/waitlist/")
    press(page, CONFIRM)
    expect(heading(page)).to_have_text("You are on the waitlist")
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
    expect(heading(page)).to_have_text("Where is my invoice?")
    reach(page, "#content")
    page.keyboard.type("Found it.")
    press(page, "main form.form button[type=submit]")
    expect(page.locator(".said.person .words").last).to_have_text("Found it.")
    press(page, "form[action$='/close/'] button")
    expect(page.get_by_text("Closed").first).to_be_visible()


@SCRIPTS
def test_an_intake_is_swapped_by_the_keyboard_alone(looked_at: Page, backstage: Backstage) -> None:
    page = looked_at
    enroll(page, backstage(course_of_three_intakes))
    press(page, "main a[href$='/swap/']")
    expect(heading(page)).to_have_text("Change the intake")
    # Without a choice the browser leads to where it is made.
    press(page, "main form.form button")
    expect(page.get_by_role("radio").first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio").last).to_be_checked()
    press(page, "main form.form button")
    expect(heading(page)).to_have_text("You are enrolled")
    expect(page.locator("dl.facts")).to_contain_text("Winter")
    reach(page, "main a[href$='/swap/']")


def course_of_three_intakes() -> str:
    course = make_course(with_cohort=False)
    for name in ("Spring", "Summer", "Winter"):
        make_cohort(course, name=name)
    return course.slug


@SCRIPTS
def test_a_line_is_joined_left_and_waited_in_by_the_keyboard_alone(
    looked_at: Page, backstage: Backstage, javascript: bool
) -> None:
    page = looked_at
    slug, cohort = backstage(lambda: paused_drop(ahead=3))
    join_the_line(page, slug)
    press(page, f"main .ways a[href='{path_of(page)}']")  # Refresh
    expect(page.locator("[data-position]")).to_have_text("4")
    press(page, "main a[href$='/cancel/']")
    expect(heading(page)).to_have_text("Leave the line?")
    press(page, "button.danger")
    expect(page.get_by_text("You have left the line.")).to_be_visible()

    join_the_line(page, slug)
    refresh = f"main .ways a[href='{path_of(page)}']"
    reach(page, refresh)
    backstage(lambda: release(cohort))
    look_until(page, "You are enrolled", refresh, javascript=javascript)


def join_the_line(page: Page, slug: str) -> None:
    page.goto(f"/courses/{slug}/")
    press(page, CONTROL)
    expect(heading(page)).to_have_text("Check and confirm")
    press(page, SUBMIT)
    expect(heading(page)).to_have_text("You are in line")
    expect(page.locator("[data-position]")).to_have_text("4")


@SCRIPTS
def test_an_offer_is_awaited_taken_and_paid_by_the_keyboard_alone(
    looked_at: Page, backstage: Backstage, javascript: bool
) -> None:
    page = looked_at
    full = backstage(lambda: full_course(price=PRICE))
    page.goto(f"/courses/{full.course.slug}/")
    press(page, CONTROL)
    expect(heading(page)).to_have_text("Join the waitlist")
    press(page, CONFIRM)
    expect(heading(page)).to_have_text("You are on the waitlist")
    refresh = f"main .ways a[href='{path_of(page)}']"
    reach(page, refresh)
    backstage(full.free)
    look_until(page, "A seat is yours, if you take it in time", refresh, javascript=javascript)
    reach(page, "main a[href^='/waitlist/offers/']", key="Shift+Tab")
    page.keyboard.press("Enter")
    expect(heading(page)).to_have_text("A seat is held for you")
    press(page, CONFIRM)
    expect(heading(page)).to_have_text("Pay for your seat")
    pay_by_keyboard(page, javascript=javascript)
    expect(heading(page)).to_have_text("You are enrolled")


def pay_by_keyboard(page: Page, *, javascript: bool) -> None:
    """At the gateway's form: over our page, or instead of it."""
    form: Page | FrameLocator = page.frame_locator("iframe.razorpay-checkout-frame")
    if not javascript:
        press(page, "form[data-gateway] button[type=submit]")
        form = page
    expect(form.get_by_label("UPI ID")).to_be_visible()
    reach(page, "input[name=vpa]")
    page.keyboard.type("success@razorpay")
    page.keyboard.press("Enter")
    if not javascript:
        expect(page.get_by_role("button", name="Return to the shop")).to_be_visible()
        press(page, "button")


def path_of(page: Page) -> str:
    return re.sub("^https?://[^/]+", "", page.url).partition("?")[0]


def look_until(page: Page, title: str, refresh: str, *, javascript: bool) -> None:
    """Waits with the focus on the Refresh link: the page changes under it and leaves it there;
    without scripts it is pressed."""
    if javascript:
        expect(heading(page)).to_have_text(title)
        expect(page.locator(refresh)).to_be_focused()
        return
    for _ in range(100):
        if heading(page).inner_text() == title:
            return
        with page.expect_navigation():
            page.keyboard.press("Enter")
        reach(page, refresh)
    raise AssertionError(f"{title!r} never came on {page.url}")
