"""Reads of enrollments: a person sees their own and nobody else's."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from matricula.accounts.models import Person
from matricula.catalog.models import Course
from matricula.enrollments import queries
from matricula.enrollments.models import Enrollment
from matricula.enrollments.rules import Standing
from matricula.enrollments.states import LIVE, STATUS_OF, Stage, Status
from matricula.kernel import clock, ids
from matricula.kernel.errors import NotFound
from matricula.kernel.models import RememberedAnswer
from tests.support.claims import Wish, enroll_people
from tests.support.factories import complete, make_course, make_person, only_cohort

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> UUID:
    return make_person().pk


@pytest.fixture
def course() -> Course:
    return make_course()


def enrolled(person: UUID, course: Course, seconds: int | None = None) -> UUID:
    """Enrolls the person, or holds a seat for them; the enrollment's id."""
    wish = Wish(person, course.pk, only_cohort(course), hold_seconds=seconds)
    with connection.cursor() as cursor:
        (answer,) = enroll_people(cursor, [wish])
    assert answer.outcome in {"enrolled", "held"}
    return wish.enrollment


def moved(enrollment: UUID, stage: Stage, ended_days_ago: int | None = None) -> UUID:
    ended = None if ended_days_ago is None else clock.now() - timedelta(days=ended_days_ago)
    Enrollment.objects.filter(pk=enrollment).update(stage=stage, ended_at=ended)
    return enrollment


def ids_of(records: list[queries.EnrollmentRecord]) -> list[UUID]:
    return [record.id for record in records]


def test_the_owner_reads_the_enrollment_with_its_course_and_cohort(
    person: UUID, course: Course
) -> None:
    enrollment = enrolled(person, course)
    record = queries.of_person(person, enrollment)
    assert (record.id, record.status) == (enrollment, Status.ENROLLED)
    assert (record.course_id, record.course_slug) == (course.pk, course.slug)
    assert (record.course_title, record.cohort_id) == (course.title, only_cohort(course))


def test_anothers_enrollment_is_not_found_like_one_that_never_was(
    person: UUID, course: Course
) -> None:
    foreign = enrolled(make_person().pk, course)
    told = set()
    for enrollment in (foreign, ids.new_id()):
        with pytest.raises(NotFound) as caught:
            queries.of_person(person, enrollment)
        told.add(caught.value.detail)
    assert len(told) == 1


def test_a_list_holds_the_persons_own_and_no_others(person: UUID, course: Course) -> None:
    enrolled(make_person().pk, course)
    mine = enrolled(person, course)
    assert ids_of(queries.list_of_person(person)) == [mine]


def test_a_list_of_anothers_cursor_still_holds_only_the_own(person: UUID, course: Course) -> None:
    mine = enrolled(person, course)
    foreign = enrolled(make_person().pk, course)
    assert ids_of(queries.list_of_person(person, before=foreign)) == [mine]


def test_a_list_is_newest_first(person: UUID) -> None:
    made = [enrolled(person, make_course()) for _ in range(3)]
    assert ids_of(queries.list_of_person(person)) == made[::-1]


def test_pages_follow_each_other_without_gap_or_repetition(person: UUID) -> None:
    made = [enrolled(person, make_course()) for _ in range(5)]
    seen: list[UUID] = []
    while page := queries.list_of_person(person, before=seen[-1] if seen else None, limit=2):
        assert len(page) <= 2
        seen += ids_of(page)
    assert seen == made[::-1]


def test_one_made_meanwhile_does_not_shift_the_next_page(person: UUID) -> None:
    made = [enrolled(person, make_course()) for _ in range(4)]
    first = ids_of(queries.list_of_person(person, limit=2))
    enrolled(person, make_course())
    second = ids_of(queries.list_of_person(person, before=first[-1], limit=2))
    assert first + second == made[::-1]


@pytest.mark.parametrize("stage", list(Stage))
def test_a_list_is_narrowed_by_the_status_that_people_see(person: UUID, stage: Stage) -> None:
    enrollment = moved(enrolled(person, make_course()), stage)
    found = {status for status in Status if ids_of(queries.list_of_person(person, status=status))}
    assert found == {STATUS_OF[stage]}
    assert queries.of_person(person, enrollment).status == STATUS_OF[stage]


def test_a_list_is_one_query_however_long(
    person: UUID, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(3):
        enrolled(person, make_course())
    with django_assert_num_queries(1):
        queries.list_of_person(person)


def test_the_latest_of_a_course_is_the_live_one(person: UUID, course: Course) -> None:
    moved(enrolled(person, course), Stage.CANCELLED, ended_days_ago=0)
    live = enrolled(person, course)
    found = queries.latest_of_course(person, course.pk)
    assert found is not None
    assert found.id == live


def test_the_latest_of_a_course_is_else_the_one_that_ended_last(
    person: UUID, course: Course
) -> None:
    last = moved(enrolled(person, course), Stage.REFUNDED, ended_days_ago=1)
    moved(enrolled(person, course), Stage.CANCELLED, ended_days_ago=9)
    found = queries.latest_of_course(person, course.pk)
    assert found is not None
    assert found.id == last


def test_the_latest_of_a_course_is_never_anothers(person: UUID, course: Course) -> None:
    enrolled(make_person().pk, course)
    assert queries.latest_of_course(person, course.pk) is None


def test_a_standing_of_nothing_is_a_guests(person: UUID, course: Course) -> None:
    found = queries.person_standing(person, course.pk, [])
    assert found.standing == Standing()
    assert (found.is_active, found.is_verified, found.remembered) == (True, False, None)


@pytest.mark.parametrize("stage", list(Stage))
def test_a_standing_names_the_enrollment_while_it_is_live(
    person: UUID, course: Course, stage: Stage
) -> None:
    enrollment = moved(enrolled(person, course), stage)
    live = queries.person_standing(person, course.pk, []).standing.live
    assert (live.id if live else None) == (enrollment if stage in LIVE else None)
    assert live is None or live.stage is stage


def test_a_standing_tells_until_when_the_seat_is_held(person: UUID, course: Course) -> None:
    enrollment = enrolled(person, course, 1800)
    live = queries.person_standing(person, course.pk, []).standing.live
    assert live is not None
    assert live.is_pending
    assert live.hold_expires_at == Enrollment.objects.get(pk=enrollment).hold_expires_at
    assert live.cohort_id == only_cohort(course)


def test_a_standing_holds_completions_of_the_named_courses_only(
    person: UUID, course: Course
) -> None:
    named, unnamed, anothers = make_course(), make_course(), make_course()
    owner = Person.objects.get(pk=person)
    complete(owner, named)
    complete(owner, unnamed)
    complete(make_person(), anothers)
    needed = [named.pk, anothers.pk]
    assert queries.person_standing(person, course.pk, needed).standing.completed == {named.pk}


def test_a_standing_never_holds_what_is_anothers(person: UUID, course: Course) -> None:
    enrolled(make_person().pk, course)
    assert queries.person_standing(person, course.pk, []).standing.live is None


def test_only_the_persons_own_confirmed_address_counts(person: UUID, course: Course) -> None:
    owner = Person.objects.get(pk=person)
    EmailAddress.objects.create(user=owner, email="older@example.com", verified=True)
    assert not queries.person_standing(person, course.pk, []).is_verified
    EmailAddress.objects.create(user=owner, email=owner.email, verified=True)
    assert queries.person_standing(person, course.pk, []).is_verified


def test_nobody_is_like_somebody_whose_account_is_closed(course: Course) -> None:
    closed = make_person(is_active=False).pk
    answers = [queries.person_standing(pk, course.pk, []) for pk in (closed, ids.new_id())]
    assert answers[0] == answers[1]
    assert not answers[0].is_active


def test_a_key_is_the_persons_own(person: UUID, course: Course) -> None:
    for owner in (person, make_person().pk):
        RememberedAnswer.objects.create(
            owner=owner, key="k", fingerprint=str(owner), status=201, body="{}"
        )
    remembered = queries.person_standing(person, course.pk, [], key="k").remembered
    assert remembered is not None
    assert remembered.fingerprint == str(person)
    assert queries.person_standing(person, course.pk, [], key="other").remembered is None
    assert queries.person_standing(person, course.pk, []).remembered is None


def test_a_standing_is_one_query(
    person: UUID, course: Course, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    enrolled(person, course)
    with django_assert_num_queries(1):
        queries.person_standing(person, course.pk, [ids.new_id()], key="k")


def test_many_standings_are_those_of_each_course_alone(person: UUID) -> None:
    courses = [make_course() for _ in range(3)]
    enrolled(person, courses[0])
    enrolled(person, courses[1], 1800)
    complete(Person.objects.get(pk=person), courses[2])
    needed = [courses[2].pk]
    together = queries.standings(person, [course.pk for course in courses], needed)
    assert together == {
        course.pk: queries.person_standing(person, course.pk, needed).standing for course in courses
    }


def test_many_standings_are_one_query(
    person: UUID, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    courses = [make_course().pk for _ in range(4)]
    with django_assert_num_queries(1):
        queries.standings(person, courses, courses)


def test_many_standings_of_nobody_are_guests(course: Course) -> None:
    assert queries.standings(ids.new_id(), [course.pk], []) == {course.pk: Standing()}
