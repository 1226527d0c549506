"""The console's times are on the school's clock, which its forms and lists name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from matricula.catalog.models import Cohort
from tests.console.addresses import COHORTS, change, cohort_form
from tests.support.factories import make_course


@pytest.fixture(autouse=True)
def school_in_berlin(db: None, settings: Settings) -> None:
    zone = ZoneInfo("Europe/Berlin")
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, time_zone=zone)


# The nights before and after the clocks go forward, and back.
@pytest.mark.parametrize(
    ("day", "time", "moment", "name"),
    [
        ("2027-03-28", "01:30", datetime(2027, 3, 28, 0, 30, tzinfo=UTC), "CET"),
        ("2027-03-28", "03:30", datetime(2027, 3, 28, 1, 30, tzinfo=UTC), "CEST"),
        ("2027-10-31", "01:30", datetime(2027, 10, 30, 23, 30, tzinfo=UTC), "CEST"),
        ("2027-10-31", "03:30", datetime(2027, 10, 31, 2, 30, tzinfo=UTC), "CET"),
    ],
)
def test_a_time_comes_back_as_it_was_typed(
    console: Client, day: str, time: str, moment: datetime, name: str
) -> None:
    cohort = Cohort.objects.get(course=make_course())
    path = change(COHORTS, cohort.pk)
    sent = cohort_form(cohort, starts_at_0=day, starts_at_1=time)
    assert console.post(path, sent).status_code == 302
    cohort.refresh_from_db()
    assert cohort.starts_at == moment
    page = console.get(path).content.decode()
    assert f'value="{time}:00"' in page
    assert "On the clock of Europe/Berlin" in page
    assert f"{day} {time} {name}" in console.get(f"{COHORTS}?q={cohort.name}").content.decode()


@pytest.mark.parametrize(("day", "time"), [("2027-03-28", "02:30"), ("2027-10-31", "02:30")])
def test_a_time_that_is_none_or_two_is_a_mistake_in_its_field(
    console: Client, day: str, time: str
) -> None:
    cohort = Cohort.objects.get(course=make_course())
    sent = cohort_form(cohort, starts_at_0=day, starts_at_1=time)
    answer = console.post(change(COHORTS, cohort.pk), sent)
    assert "starts_at" in answer.context["adminform"].form.errors
