"""A drop in a browser: the countdown, the line that moves by itself, and it all without scripts."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

import pytest
from playwright.sync_api import expect

from matricula.catalog.models import Cohort
from matricula.flows import rooms
from matricula.kernel import clock
from tests.browser.conftest import Backstage, OpenPage
from tests.browser.walking import CONTROL, SUBMIT, sign_up
from tests.support.drops import paused_drop, release
from tests.support.factories import make_course, only_cohort
from tests.support.paid_sites import PaidSite

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture
def live_site(paid_site: PaidSite) -> str:
    return paid_site.site.url


@pytest.mark.parametrize("width", [360, 1280])
def test_the_line_moves_by_itself_until_the_seat_is_there(
    open_page: OpenPage, backstage: Backstage, troubles: list[str], width: int
) -> None:
    slug, cohort = backstage(lambda: paused_drop(ahead=3))
    page = open_page(width=width)
    sign_up(page)
    page.goto(f"/courses/{slug}/")
    expect(page.locator(CONTROL)).to_have_text("Join the Line")
    page.locator(CONTROL).click()
    page.locator(SUBMIT).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are in line")
    expect(page.locator("[data-position]")).to_have_text("4")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    backstage(lambda: release(cohort))
    expect(page.get_by_role("heading", level=1)).to_have_text("You are enrolled")
    assert troubles == []


def test_without_scripts_the_line_is_joined_refreshed_and_left(
    open_page: OpenPage, backstage: Backstage
) -> None:
    slug, _cohort = backstage(lambda: paused_drop(ahead=3))
    page = open_page(javascript=False)
    sign_up(page)
    page.goto(f"/courses/{slug}/")
    page.locator(CONTROL).click()
    page.locator(SUBMIT).click()
    page.get_by_role("link", name="Refresh").click()
    expect(page.locator("[data-position]")).to_have_text("4")
    page.get_by_role("link", name="Leave the line").click()
    page.locator(SUBMIT).click()
    expect(page.get_by_text("You have left the line.")).to_be_visible()


def test_the_control_opens_with_the_registration(
    open_page: OpenPage, backstage: Backstage, troubles: list[str]
) -> None:
    page = open_page()
    sign_up(page)
    slug, cohort = backstage(lambda: drop_that_opens(timedelta(minutes=50)))
    page.clock.install()
    page.goto(f"/courses/{slug}/")
    expect(page.locator("[data-opens-in]")).to_contain_text(re.compile(r"Opens in 4\d:\d\d"))
    backstage(lambda: open_now(cohort))
    page.clock.run_for(timedelta(minutes=50) // timedelta(milliseconds=1))
    expect(page.locator(CONTROL)).to_have_attribute("data-enroll-state", "available")
    page.locator(CONTROL).click()
    page.locator(SUBMIT).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are enrolled")
    assert troubles == []


def drop_that_opens(later: timedelta) -> tuple[str, UUID]:
    course = make_course(capacity=5)
    cohort = only_cohort(course)
    rooms.set_room(cohort, is_drop=True, opens_above=None)
    Cohort.objects.filter(pk=cohort).update(opens_at=clock.now() + later)
    return course.slug, cohort


def open_now(cohort: UUID) -> None:
    Cohort.objects.filter(pk=cohort).update(opens_at=clock.now())
