"""Full, joined, somebody cancels, the page says so, taken, paid, enrolled: scripts on and off."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Backstage, OpenPage
from tests.browser.fitting import check
from tests.browser.test_paying import pay
from tests.browser.walking import CONTROL, confirm, sign_up
from tests.support.paid_sites import PaidSite
from tests.waitlist.conftest import full_course

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
# A folder to keep pictures of the pages in, to be looked at.
PICTURES = os.environ.get("MATRICULA_PICTURES", "")


@pytest.fixture
def live_site(paid_site: PaidSite) -> str:
    return paid_site.site.url


def picture(page: Page, name: str) -> None:
    before = page.viewport_size
    for width in (360, 1280) if PICTURES else ():
        page.set_viewport_size({"width": width, "height": 740})
        page.screenshot(path=str(Path(PICTURES) / f"{name}-{width}.png"), full_page=True)
    if PICTURES and before is not None:
        page.set_viewport_size(before)


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no scripts"])
def test_from_full_to_enrolled(
    open_page: OpenPage, troubles: list[str], backstage: Backstage, javascript: bool
) -> None:
    full = backstage(lambda: full_course(2, price=99_900))
    course = f"/courses/{full.course.slug}/"
    page = open_page(
        width=360 if javascript else 1280,
        javascript=javascript,
        scheme="dark" if javascript else "light",
    )
    sign_up(page)
    page.goto(course)
    expect(page.locator(CONTROL)).to_have_attribute("data-enroll-state", "course_full")
    picture(page, f"course-{javascript}")
    page.locator(CONTROL).click()
    picture(page, f"join-{javascript}")
    if javascript:
        check(page, (course, f"{course}waitlist/"))
    page.get_by_role("button", name="Join the waitlist").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are on the waitlist")
    expect(page.get_by_text("You are number 1 of 1.")).to_be_visible()
    picture(page, f"standing-{javascript}")
    if javascript:
        check(page, (f"{course}waitlist/",))

    backstage(full.free)
    wait_for_the_offer(page, javascript=javascript)
    take_the_seat(page, javascript=javascript)
    page.goto("/me/")
    expect(page.get_by_text("Waitlists")).to_have_count(0)
    assert [said for said in troubles if said.startswith(page.url[:24])] == []


def wait_for_the_offer(page: Page, *, javascript: bool) -> None:
    """The page says so by itself; without scripts, when it is asked."""
    heading = page.get_by_role("heading", level=1)
    for _ in range(0 if javascript else 200):
        page.get_by_role("link", name="Refresh").click()
        if heading.inner_text() != "You are on the waitlist":
            break
        page.wait_for_timeout(500)
    expect(heading).to_have_text("A seat is yours, if you take it in time")
    picture(page, f"offered-{javascript}")


def take_the_seat(page: Page, *, javascript: bool) -> None:
    """From the offer to enrolled."""
    heading = page.get_by_role("heading", level=1)
    page.get_by_role("link", name="Look at the offer").click()
    expect(heading).to_have_text("A seat is held for you")
    picture(page, f"offer-{javascript}")
    if javascript:
        check(page, (re.sub(r"^https?://[^/]+", "", page.url),))
    confirm(page)
    expect(page).to_have_url(re.compile(r"/pay/pay_\w{26}/"))
    pay(page, "success@razorpay", javascript=javascript)
    expect(heading).to_have_text("You are enrolled")
    picture(page, f"enrolled-{javascript}")
