"""Many people at once: each gets the refusal they would get alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from pytest_django import DjangoAssertNumQueries

from matricula.catalog import queries as catalog
from matricula.catalog.models import Course
from matricula.enrollments import errors
from matricula.flows.eligibility import refusals
from matricula.flows.enroll import Application, enroll
from matricula.kernel import clock, ids
from matricula.kernel.errors import AuthenticationRequired, DomainError
from matricula.seats import queries as seats
from matricula.seats.errors import CourseFull
from tests.flows.conftest import given
from tests.support.factories import complete, make_cohort, make_course, make_person, only_cohort

pytestmark = pytest.mark.django_db


def refused(course: Course, *people: UUID, cohort: UUID | None = None) -> list[str | None]:
    """The code of each refusal, seats included."""
    plan = catalog.find_course(course.pk)
    counts = seats.availability(part.id for part in plan.cohorts)
    found = refusals(plan, cohort or only_cohort(course), people, counts)
    assert list(found) == list(people)
    return [error.code if error else None for error in found.values()]


def alone(person: UUID, course: Course) -> str | None:
    try:
        enroll(Application(person, cohort_id=only_cohort(course)))
    except DomainError as error:
        return error.code
    return None


def finished(course: Course) -> UUID:
    person = make_person()
    complete(person, course)
    return person.pk


def test_each_person_is_decided_upon_by_what_they_have() -> None:
    required = make_course()
    course = make_course(prerequisites=(required,))
    ready, lacking, enrolled = finished(required), make_person().pk, finished(required)
    given(enrolled, course)
    closed = make_person(is_active=False).pk
    people = [ready, lacking, enrolled, closed]
    assert refused(course, *people) == [
        None,
        errors.PrerequisitesNotMet.code,
        errors.AlreadyEnrolled.code,
        AuthenticationRequired.code,
    ]


@pytest.mark.parametrize(
    "make",
    [
        make_course,
        lambda: make_course(capacity=0),
        lambda: make_course(prerequisites=(make_course(),)),
        lambda: make_course(status="coming_soon"),
    ],
)
def test_many_are_refused_for_the_reason_that_one_alone_is(make: Callable[[], Course]) -> None:
    course = make()
    people = [make_person().pk for _ in range(3)]
    together = refused(course, *people)
    assert together == [alone(person, course) for person in people]


def test_the_window_of_the_named_cohort_counts() -> None:
    course = make_course()
    closed = make_cohort(course, closes_at=clock.now() - timedelta(minutes=1))
    person = make_person().pk
    assert refused(course, person, cohort=closed.pk) == [errors.RegistrationClosed.code]


def test_a_cohort_of_another_course_is_not_available() -> None:
    person = make_person().pk
    elsewhere = only_cohort(make_course())
    assert refused(make_course(), person, cohort=elsewhere) == [errors.CourseNotAvailable.code]


def test_seats_are_left_to_the_claim_when_no_counts_are_given(person: UUID) -> None:
    course = make_course(capacity=0)
    plan = catalog.find_course(course.pk)
    assert refused(course, person) == [CourseFull.code]
    assert refusals(plan, only_cohort(course), [person]) == {person: None}


def test_an_enrollment_given_up_for_the_new_one_does_not_stand_against_it(
    person: UUID, course: Course
) -> None:
    enrollment = given(person, course)
    plan = catalog.find_course(course.pk)
    found = refusals(plan, only_cohort(course), [person], apart_from=[enrollment])
    assert found == {person: None}


def test_somebody_who_does_not_exist_is_like_a_closed_account(course: Course) -> None:
    assert refused(course, ids.new_id()) == [AuthenticationRequired.code]


def test_two_hundred_people_take_one_query(
    course: Course, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    plan = catalog.find_course(course.pk)
    people, cohort = [make_person().pk for _ in range(200)], only_cohort(course)
    with django_assert_num_queries(1):
        refusals(plan, cohort, people)


def test_nobody_is_asked_about_nothing(course: Course) -> None:
    assert refused(course) == []
