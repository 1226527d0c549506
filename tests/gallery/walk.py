"""One walk through every page and state of the learner's side.

Nothing here reads a word of the pages, so that it goes the same way in every language.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Error, Page, expect

from tests.gallery.demo_site import Pay
from tests.gallery.staff import Other, Staff

PASSWORD = "correct-horse-battery-9"
CONFIRM = "main form button[data-progress]"
_PATIENCE = 120  # seconds that a worker on a busy machine may take
PAID, DATA = "full-stack-development", "advanced-data-engineering"


def walk(page: Page, pay: Pay) -> Iterator[str]:
    """Leads `page` from state to state of a site with fresh demo data and yields the name of each
    while it is shown. The page's context must be its own; `pay` is the sandbox's."""
    yield from _as_guest(page)
    yield from _free(page)
    yield from _paid(page, pay)
    yield from _account(page)
    yield from _refused(page)
    yield from _offered(page)
    yield from _by_turn(page)


def _shown(page: Page, **paths: str) -> Iterator[str]:
    for name, path in paths.items():
        page.goto(path)
        yield name.replace("_", "-")


def _as_guest(page: Page) -> Iterator[str]:
    yield from _shown(
        page,
        catalog="/",
        catalog_nearly="/?search=basc+programing",
        catalog_nothing="/?search=quantum+knitting&price=paid",
        course_free="/courses/basic-programming/",
        course_sale=f"/courses/{PAID}/",
        course_requires=f"/courses/{DATA}/",
        course_closed="/courses/last-spring/",
        course_soon="/courses/coming-soon/",
        cart_empty="/cart/",
        language="/language/",
        embed="/embed/",
        sign_up="/accounts/signup/",
        password_reset="/accounts/password/reset/",
        support_guest="/support/",
        offline="/offline/",
        offline_enroll="/offline/enroll/",
        not_found="/courses/no-such-course/",
        styleguide="/styleguide/",
        sign_in="/accounts/login/",
    )
    page.locator("input[name=login]").fill("nobody@example.com")
    page.locator("input[name=password]").fill("wrong")
    page.locator("main form button[type=submit]").click()
    expect(page.locator(".errorlist").first).to_be_visible()
    yield "sign-in-refused"
    page.goto(f"/courses/{PAID}/guest/")
    yield "guest-checkout"
    page.locator("form[data-enroll-form]").evaluate("form => form.noValidate = true")
    page.locator("#coupon").fill("OLD")
    page.locator(CONFIRM).click()
    expect(page.locator("[aria-invalid]").first).to_be_visible()
    yield "guest-checkout-refused"


def sign_up(page: Page) -> None:
    """A new person, signed in; whoever was before is forgotten."""
    page.context.clear_cookies()
    page.goto("/accounts/signup/")
    page.locator("input[name=full_name]").fill("Nora Lind")
    page.locator("input[name=email]").fill(f"{secrets.token_hex(6)}@example.com")
    page.locator("input[name=password1]").fill(PASSWORD)
    page.locator("main form button[type=submit]").click()
    page.wait_for_url("**/me/")


def enroll(page: Page, slug: str) -> None:
    """In a free course, up to the status page."""
    page.goto(f"/courses/{slug}/enroll/")
    page.locator(CONFIRM).click()
    page.wait_for_url("**/enrollments/enr_*/")


def _free(page: Page) -> Iterator[str]:
    sign_up(page)
    yield from _shown(
        page, me_empty="/me/", orders_empty="/orders/", messages_empty="/me/messages/"
    )
    yield from _shown(page, confirm_free="/courses/tiny-seminar/enroll/")
    enroll(page, "tiny-seminar")
    yield "status-enrolled"
    yield from _shown(
        page,
        course_enrolled="/courses/tiny-seminar/",
        learn="/learn/tiny-seminar/",
        learn_closed="/learn/hot-drop/",
    )
    enroll(page, "hot-drop")
    page.goto(page.url + "cancel/")
    yield "cancel"
    page.locator("main form button[type=submit]").click()
    page.wait_for_url("**/enrollments/enr_*/")
    yield "status-cancelled"


def _paid(page: Page, pay: Pay) -> Iterator[str]:
    page.goto(f"/courses/{PAID}/enroll/?coupon=SAVE50")
    yield "checkout"
    page.locator("#coupon").fill("OLD")
    page.locator("details.billing summary").click()
    page.locator("#tax_id").fill("29NOTGSTIN")
    page.locator(CONFIRM).click()
    expect(page.locator("[aria-invalid]").first).to_be_visible()
    yield "checkout-refused"
    yield from _cart(page)
    yield from _payment(page, pay)
    page.goto("/courses/evening-lab/enroll/")
    page.locator(CONFIRM).click()
    page.wait_for_url("**/pay/pay_*/")
    _close_gateway(page)
    page.locator("form[action$='/give-up/'] button").click()
    page.wait_for_selector("#give-up-dialog[open]")
    yield "pay-give-up"
    page.locator("#give-up-dialog .danger").click()
    page.wait_for_selector("[data-payment-state=cancelled]")
    yield "pay-cancelled"
    yield from _shown(page, me="/me/", orders="/orders/", messages="/me/messages/")


def _cart(page: Page) -> Iterator[str]:
    for slug in (PAID, "evening-lab"):
        page.goto(f"/courses/{slug}/")
        page.locator("form[action='/cart/add/'] button").click()
        page.wait_for_url("**/cart/")
    yield "cart"


def _payment(page: Page, pay: Pay) -> Iterator[str]:
    page.goto(f"/courses/{PAID}/enroll/")
    page.locator(CONFIRM).click()
    page.wait_for_url("**/pay/pay_*/")
    address = page.url
    order = page.locator("input[name=order_id]").get_attribute("value")
    page.goto("/me/")
    page.locator("main a[href^='/enrollments/']").first.click()
    status = page.url
    yield "status-unpaid"
    pay(order, vpa="failure@razorpay")
    _until(page, address, "[data-payment-state=failed]")
    yield "pay-failed"
    page.locator("form[action$='/again/'] button").click()
    page.wait_for_selector("[data-payment-state=ready]")
    _close_gateway(page)
    yield "pay"
    order = page.locator("input[name=order_id]").get_attribute("value")
    page.goto(status)
    pay(order, vpa="success@razorpay")
    page.wait_for_selector("[data-enrollment-status=enrolled]", timeout=1000 * _PATIENCE)
    yield "status-paid"  # as it was taken over by the script, not as it was loaded
    page.locator("main a[href^='/orders/']").first.click()
    _until(page, page.url, "[data-paper]")
    yield "order"


def _close_gateway(page: Page) -> None:
    """It opens by itself over the payment page, but not for one who comes back to it."""
    page.goto(page.url.partition("?")[0])


def _until(page: Page, address: str, shown: str) -> None:
    """Looks again until the worker has done it."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        with suppress(Error):  # a page that moves on by itself stops ours from being fetched
            page.goto(address)
            if page.locator(shown).count():
                return
        page.wait_for_timeout(250)
    raise AssertionError(f"{address} never showed {shown}")


def _account(page: Page) -> Iterator[str]:
    yield from _shown(
        page,
        profile="/me/profile/",
        mail_choices="/me/messages/settings/",
        account_email="/accounts/email/",
        account_password="/accounts/password/change/",
        sign_out="/accounts/logout/",
        support="/support/",
    )
    page.locator("#content").fill("The receipt does not open on my phone.\nWhat can I do?")
    page.locator("main form button[type=submit]").click()
    page.wait_for_url("**/support/sup_*/**")
    yield "conversation"


def _refused(page: Page) -> Iterator[str]:
    """What those see who come after the last seat was taken."""
    yield from _shown(page, demo_mail="/demo/mail/")
    page.context.clear_cookies()
    yield from _shown(page, course_full_guest="/courses/tiny-seminar/")
    sign_up(page)
    yield from _shown(
        page,
        course_full="/courses/tiny-seminar/",
        failure_full="/courses/tiny-seminar/enroll/",
        waitlist_join="/courses/tiny-seminar/waitlist/",
    )
    page.locator(CONFIRM).click()
    page.wait_for_selector("[data-waitlist-status]")
    yield "waitlist"
    yield from _shown(page, me_waiting="/me/", course_waiting="/courses/tiny-seminar/")


def _offered(page: Page) -> Iterator[str]:
    """A seat comes free for somebody who waits; another course opens later."""
    with _client(page) as client:
        first, second = Other(client), Other(client)
        taken = first.take("evening-lab")
        second.take("evening-lab")
        yield from _shown(
            page,
            tell_me="/courses/coming-soon/tell-me/",
            waitlist_paid="/courses/evening-lab/waitlist/",
        )
        page.locator(CONFIRM).click()
        page.wait_for_selector("[data-waitlist-status]")
        first.cancel(taken)
    _until(page, page.url, "a[href^='/waitlist/offers/']")
    yield "waitlist-offered"
    page.locator("a[href^='/waitlist/offers/']").first.click()
    page.wait_for_url("**/waitlist/offers/off_*/")
    yield "offer"


def _by_turn(page: Page) -> Iterator[str]:
    """Another intake to change to, and a line that everybody waits in."""
    with _client(page) as client:
        staff = Staff(client)
        staff.add_intake("basic-programming", "Summer")
        staff.pause_line("hot-drop")
    yield from _shown(
        page, course_line="/courses/hot-drop/", course_intakes="/courses/basic-programming/"
    )
    enroll(page, "basic-programming")
    yield "status-of-two-intakes"
    page.goto(page.url + "swap/")
    yield "swap"
    yield from _shown(page, confirm_line="/courses/hot-drop/enroll/")
    page.locator(CONFIRM).click()
    page.wait_for_selector("[data-position]")
    yield "line"


def _client(page: Page) -> httpx.Client:
    """For others, who have cookies of their own."""
    parts = urlsplit(page.url)
    address = f"{parts.scheme}://{parts.netloc}"
    return httpx.Client(base_url=address, timeout=60, follow_redirects=True)
