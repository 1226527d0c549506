"""Recommendations: what is learned from people and from courses, and what is shown of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from pytest_django import DjangoAssertNumQueries

from matricula.accounts.models import Person
from matricula.catalog import recommendations
from matricula.catalog.models import Course, CourseStatus
from matricula.catalog.queries import find_course, similar_courses
from matricula.enrollments.models import Enrollment
from matricula.enrollments.states import Stage
from matricula.flows import recommend
from matricula.flows.recommend import LEAST_PEOPLE, Reason, suggestions
from matricula.kernel import clock, ids
from tests.support.factories import (
    complete,
    make_course,
    make_people,
    make_person,
    only_cohort,
)

GUEST: UUID | None = None
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def looked_at_anew() -> Iterator[None]:
    recommend.open_beside.cache_clear()
    recommend.reasons_beside.cache_clear()
    yield
    recommend.open_beside.cache_clear()
    recommend.reasons_beside.cache_clear()


def take(people: list[Person], *courses: Course, since: timedelta = timedelta(days=30)) -> None:
    """Each of these people took the courses, one after the other."""
    began = clock.now() - since
    cohorts = {course.pk: only_cohort(course) for course in courses}
    Enrollment.objects.bulk_create(
        Enrollment(
            id=ids.new_id(),
            person=person,
            course=course,
            cohort_id=cohorts[course.pk],
            stage=Stage.CONFIRMED,
            requested_at=began + timedelta(days=number),
            confirmed_at=began + timedelta(days=number),
        )
        for person in people
        for number, course in enumerate(courses)
    )


def beside(course: Course) -> recommendations.Related:
    recommend.learn_paths()
    return recommendations.related_to(course.pk)


def test_what_enough_people_took_afterwards_comes_next() -> None:
    first, second = make_course(), make_course()
    take(make_people(LEAST_PEOPLE), first, second)
    assert beside(first).taken_next == (second.pk,)
    assert recommendations.related_to(second.pk).taken_together == (first.pk,)


def test_what_too_few_share_is_told_to_nobody() -> None:
    first, second = make_course(), make_course()
    take(make_people(LEAST_PEOPLE - 1), first, second)
    assert beside(first).nearest == beside(second).nearest == ()


def test_one_person_counts_once_however_often_they_took_it() -> None:
    first, second = make_course(), make_course()
    people = make_people(LEAST_PEOPLE - 1)
    take(people, first, second)
    for person in people:
        complete(person, first)
        complete(person, second)
    assert beside(first).nearest == ()


def test_seats_that_were_given_back_do_not_count() -> None:
    first, second = make_course(), make_course()
    take(make_people(LEAST_PEOPLE), first, second)
    Enrollment.objects.filter(course=second).update(stage=Stage.CANCELLED)
    assert beside(first).nearest == ()


def test_what_nobody_takes_any_more_is_forgotten() -> None:
    first, second = make_course(), make_course()
    people = make_people(LEAST_PEOPLE)
    take(people, first, second)
    assert beside(first).taken_next
    Enrollment.objects.filter(course=second).delete()
    assert beside(first).taken_next == ()


def test_what_lies_too_far_back_does_not_count() -> None:
    first, second = make_course(), make_course()
    take(make_people(LEAST_PEOPLE), first, second, since=recommend.LOOKS_BACK + timedelta(days=9))
    assert beside(first).nearest == ()


def test_what_everybody_takes_is_near_to_none() -> None:
    rare, near, popular = make_course(), make_course(), make_course()
    people = make_people(40)
    take(people[:8], rare, near)
    take(people, popular, since=timedelta(days=1))
    assert beside(rare).taken_next == (near.pk, popular.pk)


def test_a_draft_is_never_recommended() -> None:
    first, second = make_course(), make_course()
    take(make_people(LEAST_PEOPLE), first, second)
    Course.objects.filter(pk=second.pk).update(status=CourseStatus.DRAFT)
    assert beside(first).nearest == ()


def likeness() -> tuple[Course, Course, Course]:
    """A course, one like it, and one of another subject."""
    return (
        make_course(title="Watercolour landscapes", summary="Paint hills and rivers outdoors."),
        make_course(title="Watercolour portraits", summary="Paint faces from life."),
        make_course(title="Double-entry bookkeeping", summary="Ledgers, journals and trial sums."),
    )


def test_courses_that_share_rare_words_are_alike() -> None:
    hills, faces, _ledgers = likeness()
    recommend.learn_likeness()
    assert recommendations.related_to(hills.pk).alike == (faces.pk,)


def test_category_and_teacher_make_courses_alike() -> None:
    one = make_course(title="Aaa", category="Pottery", instructor_name="Ida Clay")
    same = make_course(title="Bbb", category="Pottery", instructor_name="Ida Clay")
    half = make_course(title="Ccc", category="Pottery", instructor_name="Somebody Else")
    recommend.learn_likeness()
    assert recommendations.related_to(one.pk).alike == (same.pk, half.pk)


def test_learning_one_leaves_the_other() -> None:
    hills, faces, ledgers = likeness()
    take(make_people(LEAST_PEOPLE), hills, ledgers)
    recommend.learn_likeness()
    recommend.learn_paths()
    recommend.learn_likeness()
    related = recommendations.related_to(hills.pk)
    assert (related.taken_next, related.alike) == ((ledgers.pk,), (faces.pk,))
    assert recommendations.alternatives_for(hills.pk) == (ledgers.pk, faces.pk)


def test_learning_again_changes_nothing() -> None:
    likeness()
    assert recommend.learn_likeness() > 0
    assert recommend.learn_likeness() == 0


def test_a_course_nobody_looked_at_has_none() -> None:
    assert recommendations.alternatives_for(ids.new_id()) == ()


def shown(course: Course, person: UUID | None = GUEST) -> list[tuple[UUID, Reason]]:
    return [(one.offer.course.id, one.reason) for one in suggestions(course.pk, person)]


def test_each_is_shown_with_its_first_reason() -> None:
    hills, faces, ledgers = likeness()
    take(make_people(LEAST_PEOPLE), hills, ledgers)
    recommend.learn_paths()
    recommend.learn_likeness()
    assert shown(hills) == [(ledgers.pk, Reason.TAKEN_NEXT), (faces.pk, Reason.ALIKE)]


@pytest.mark.parametrize(
    "hinder",
    [
        lambda course: Course.objects.filter(pk=course.pk).update(status=CourseStatus.ARCHIVED),
        lambda course: course.cohorts.update(closes_at=clock.now()),
        lambda course: course.cohorts.update(opens_at=clock.now() + timedelta(days=1)),
    ],
    ids=["archived", "closed", "not open yet"],
)
def test_what_cannot_be_enrolled_in_is_not_shown(hinder: object) -> None:
    hills, faces, _ = likeness()
    recommend.learn_likeness()
    assert callable(hinder)
    hinder(faces)
    assert shown(hills) == []


def test_what_is_full_is_not_shown() -> None:
    hills = make_course(title="Quilting one")
    make_course(title="Quilting two", capacity=0)
    recommend.learn_likeness()
    assert shown(hills) == []


def test_nobody_is_shown_what_they_have() -> None:
    hills, faces, _ = likeness()
    recommend.learn_likeness()
    person = make_person()
    assert shown(hills, person.pk) == [(faces.pk, Reason.ALIKE)]
    take([person], faces)
    assert shown(hills, person.pk) == []
    assert shown(hills) == [(faces.pk, Reason.ALIKE)]


def test_nobody_is_shown_what_rules_keep_from_them() -> None:
    hills = make_course(title="Quilting one")
    make_course(title="Quilting two", prerequisites=(make_course(),))
    recommend.learn_likeness()
    assert shown(hills, make_person().pk) == []


def test_after_the_minutes_first_look_it_costs_little(
    django_assert_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    minute = recommend._minute()
    monkeypatch.setattr(recommend, "_minute", lambda: minute)
    hills, _, _ = likeness()
    recommend.learn_likeness()
    person = make_person()
    suggestions(hills.pk, GUEST)
    with django_assert_num_queries(0):
        suggestions(hills.pk, GUEST)
    with django_assert_num_queries(1):
        suggestions(hills.pk, person.pk)


def test_alternatives_begin_with_what_is_recommended() -> None:
    hills, _, ledgers = likeness()
    take(make_people(LEAST_PEOPLE), hills, ledgers)
    recommend.learn_paths()
    nearest = similar_courses(find_course(hills.pk), 1)
    assert [course.id for course in nearest] == [ledgers.pk]
