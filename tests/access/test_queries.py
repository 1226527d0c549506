"""Who is let in, and why not."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from matricula.access.queries import Access, access_to
from matricula.catalog.models import Course
from matricula.enrollments.models import Enrollment
from matricula.enrollments.states import Stage
from matricula.kernel import clock, ids
from tests.support.claims import Wish, enroll_people
from tests.support.factories import make_course, make_person, only_cohort

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> UUID:
    return make_person().pk


@pytest.fixture
def course() -> Course:
    return make_course()


def enrolled(person: UUID, course: Course, *, days: int | None = None) -> UUID:
    """The person has a seat of the course, for so many days; the enrollment's id."""
    wish = Wish(person, course.pk, only_cohort(course), access_days=days)
    with connection.cursor() as cursor:
        (answer,) = enroll_people(cursor, [wish])
    assert answer.outcome == "enrolled"
    return wish.enrollment


def at_stage(stage: Stage, person: UUID, course: Course) -> UUID:
    """The person's enrollment, brought to this stage; its id."""
    enrollment = enrolled(person, course)
    Enrollment.objects.filter(pk=enrollment).update(stage=stage)
    return enrollment


def at(moment: datetime, person: UUID, course: Course) -> Access:
    with clock.using(lambda: moment):
        return access_to(person, course.pk)


def test_an_enrolled_person_is_let_in(person: UUID, course: Course) -> None:
    enrollment = enrolled(person, course)
    access = access_to(person, course.pk)
    assert access.granted
    assert (access.reason, access.detail) == ("", "")
    assert access.enrollment is not None
    assert access.enrollment.id == enrollment


def test_somebody_never_enrolled_is_not_let_in(person: UUID, course: Course) -> None:
    access = access_to(person, course.pk)
    assert (access.granted, access.reason, access.enrollment) == (False, "not_enrolled", None)


def test_an_unknown_course_lets_nobody_in(person: UUID) -> None:
    assert access_to(person, ids.new_id()).reason == "not_enrolled"


def test_somebody_elses_enrollment_lets_nobody_else_in(person: UUID, course: Course) -> None:
    enrolled(make_person().pk, course)
    assert access_to(person, course.pk).reason == "not_enrolled"


def test_an_enrollment_of_another_course_lets_nobody_in(person: UUID, course: Course) -> None:
    enrolled(person, make_course())
    assert access_to(person, course.pk).reason == "not_enrolled"


@pytest.mark.parametrize(
    "stage",
    [Stage.REQUESTED, Stage.VALIDATED, Stage.PAYMENT_PENDING, Stage.PAYMENT_COMPLETED],
)
def test_a_pending_enrollment_does_not_let_in_yet(
    person: UUID, course: Course, stage: Stage
) -> None:
    enrollment = at_stage(stage, person, course)
    access = access_to(person, course.pk)
    assert (access.granted, access.reason) == (False, "enrollment_pending")
    assert access.enrollment is not None
    assert access.enrollment.id == enrollment


@pytest.mark.parametrize("stage", [Stage.FAILED, Stage.EXPIRED, Stage.CANCELLED, Stage.REFUNDED])
def test_an_ended_enrollment_lets_in_no_more(person: UUID, course: Course, stage: Stage) -> None:
    at_stage(stage, person, course)
    access = access_to(person, course.pk)
    assert (access.granted, access.reason) == (False, "enrollment_ended")
    assert access.reason == "enrollment_ended"


def test_access_ends_at_its_very_moment(person: UUID, course: Course) -> None:
    enrollment = enrolled(person, course, days=7)
    ends = Enrollment.objects.get(pk=enrollment).access_expires_at
    assert ends is not None
    assert at(ends - timedelta(microseconds=1), person, course).granted
    access = at(ends, person, course)
    assert (access.granted, access.reason) == (False, "access_expired")


def test_access_without_an_end_lasts(person: UUID, course: Course) -> None:
    enrolled(person, course)
    assert at(clock.now() + timedelta(days=36_500), person, course).granted


def test_a_retake_lets_in_whatever_became_of_the_first(person: UUID, course: Course) -> None:
    at_stage(Stage.CANCELLED, person, course)
    retake = enrolled(person, course)
    access = access_to(person, course.pk)
    assert access.granted
    assert access.enrollment is not None
    assert access.enrollment.id == retake


def test_a_pending_retake_counts_before_what_ended_later(person: UUID, course: Course) -> None:
    pending = at_stage(Stage.VALIDATED, person, course)
    ended = Enrollment.objects.get(pk=pending)
    ended.pk, ended.stage, ended.ended_at = ids.new_id(), Stage.CANCELLED, clock.now()
    ended.save(force_insert=True)
    assert access_to(person, course.pk).reason == "enrollment_pending"


@pytest.mark.parametrize("is_enrolled", [True, False])
def test_access_is_one_query(
    person: UUID,
    course: Course,
    is_enrolled: bool,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    if is_enrolled:
        enrolled(person, course)
    with django_assert_num_queries(1):
        access_to(person, course.pk)
