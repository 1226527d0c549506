"""What the database itself refuses of courses, prices and cohorts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from matricula.catalog.models import Cohort, Course, CoursePrice, CourseStatus
from matricula.kernel import clock, money
from tests.support.factories import make_course

pytestmark = pytest.mark.django_db
NOW = clock.now()
EARLIER = NOW - timedelta(days=1)


@pytest.fixture
def course() -> Course:
    return make_course(with_cohort=False)


def refused_by(write: Callable[[], Any]) -> str | None:
    """The name of the constraint that refuses the write, if one does."""
    try:
        with transaction.atomic():
            write()
    except IntegrityError as error:
        name: str | None = error.__cause__.diag.constraint_name  # type: ignore[union-attr]
        return name
    return None


def price(course: Course, **fields: Any) -> Callable[[], Any]:
    fields = {"currency": "INR", "amount_minor": 1000, **fields}
    return lambda: CoursePrice.objects.create(course=course, **fields)


def cohort(course: Course, **fields: Any) -> Callable[[], Any]:
    return lambda: Cohort.objects.create(course=course, **{"name": "Spring", **fields})


@pytest.mark.parametrize("status", CourseStatus.values)
def test_every_known_status_is_kept(course: Course, status: str) -> None:
    assert refused_by(lambda: Course.objects.filter(pk=course.pk).update(status=status)) is None


@pytest.mark.parametrize("status", ["", "open", "Published"])
def test_an_unknown_status_is_refused(course: Course, status: str) -> None:
    update = Course.objects.filter(pk=course.pk).update
    assert refused_by(lambda: update(status=status)) == "course_status_known"


def test_two_courses_never_share_an_address(course: Course) -> None:
    name = refused_by(lambda: make_course(slug=course.slug))
    assert name is not None
    assert "slug" in name


@pytest.mark.parametrize("amount", [0, -1])
def test_a_price_of_nothing_is_refused(course: Course, amount: int) -> None:
    assert refused_by(price(course, amount_minor=amount)) is not None


def test_a_price_of_one_minor_unit_is_kept(course: Course) -> None:
    assert refused_by(price(course, amount_minor=1)) is None


@pytest.mark.parametrize("sale", [1000, 1001])
def test_a_sale_that_saves_nothing_is_refused(course: Course, sale: int) -> None:
    assert refused_by(price(course, sale_minor=sale)) == "sale_below_price"


@pytest.mark.parametrize("sale", [None, 0, 999])
def test_a_sale_below_the_price_is_kept(course: Course, sale: int | None) -> None:
    assert refused_by(price(course, sale_minor=sale)) is None


def test_a_negative_sale_is_refused(course: Course) -> None:
    assert refused_by(price(course, sale_minor=-1)) is not None


def test_a_course_has_one_price_in_a_currency(course: Course) -> None:
    price(course)()
    assert refused_by(price(course)) == "one_price_per_currency"
    assert refused_by(price(course, currency="USD")) is None


def test_prices_reach_as_far_as_the_database_counts(course: Course) -> None:
    largest = 2**63 - 1
    price(course, amount_minor=largest)()
    (kept,) = CoursePrice.objects.filter(course=course)
    assert money.Money(kept.amount_minor, "INR").minor == largest


@pytest.mark.parametrize("closes_at", [NOW, EARLIER])
def test_a_window_that_closes_before_it_opens_is_refused(course: Course, closes_at: Any) -> None:
    write = cohort(course, opens_at=NOW, closes_at=closes_at)
    assert refused_by(write) == "cohort_closes_after_opening"


@pytest.mark.parametrize("ends_at", [NOW, EARLIER])
def test_a_cohort_that_ends_before_it_starts_is_refused(course: Course, ends_at: Any) -> None:
    write = cohort(course, starts_at=NOW, ends_at=ends_at)
    assert refused_by(write) == "cohort_ends_after_start"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"opens_at": NOW},
        {"closes_at": NOW},
        {"starts_at": NOW},
        {"ends_at": NOW},
        {"opens_at": EARLIER, "closes_at": NOW, "starts_at": EARLIER, "ends_at": NOW},
    ],
)
def test_an_open_end_is_no_limit(course: Course, fields: dict[str, Any]) -> None:
    assert refused_by(cohort(course, **fields)) is None


def test_names_of_cohorts_are_unique_within_their_course(course: Course) -> None:
    cohort(course)()
    assert refused_by(cohort(course)) == "one_cohort_per_name"
    assert refused_by(cohort(make_course(with_cohort=False))) is None
