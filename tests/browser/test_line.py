"""A drop in a browser: the countdown, the line that moves by itself, and it all without scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import expect
from pytest_django import DjangoDbBlocker

from matricula.catalog.models import Cohort, Course
from matricula.flows import rooms
from matricula.flows.enroll import Application, enroll
from matricula.kernel import clock
from tests.browser.conftest import OpenPage
from tests.browser.walking import CONTROL, SUBMIT, sign_up
from tests.support.crowds import django_on
from tests.support.factories import make_course, make_people, only_cohort
from tests.support.paid_sites import PaidSite, running_paid_site

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
Backstage = Callable[[Callable[[], Any]], Any]


@pytest.fixture(scope="module")
def paid_site() -> Iterator[PaidSite]:
    with running_paid_site() as paid:
        yield paid


@pytest.fixture
def live_site(paid_site: PaidSite) -> str:
    return paid_site.site.url


@pytest.fixture
def backstage(paid_site: PaidSite, django_db_blocker: DjangoDbBlocker) -> Backstage:
    """Runs work on the site's database, in a thread where Playwright's loop does not run."""

    def run(work: Callable[[], Any]) -> Any:
        def there() -> Any:
            with django_db_blocker.unblock(), django_on(paid_site.site.database_url):
                return work()

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(there).result()

    return run


def paused_drop() -> tuple[str, UUID]:
    """A drop whose line takes people and lets nobody in; its slug and its cohort."""
    course: Course = make_course(capacity=50)
    cohort = only_cohort(course)
    rooms.set_room(cohort, is_drop=True, opens_above=None)
    rooms.pause(cohort, True)
    for person in make_people(3):
        enroll(Application(person.pk, course.slug))
    return course.slug, cohort


@pytest.mark.parametrize("width", [360, 1280])
def test_the_line_moves_by_itself_until_the_seat_is_there(
    open_page: OpenPage, backstage: Backstage, troubles: list[str], width: int
) -> None:
    slug, cohort = backstage(paused_drop)
    page = open_page(width=width)
    sign_up(page)
    page.goto(f"/courses/{slug}/")
    expect(page.locator(CONTROL)).to_have_text("Join the Line")
    page.locator(CONTROL).click()
    page.locator(SUBMIT).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are in line")
    expect(page.locator("[data-position]")).to_have_text("4")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    backstage(lambda: rooms.pause(cohort, False))
    expect(page.get_by_role("heading", level=1)).to_have_text("You are enrolled", timeout=30_000)
    assert troubles == []


def test_without_scripts_the_line_is_joined_refreshed_and_left(
    open_page: OpenPage, backstage: Backstage
) -> None:
    slug, _cohort = backstage(paused_drop)
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


def opening_soon() -> str:
    course: Course = make_course(capacity=5)
    cohort = only_cohort(course)
    rooms.set_room(cohort, is_drop=True, opens_above=None)
    Cohort.objects.filter(pk=cohort).update(opens_at=clock.now() + timedelta(seconds=12))
    return course.slug


def test_the_control_opens_with_the_registration(
    open_page: OpenPage, backstage: Backstage, troubles: list[str]
) -> None:
    page = open_page()
    sign_up(page)
    slug = backstage(opening_soon)
    page.goto(f"/courses/{slug}/")
    expect(page.locator("[data-opens-in]")).to_contain_text("Opens in 0:")
    expect(page.locator(CONTROL)).to_have_attribute(
        "data-enroll-state", "available", timeout=30_000
    )
    page.locator(CONTROL).click()
    page.locator(SUBMIT).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are enrolled", timeout=30_000)
    assert troubles == []
