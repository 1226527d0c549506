"""The status page changes by itself: by whatever way the network leaves open, and nothing twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.test_paying import confirm
from tests.browser.walking import sign_up
from tests.support.paid_sites import PaidSite, running_paid_site

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
COURSE = "full-stack-development"
STREAM = re.compile(r"/events($|\?)")
POLL = re.compile(r"/events/poll")
# Before any script of the page: keeps each event told, and each socket that is opened.
WATCH = """
window.told = [];
document.addEventListener("matricula:event", (event) => window.told.push(event.detail.id));
"""
NO_SOCKETS = """
window.WebSocket = class { constructor() { setTimeout(() => this.onclose?.({ code: 1006 })); }
  close() {} send() {} };
"""


@pytest.fixture(scope="module")
def paid_site() -> Iterator[PaidSite]:
    with running_paid_site() as paid:
        yield paid


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
    confirm(page)
    page.get_by_role("button", name="Wait, not yet").click()
    order = page.locator("input[name=order_id]").get_attribute("value")
    assert order
    status = page.context.new_page()
    status.set_default_timeout(15_000)
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
    paid_site.sandbox.pay(checkout.gateway_order)
    is_enrolled(checkout.status)
    expect(checkout.status.locator("[data-live-status]")).to_contain_text("You are enrolled")
    assert troubles == []
