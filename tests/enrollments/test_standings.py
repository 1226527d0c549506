"""What is known of people toward courses when somebody decides whether they may enroll."""

from __future__ import annotations

from uuid import UUID

import pytest
from allauth.account.models import EmailAddress
from pytest_django import DjangoAssertNumQueries

from matricula.accounts.models import Person
from matricula.catalog import queries as catalog
from matricula.catalog.models import Course
from matricula.catalog.plans import CoursePlan
from matricula.enrollments import standings
from matricula.enrollments.admission import Record
from matricula.enrollments.models import Enrollment
from matricula.enrollments.rules import Standing
from matricula.enrollments.standings import Asking, PersonStanding
from matricula.enrollments.states import LIVE, Stage
from matricula.kernel import ids
from matricula.kernel.models import RememberedAnswer
from tests.enrollments.conftest import enrolled, moved
from tests.support.factories import complete, make_course, make_person, only_cohort

pytestmark = pytest.mark.django_db


def plan_of(course: Course) -> CoursePlan:
    return catalog.find_course(course.pk)


def standing_of(person: UUID, course: Course, key: str | None = None) -> PersonStanding:
    return standings.person_standing(person, plan_of(course), key=key)


def test_a_standing_of_nothing_is_a_guests(person: UUID, course: Course) -> None:
    found = standing_of(person, course)
    assert found.standing == Standing(record=Record())
    assert (found.is_active, found.is_verified, found.remembered) == (True, False, None)


@pytest.mark.parametrize("stage", list(Stage))
def test_a_standing_names_the_enrollment_while_it_is_live(
    person: UUID, course: Course, stage: Stage
) -> None:
    enrollment = moved(enrolled(person, course), stage)
    live = standing_of(person, course).standing.live
    assert (live.id if live else None) == (enrollment if stage in LIVE else None)
    assert live is None or live.stage is stage


def test_a_standing_tells_until_when_the_seat_is_held(person: UUID, course: Course) -> None:
    enrollment = enrolled(person, course, 1800)
    live = standing_of(person, course).standing.live
    assert live is not None
    assert live.is_pending
    assert live.hold_expires_at == Enrollment.objects.get(pk=enrollment).hold_expires_at
    assert live.cohort_id == only_cohort(course)


def test_a_standing_holds_completions_of_the_required_courses_only(person: UUID) -> None:
    named, unnamed, anothers = make_course(), make_course(), make_course()
    course = make_course(prerequisites=(named, anothers))
    owner = Person.objects.get(pk=person)
    complete(owner, named)
    complete(owner, unnamed)
    complete(make_person(), anothers)
    assert standing_of(person, course).standing.record == Record(frozenset({named.pk}))


def test_a_standing_never_holds_what_is_anothers(person: UUID, course: Course) -> None:
    enrolled(make_person().pk, course)
    assert standing_of(person, course).standing.live is None


def test_only_the_persons_own_confirmed_address_counts(person: UUID, course: Course) -> None:
    owner = Person.objects.get(pk=person)
    EmailAddress.objects.create(user=owner, email="older@example.com", verified=True)
    assert not standing_of(person, course).is_verified
    EmailAddress.objects.create(user=owner, email=owner.email, verified=True)
    assert standing_of(person, course).is_verified


def test_nobody_is_like_somebody_whose_account_is_closed(course: Course) -> None:
    closed = make_person(is_active=False).pk
    answers = [standing_of(pk, course) for pk in (closed, ids.new_id())]
    assert answers[0] == answers[1]
    assert not answers[0].is_active


def test_a_key_is_the_persons_own(person: UUID, course: Course) -> None:
    for owner in (person, make_person().pk):
        RememberedAnswer.objects.create(
            owner=owner, key="k", fingerprint=str(owner), status=201, body="{}"
        )
    remembered = standing_of(person, course, "k").remembered
    assert remembered is not None
    assert remembered.fingerprint == str(person)
    assert standing_of(person, course, "other").remembered is None
    assert standing_of(person, course).remembered is None


def test_a_standing_is_one_query(
    person: UUID, course: Course, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    enrolled(person, course)
    plan = plan_of(course)
    with django_assert_num_queries(1):
        standings.person_standing(person, plan, key="k")


def test_many_standings_are_those_of_each_course_alone(person: UUID) -> None:
    required = make_course()
    courses = [make_course(), make_course(), make_course(prerequisites=(required,))]
    enrolled(person, courses[0])
    enrolled(person, courses[1], 1800)
    complete(Person.objects.get(pk=person), required)
    alone = {course.pk: standing_of(person, course).standing for course in courses}
    together = standings.standings(person, map(plan_of, courses))
    assert {pk: each.live for pk, each in together.items()} == {
        pk: each.live for pk, each in alone.items()
    }
    assert together[courses[2].pk] == alone[courses[2].pk]


def test_many_standings_are_one_query(
    person: UUID, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    plans = [plan_of(make_course()) for _ in range(4)]
    with django_assert_num_queries(1):
        standings.standings(person, plans)


def test_many_standings_of_nobody_are_guests(course: Course) -> None:
    assert standings.standings(ids.new_id(), [plan_of(course)]) == {
        course.pk: Standing(record=Record())
    }


def test_many_people_are_answered_in_the_order_they_were_named(
    course: Course, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    people = [make_person().pk for _ in range(4)]
    enrollment = enrolled(people[2], course)
    plan = plan_of(course)
    with django_assert_num_queries(1):
        found = standings.read([Asking(person, plan) for person in people])
    live = [each.standing.live for each in found]
    assert [each.id if each else None for each in live] == [None, None, enrollment, None]


def test_an_enrollment_about_to_be_given_up_is_taken_not_to_be_there(
    person: UUID, course: Course
) -> None:
    enrollment = enrolled(person, course)
    (found,) = standings.read([Asking(person, plan_of(course))], apart_from=[enrollment])
    assert found.standing.live is None
