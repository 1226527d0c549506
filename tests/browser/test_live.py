"""The status page changes by itself: by whatever way the network leaves open, and nothing twice."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Locator, Page, expect

from matricula.flows.enroll import Application, enroll
from matricula.kernel import ids
from tests.browser.conftest import PATIENCE, Backstage, OpenPage
from tests.browser.walking import confirm, confirm_and_stay, sign_up
from tests.support.factories import make_course, make_person
from tests.support.paid_sites import PaidSite

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
COURSE = "full-stack-development"
STREAM = re.compile(r"/events($|\?)")
POLL = re.compile(r"/events/poll")
SEATS = re.compile("/seats/events")
# Before any script of the page: keeps each event told, and each socket that is opened.
WATCH = """
window.told = [];
document.addEventListener("matricula:event", (event) => window.told.push(event.detail.id));
"""
NO_SOCKETS = """
window.WebSocket = class { constructor() { setTimeout(() => this.onclose?.({ code: 1006 })); }
  close() {} send() {} };
"""


@pytest.fixture
def live_site(paid_site: PaidSite) -> str:
    return paid_site.site.url


@dataclass(frozen=True)
class Checkout:
    """A checkout in two tabs: the one that pays, and the one that shows how it stands."""

    paying: Page
    status: Page
    gateway_order: str
    reference: str

    def events(self) -> list[dict[str, Any]]:
        """The log, as the API gives it."""
        path = f"/api/v1/enrollments/{self.reference}/events/poll?last_event_id=0&timeout=0"
        items: list[dict[str, Any]] = self.paying.request.get(path).json()["items"]
        return items


def check_out(page: Page, *, on_status: str = WATCH) -> Checkout:
    """A new person's checkout, with its status page open in a second tab."""
    sign_up(page)
    page.goto(f"/courses/{COURSE}/enroll/")
    confirm_and_stay(page)
    order = page.locator("input[name=order_id]").get_attribute("value")
    assert order
    status = page.context.new_page()
    status.set_default_timeout(PATIENCE)
    status.add_init_script(on_status)
    status.goto("/me/")
    status.locator("main a[href^='/enrollments/']").first.click()
    expect(status.get_by_role("heading", level=1)).to_have_text("Your enrollment is under way")
    found = re.search(r"enr_\w{26}", status.url)
    assert found
    return Checkout(page, status, order, found.group())


def is_enrolled(status: Page) -> None:
    expect(status.get_by_role("heading", level=1)).to_have_text("You are enrolled")
    expect(status.locator("[data-payment-status]")).to_have_text("Paid")
    expect(status.get_by_role("link", name="Open the course")).to_be_visible()


def heard(status: Page) -> list[int]:
    told: list[int] = status.evaluate("window.told")
    return told


def test_paid_in_one_tab_shown_in_the_other(
    open_page: OpenPage, paid_site: PaidSite, troubles: list[str]
) -> None:
    checkout = check_out(open_page())
    streams, polls = requests(checkout.status, STREAM), requests(checkout.status, POLL)
    asked = said_to_sockets(checkout)
    checkout.status.reload()
    expect(line(checkout.status)).to_have_attribute("data-line", "open")
    paid_site.sandbox.pay(checkout.gateway_order)
    is_enrolled(checkout.status)
    expect(checkout.status.locator("[data-live-status]")).to_contain_text("You are enrolled")
    assert streams
    assert (asked, polls) == ([], [])
    assert troubles == []


def test_by_socket_where_streams_are_held_back(open_page: OpenPage, paid_site: PaidSite) -> None:
    checkout = check_out(open_page())
    checkout.status.route(STREAM, lambda route: route.abort())
    asked, polls = said_to_sockets(checkout), requests(checkout.status, POLL)
    checkout.status.reload()
    expect(line(checkout.status)).to_have_attribute("data-line", "open")
    paid_site.sandbox.pay(checkout.gateway_order)
    is_enrolled(checkout.status)
    assert asked
    assert polls == []


def test_by_long_poll_where_both_are_blocked(open_page: OpenPage, paid_site: PaidSite) -> None:
    checkout = check_out(open_page(), on_status=WATCH + NO_SOCKETS)
    checkout.status.route(STREAM, lambda route: route.abort())
    polls = requests(checkout.status, POLL)
    checkout.status.reload()
    expect(line(checkout.status)).to_have_attribute("data-line", "open")
    paid_site.sandbox.pay(checkout.gateway_order)
    is_enrolled(checkout.status)
    assert polls


def test_with_nothing_left_the_refresh_link_is_right(
    open_page: OpenPage, paid_site: PaidSite
) -> None:
    checkout = check_out(open_page(), on_status=WATCH + NO_SOCKETS)
    checkout.status.route(re.compile("/events"), lambda route: route.abort())
    checkout.status.reload()
    expect(checkout.status.locator("[data-live-note]")).to_have_text("Reconnecting…")
    paid_site.sandbox.pay(checkout.gateway_order)
    refreshed(checkout.status)


def test_without_scripts_the_refresh_link_is_right(
    open_page: OpenPage, paid_site: PaidSite
) -> None:
    page = open_page(javascript=False, width=360)
    sign_up(page)
    page.goto(f"/courses/{COURSE}/enroll/")
    confirm(page)
    order = page.locator("input[name=order_id]").get_attribute("value")
    assert order
    page.goto("/me/")
    page.locator("main a[href^='/enrollments/']").first.click()
    paid_site.sandbox.pay(order)
    refreshed(page)


def test_over_a_restart_nothing_is_missed_and_nothing_comes_twice(
    open_page: OpenPage, paid_site: PaidSite
) -> None:
    checkout = check_out(open_page())
    expect(line(checkout.status)).to_have_attribute("data-line", "open")
    after = int(checkout.status.locator("[data-live]").get_attribute("data-live-after") or 0)
    with paid_site.site.away():
        expect(checkout.status.locator("[data-live-note]")).to_have_text("Reconnecting…")
    paid_site.sandbox.pay(checkout.gateway_order)
    is_enrolled(checkout.status)
    expect(checkout.status.locator("[data-live-note]")).to_be_hidden()
    numbers = [event["id"] for event in checkout.events()]
    assert numbers == list(range(1, len(numbers) + 1))
    checkout.status.wait_for_function("(count) => told.length >= count", arg=len(numbers) - after)
    assert heard(checkout.status) == numbers[after:]


def test_the_bell_rings_while_one_looks(open_page: OpenPage, paid_site: PaidSite) -> None:
    checkout = check_out(open_page())
    count = checkout.paying.locator(".bell .count")
    expect(count).to_be_hidden()
    paid_site.sandbox.pay(checkout.gateway_order)
    expect(count).to_contain_text("2 unread")  # the receipt, and the enrollment
    expect(checkout.status.locator("[data-app-status]")).to_have_text("You have a new message.")
    checkout.status.goto("/me/messages/")
    checkout.status.get_by_role("button", name="Mark all as read").click()
    expect(count).to_be_hidden()


def test_more_time_asked_for_in_one_tab_is_seen_in_the_other(
    open_page: OpenPage, paid_site: PaidSite
) -> None:
    checkout = check_out(open_page())
    hold_for_two_minutes(paid_site, checkout.reference)
    checkout.status.reload()
    expect(line(checkout.status)).to_have_attribute("data-line", "open")
    clock = checkout.status.locator(".clock")
    expect(clock).to_have_text(re.compile(r" 1:\d\d"))
    checkout.paying.get_by_role("button", name="Give me more time").click()
    expect(clock).to_have_text(re.compile(r" \d\d:\d\d"))
    expect(clock).not_to_have_class(re.compile("low"))


def hold_for_two_minutes(paid_site: PaidSite, reference: str) -> None:
    """As if the person had taken their time."""
    about = [timedelta(seconds=119), ids.from_text("enr", reference)]
    with psycopg.connect(paid_site.site.database_url) as connection:
        connection.execute("UPDATE seats_hold SET expires_at = now() + %s WHERE key = %s", about)
        connection.execute(
            "UPDATE enrollments_enrollment SET hold_expires_at = now() + %s WHERE id = %s", about
        )


def test_the_payment_page_of_another_tab_leads_on(open_page: OpenPage, paid_site: PaidSite) -> None:
    checkout = check_out(open_page())
    expect(line(checkout.paying)).to_have_attribute("data-line", "open")
    paid_site.sandbox.pay(checkout.gateway_order)
    is_enrolled(checkout.paying)


def test_a_seat_taken_is_seen_by_guests_and_a_full_course_changes_its_button(
    open_page: OpenPage, backstage: Backstage, troubles: list[str]
) -> None:
    course = backstage(lambda: make_course(capacity=2, price=99_900))
    page, catalog = open_page(width=360), open_page()
    page.goto(f"/courses/{course.slug}/")
    catalog.goto(f"/?search={course.title}")
    card = catalog.locator(".card", has_text=course.title)
    control = page.locator("[data-enroll-state]")
    expect(page.locator(".buy .seats")).to_have_text("2 seats left")
    first, last = open_page(), open_page()
    hold_seat(first, course.slug)
    expect(page.locator(".buy .seats")).to_have_text("1 seat left")
    expect(card.locator(".seats")).to_have_text("1 seat left")
    hold_seat(last, course.slug)
    expect(control).to_have_attribute("data-enroll-state", "course_full")
    expect(control).to_have_text("Course Full")
    expect(card).to_contain_text("Full")
    cancel_the_only_one(last)
    expect(control).to_have_attribute("data-enroll-state", "login_required")
    assert troubles == []


def hold_seat(page: Page, slug: str) -> None:
    """A new person, as far as the payment."""
    sign_up(page)
    page.goto(f"/courses/{slug}/enroll/")
    confirm(page)
    expect(page).to_have_url(re.compile("/pay/"))


def cancel_the_only_one(page: Page) -> None:
    page.goto("/me/")
    page.locator("main a[href^='/enrollments/']").first.click()
    page.get_by_role("link", name="Cancel this enrollment").click()
    page.get_by_role("button", name="Cancel the enrollment").click()


def test_a_course_that_filled_up_before_the_page_could_listen_is_seen_too(
    open_page: OpenPage, backstage: Backstage
) -> None:
    """As behind a proxy whose server is away: the stream is refused at first, and so is the first
    question after it."""
    slug = backstage(lambda: make_course(capacity=1).slug)
    page = open_page()
    page.route(SEATS, lambda route: route.fulfill(status=503))
    with page.expect_response(SEATS):
        page.goto(f"/courses/{slug}/")
    control = page.locator("[data-enroll-state]")
    expect(control).to_have_attribute("data-enroll-state", "login_required")
    backstage(lambda: enroll(Application(make_person().pk, slug)))
    page.route("**/courses/**", lambda route: route.fulfill(status=503), times=1)
    with page.expect_response(lambda answer: "x-fragment" in answer.request.headers) as refused:
        page.unroute(SEATS)
    assert refused.value.status == 503
    expect(control).to_have_attribute("data-enroll-state", "course_full")


def line(page: Page) -> Locator:
    return page.locator("html")


def refreshed(page: Page) -> None:
    """Follows the Refresh link until the payment has arrived, as a person would."""
    for _ in range(200):
        page.get_by_role("link", name="Refresh").click()
        if page.get_by_role("heading", name="You are enrolled").count():
            break
        page.wait_for_timeout(250)
    is_enrolled(page)


def requests(page: Page, path: re.Pattern[str]) -> list[str]:
    """The requests of this kind that the page makes from now on."""
    made: list[str] = []
    page.on("request", lambda one: made.append(one.url) if path.search(one.url) else None)
    return made


def said_to_sockets(checkout: Checkout) -> list[str]:
    """What the status page says about the enrollment over sockets from now on; the bell has a
    socket of its own, which is about nothing else."""
    said: list[str] = []

    def note(frame: str | bytes) -> None:
        if checkout.reference in str(frame):
            said.append(str(frame))

    checkout.status.on("websocket", lambda socket: socket.on("framesent", note))
    return said
