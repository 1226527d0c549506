"""No violation of WCAG 2.2 AA on pages that change by themselves, and offline."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import violations
from tests.browser.conftest import OpenPage
from tests.browser.test_paying import confirm
from tests.browser.walking import SUBMIT, enroll, sign_up
from tests.support.paid_sites import PaidSite, running_paid_site

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])


@pytest.fixture(scope="module")
def paid_site() -> Iterator[PaidSite]:
    with running_paid_site() as paid:
        yield paid


@pytest.fixture
def live_site(paid_site: PaidSite) -> str:
    return paid_site.site.url


@SCHEMES
def test_courses_and_the_way_to_a_seat(
    open_page: OpenPage, paid_site: PaidSite, scheme: str
) -> None:
    page = open_page(width=360 if scheme == "dark" else 1280, scheme=scheme)
    found = []
    for path in ("/", "/courses/basic-programming/", "/courses/last-spring/"):
        page.goto(path)
        found += violations(page)
    sign_up(page)
    enroll(page, "basic-programming")
    found += violations(page)
    page.goto("/courses/full-stack-development/enroll/")
    found += violations(page)
    confirm(page)
    page.get_by_role("button", name="Wait, not yet").click()
    found += violations(page)
    order = page.locator("input[name=order_id]").get_attribute("value")
    assert order
    page.goto("/me/")
    page.locator("main a[href^='/enrollments/']").first.click()
    found += violations(page)
    paid_site.sandbox.pay(order)
    expect(page.get_by_role("heading", level=1)).to_have_text("You are enrolled")
    found += violations(page)  # as it was taken over, not as it was loaded
    page.get_by_role("link", name="Order and invoice").click()
    found += violations(page)
    assert found == []


@SCHEMES
def test_offline_and_what_was_written_down(open_page: OpenPage, scheme: str) -> None:
    page = open_page(width=360, scheme=scheme)
    found = []
    for path in ("/offline/", "/offline/enroll/"):
        page.goto(path)
        found += violations(page)
    sign_up(page)
    page.goto("/courses/hot-drop/enroll/")
    page.context.set_offline(True)
    page.locator(SUBMIT).click()
    expect(page.locator("li.queued")).to_contain_text("Not yet sent")
    found += violations(page)
    page.context.set_offline(False)
    expect(page.locator("li.queued")).to_contain_text(re.compile("Enrolled Successfully!"))
    found += violations(page)
    assert found == []
