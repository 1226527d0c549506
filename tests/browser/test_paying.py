"""From a course page to a paid seat at the gateway's own form, with and without JavaScript."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import FrameLocator, Page, Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.fitting import check
from tests.browser.walking import CONTROL, PASSWORD, confirm, confirm_and_stay, sign_up
from tests.support.paid_sites import PaidSite

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
COURSE = "full-stack-development"
SCRIPTS = pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no scripts"])
WIDTHS = pytest.mark.parametrize("width", [360, 1280])


@pytest.fixture
def live_site(paid_site: PaidSite) -> str:
    return paid_site.site.url


def gateway(page: Page, *, javascript: bool) -> Page | FrameLocator:
    """The gateway's form: over our page, or instead of it."""
    if javascript:
        return page.frame_locator("iframe.razorpay-checkout-frame")
    button = page.get_by_role("button", name=re.compile("^Pay ₹"))
    expect(button.or_(page.get_by_label("UPI ID"))).to_be_visible()
    if button.count():
        button.click()
    return page


def pay(page: Page, vpa: str, *, javascript: bool) -> None:
    form = gateway(page, javascript=javascript)
    form.get_by_label("UPI ID").fill(vpa)
    form.get_by_role("button", name="Pay by UPI ID").click()
    if not javascript:
        page.get_by_role("button", name="Return to the shop").click()


def close_declined(page: Page) -> None:
    """Over our page, the gateway says that the payment was declined: that is closed."""
    form = gateway(page, javascript=True)
    expect(form.get_by_text("declined in the UPI app")).to_be_visible()
    form.get_by_role("button", name=re.compile("Close|Cancel|Back")).first.click()


def mailed_link(page: Page, address: str) -> str:
    """The link in the mail that the worker sends to this address."""
    mine = page.locator("main li").filter(has_text=address)
    mail = mine.get_by_role("link", name=re.compile("Receipt")).first
    for _ in range(200):
        page.goto("/demo/mail/")
        if page.get_by_text(address).count():
            break
        page.wait_for_timeout(500)
    mail.click()
    expect(page.get_by_text(address).first).to_be_visible()
    found = re.search(r"/guests/[^/\s\"]+/", page.content())
    assert found is not None
    return found.group()


@SCRIPTS
@WIDTHS
def test_a_failure_then_paid_on_the_same_order(
    open_page: OpenPage, troubles: list[str], width: int, javascript: bool
) -> None:
    page = open_page(width=width, javascript=javascript)
    sign_up(page)
    page.goto(f"/courses/{COURSE}/")
    expect(page.locator(CONTROL)).to_have_text("Enroll Now")
    page.locator(CONTROL).click()
    page.get_by_label("Coupon code").fill("SAVE50")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("[data-total]")).to_have_text("₹1,769.42")
    confirm(page)
    expect(page).to_have_url(re.compile(r"/pay/pay_\w{26}/"))
    address = page.url.partition("?")[0]

    pay(page, "failure@razorpay", javascript=javascript)
    if javascript:
        close_declined(page)
    failed = page.locator("[data-payment-state=failed]")
    expect(failed).to_contain_text("declined in the UPI app")
    assert page.url == address
    page.get_by_role("button", name="Try again").click()

    pay(page, "success@razorpay", javascript=javascript)
    expect(page.get_by_role("heading", level=1)).to_have_text("You are enrolled")
    expect(page.locator("[data-payment-status]")).to_have_text("Paid")
    page.get_by_role("link", name="Order and invoice").click()
    expect(page.locator("article")).to_have_attribute("data-order-state", "paid")
    expect(page.locator(".bill .total dd")).to_have_text("₹1,769.42")
    assert [said for said in troubles if said.startswith(page.url[:24])] == []


def test_another_attempt_opens_though_the_page_hears_of_it_first(open_page: OpenPage) -> None:
    """The attempt's event may come before the answer to who asked for it."""
    page = open_page()
    sign_up(page)
    page.goto(f"/courses/{COURSE}/enroll/")
    confirm(page)
    pay(page, "failure@razorpay", javascript=True)
    close_declined(page)
    expect(page.locator("[data-payment-state=failed]")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("data-line", "open")

    def answer_late(route: Route) -> None:
        with page.expect_response(lambda answer: "x-fragment" in answer.request.headers):
            answer = route.fetch(max_redirects=0)
        page.wait_for_timeout(500)  # an eternity for what the page might open instead
        route.fulfill(response=answer)

    page.route("**/again/", answer_late)
    page.get_by_role("button", name="Try again").click()
    expect(gateway(page, javascript=True).get_by_label("UPI ID")).to_be_visible()


# One width: the mail folder of the shared site keeps several letters in one file.
@pytest.mark.parametrize("width", [360])
def test_a_guest_buys_a_cart_and_makes_the_account_by_mail(
    open_page: OpenPage, troubles: list[str], width: int
) -> None:
    page = open_page(width=width)
    for slug in (COURSE, "evening-lab"):
        page.goto(f"/courses/{slug}/")
        page.get_by_role("button", name="Add to cart").click()
    expect(page.locator("[data-total]")).to_have_text("₹4,538.82")
    check(page, ("/cart/",))
    page.get_by_label("Full name").fill("Ravi Menon")
    page.get_by_label("E-mail address").fill(f"ravi{width}@browser.example.com")
    confirm(page)
    pay(page, "success@razorpay", javascript=True)
    expect(page.get_by_role("heading", level=1)).to_have_text("Now look into your mail")
    expect(page.get_by_text(f"ravi{width}@browser.example.com")).to_be_visible()

    page.goto(mailed_link(page, f"ravi{width}@browser.example.com"))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Open my courses").click()
    expect(page.get_by_text("Your account is ready")).to_be_visible()
    expect(page.locator(".cards .card")).to_have_count(2)
    assert troubles == []


def test_another_state_shows_its_tax_at_once(open_page: OpenPage, troubles: list[str]) -> None:
    page = open_page()
    sign_up(page)
    page.goto(f"/courses/{COURSE}/enroll/?coupon=SAVE50")
    page.get_by_text("Billing details").click()
    page.get_by_label("State (in India)").select_option("MH")
    expect(page.get_by_text("IGST 18")).to_be_visible()
    expect(page.locator("[data-enroll-status]")).to_contain_text("₹1,769.41")
    confirm(page)
    expect(page.locator("[data-total]")).to_have_text("₹1,769.41")
    assert troubles == []


def test_without_scripts_nobody_pays_a_price_that_was_not_shown(open_page: OpenPage) -> None:
    page = open_page(javascript=False)
    sign_up(page)
    page.goto(f"/courses/{COURSE}/enroll/?coupon=SAVE50")
    page.get_by_text("Billing details").click()
    page.get_by_label("State (in India)").select_option("MH")
    confirm(page)
    expect(page.get_by_text("The price is ₹1,769.41 now")).to_be_visible()
    confirm(page)
    expect(page.locator("[data-payment-state=ready]")).to_be_visible()


def test_the_payment_can_be_stopped_before_it_opens(open_page: OpenPage) -> None:
    page = open_page()
    sign_up(page)
    page.goto(f"/courses/{COURSE}/enroll/")
    page.clock.install()
    page.clock.pause_at(datetime.now(UTC) + timedelta(seconds=5))
    confirm(page)
    page.get_by_role("button", name="Wait, not yet").click()
    page.clock.run_for(3000)
    expect(page.locator("iframe")).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("^Pay ₹"))).to_be_focused()


def test_time_running_out_is_said_and_extended_with_one_press(open_page: OpenPage) -> None:
    page = open_page()
    page.clock.install()
    sign_up(page)
    page.goto(f"/courses/{COURSE}/enroll/")
    confirm_and_stay(page)
    clock, status = page.locator(".clock"), page.locator("[data-clock-status]")
    run_until(page, seconds_left=100)
    expect(status).to_contain_text("Two minutes are left")
    page.get_by_role("button", name="Give me more time").click()
    expect(page.get_by_text("Your seat is held longer now.")).to_be_visible()
    # When its time is over the page asks the server, whose clock still has it held: not here.
    page.route(re.compile("/pay/"), lambda route: route.abort())
    run_until(page, seconds_left=-10)
    expect(clock).to_contain_text("The time is over")


def run_until(page: Page, *, seconds_left: int) -> None:
    """Lets the page's time pass until so much of the hold is left, however long it took to get
    here."""
    clock = page.locator(".clock")
    expect(clock).to_have_text(re.compile(r"\d+:\d\d"))
    minutes, seconds = re.findall(r"(\d+):(\d\d)", clock.inner_text())[0]
    page.clock.run_for((int(minutes) * 60 + int(seconds) - seconds_left) * 1000)
