"""When registration ends: the rule, and the SQL function that says the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

from django.db import connection

from matricula.catalog import rules
from matricula.flows import offer
from matricula.kernel import clock
from tests.support.factories import make_cohort, make_course

DAY = timedelta(days=1)
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DATES = [None, NOW, NOW + DAY, NOW + 10 * DAY]
AFTER_START = [timedelta(0), timedelta(hours=36), 30 * DAY]


def test_a_deadline_set_by_staff_decides() -> None:
    assert rules.registration_ends_at(NOW, NOW - DAY, NOW - DAY / 2, DAY) == NOW


def test_without_a_deadline_registration_ends_at_the_start() -> None:
    assert rules.registration_ends_at(None, NOW, NOW + DAY, timedelta(0)) == NOW


def test_a_site_may_leave_registration_open_after_the_start_but_not_after_the_end() -> None:
    assert rules.registration_ends_at(None, NOW, None, 2 * DAY) == NOW + 2 * DAY
    assert rules.registration_ends_at(None, NOW, NOW + DAY, 2 * DAY) == NOW + DAY
    assert rules.registration_ends_at(None, None, NOW, 2 * DAY) == NOW


def test_a_cohort_without_dates_stays_open() -> None:
    assert rules.registration_ends_at(None, None, None, timedelta(0)) is None


def test_the_database_says_the_same(db: None) -> None:
    grid = list(product(DATES, DATES, DATES, AFTER_START))
    closes, starts, ends, after = (list(column) for column in zip(*grid, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT registration_ends_at(g.closes, g.starts, g.ends, g.after)"
            "  FROM unnest(%s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s::interval[])"
            "       WITH ORDINALITY AS g(closes, starts, ends, after, ord) ORDER BY g.ord",
            [closes, starts, ends, after],
        )
        found = [row[0] for row in cursor.fetchall()]
    assert found == [rules.registration_ends_at(*dates) for dates in grid]


def test_a_cohort_that_has_ended_is_not_chosen_before_an_open_one(db: None) -> None:
    course = make_course(with_cohort=False)
    moment = clock.now()
    make_cohort(course, closes_at=None, starts_at=moment - 60 * DAY, ends_at=moment - 30 * DAY)
    later = make_cohort(course, closes_at=None, starts_at=moment + DAY)
    found = offer.find_offer(course.slug, None)
    assert [cohort.window for cohort in found.cohorts] == ["after", "open"]
    assert found.chosen is not None
    assert (found.chosen.plan.id, found.chosen.deadline) == (later.pk, moment + DAY)
