"""Reads of enrollments: a person sees their own and nobody else's."""

from __future__ import annotations

from uuid import UUID

import pytest
from pytest_django import DjangoAssertNumQueries

from matricula.catalog.models import Cohort, Course
from matricula.enrollments import actions, queries
from matricula.enrollments.models import Enrollment, Swap
from matricula.enrollments.states import STATUS_OF, Stage, Status
from matricula.kernel import clock, ids
from matricula.kernel.errors import IllegalState, NotFound
from tests.enrollments.conftest import crowd, enrolled, moved
from tests.support.factories import make_course, make_person, only_cohort
from tests.support.plans import reads_of

pytestmark = pytest.mark.django_db


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


def test_a_record_says_what_stands_in_the_tables(person: UUID, course: Course) -> None:
    first = enrolled(person, course)
    second = enrolled(person, make_course())
    Swap.objects.create(given_up_id=first, taken_id=second)
    Cohort.objects.filter(course=course).update(starts_at=clock.now())
    Enrollment.objects.filter(pk=first).update(
        metadata={"source": "a link"}, reason="Why", access_expires_at=clock.now()
    )
    row = Enrollment.objects.select_related("course", "cohort").get(pk=first)
    record = queries.of_person(person, first)
    for name in set(record.__dataclass_fields__) & {field.attname for field in row._meta.fields}:
        assert getattr(record, name) == getattr(row, name), name
    assert (record.course_slug, record.course_title) == (row.course.slug, row.course.title)
    assert (record.cohort_name, record.cohort_starts_at) == (row.cohort.name, row.cohort.starts_at)
    assert (record.swapped_from_id, record.swapped_to_id) == (None, second)
    assert queries.of_person(person, second).swapped_from_id == first


def test_among_many_enrollments_a_list_is_found_by_index(person: UUID, course: Course) -> None:
    crowd(make_course(capacity=None))
    mine = enrolled(person, course)
    with reads_of("enrollments_enrollment") as reads:
        assert ids_of(queries.list_of_person(person)) == [mine]
    assert (reads.table_scans, reads.rows < 50) == (0, True)
    assert "enrollment_by_person" in reads.indexes


def test_what_somebody_else_has_moved_is_not_ended(person: UUID, course: Course) -> None:
    enrollment = moved(enrolled(person, course), Stage.REFUNDED)
    with pytest.raises(IllegalState):
        actions.end(enrollment, Stage.CONFIRMED, "cancel", reason="")
    assert queries.of_person(person, enrollment).stage is Stage.REFUNDED
