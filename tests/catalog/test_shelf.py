"""Plans kept on the shelf are as fresh as plans just read."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, time, timedelta

import pytest
from django.db import connection, transaction
from pytest_django import DjangoAssertNumQueries

from matricula.accounts.models import LearnerGroup
from matricula.catalog import plans, queries, shelf
from matricula.catalog.models import (
    CategoryLimit,
    Cohort,
    CohortMeeting,
    Course,
    CoursePrice,
    CourseStatus,
)
from matricula.catalog.plans import CoursePlan
from matricula.kernel import clock, ids
from tests.support.factories import make_cohort, make_course, only_cohort
from tests.support.plans import indexes_of_plan

pytestmark = pytest.mark.django_db


def found(course: Course) -> CoursePlan:
    return shelf.find([course.pk]).by_name[course.pk]


def price(course: Course, amount: int = 100_00) -> None:
    CoursePrice.objects.create(course=course, currency="INR", amount_minor=amount)


CHANGES: dict[str, Callable[[Course], object]] = {
    "its title": lambda course: Course.objects.filter(pk=course.pk).update(title="Other"),
    "its status": lambda course: Course.objects.filter(pk=course.pk).update(status="coming_soon"),
    "a new price": price,
    "a new cohort": make_cohort,
    "a cohort's window": lambda course: Cohort.objects.filter(course=course).update(
        closes_at=clock.now() - timedelta(days=1)
    ),
    "a cohort gone": lambda course: connection.cursor().execute(
        "UPDATE catalog_cohort SET course_id = %s WHERE course_id = %s",
        [make_course().pk, course.pk],
    ),
    "a prerequisite": lambda course: course.prerequisites.add(make_course()),
    "a prerequisite gone": lambda course: course.prerequisites.clear(),
    "a prerequisite's title": lambda course: course.prerequisites.update(title="Renamed"),
    "a prerequisite's equivalent": lambda course: course.prerequisites.get().equivalents.add(
        make_course()
    ),
    "a corequisite": lambda course: course.corequisites.add(make_course()),
    "a group": lambda course: course.learner_groups.add(LearnerGroup.objects.create(name="A")),
    "a limit of the category": lambda course: CategoryLimit.objects.create(
        category=course.category, most=3
    ),
    "a meeting": lambda course: CohortMeeting.objects.create(
        cohort_id=only_cohort(course),
        first_day=date(2027, 1, 1),
        last_day=date(2027, 1, 1),
        starts=time(9),
        ends=time(10),
        zone="Asia/Kolkata",
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_seen_at_once(change: Callable[[Course], object]) -> None:
    course = make_course(category="Knots")
    course.prerequisites.add(make_course(title="Needed"))
    before = found(course)
    change(course)
    after = found(course)
    assert after != before
    assert after == queries.find_course(course.pk)


def test_a_row_saved_over_a_newer_one_is_seen_too() -> None:
    course = make_course()
    stale = Course.objects.get(pk=course.pk)
    Course.objects.filter(pk=course.pk).update(title="Newer")
    found(course)
    stale.title = "Stale"
    stale.save()
    assert found(course).title == "Stale"


def test_what_was_rolled_back_is_not_kept() -> None:
    course = make_course(title="Kept")
    with transaction.atomic():
        Course.objects.filter(pk=course.pk).update(title="Never")
        assert found(course).title == "Never"
        transaction.set_rollback(True)
    assert found(course).title == "Kept"


def test_a_plan_that_still_holds_is_not_read_again(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    courses = [make_course() for _ in range(3)]
    names = [course.slug for course in courses]
    with django_assert_num_queries(2):
        shelf.find(names)
    with django_assert_num_queries(1):
        again = shelf.find(names)
    assert [again.by_name[name].id for name in names] == [course.pk for course in courses]


def test_courses_are_found_by_slug_id_and_cohort() -> None:
    course = make_course()
    text = ids.to_text("crs", course.pk)
    cohort = only_cohort(course)
    names = [course.slug, course.pk, text, "nothing-like-it", "crs_nonsense", ids.new_id()]
    seen = shelf.find(names, [cohort, ids.new_id()])
    assert {name: plan.id for name, plan in seen.by_name.items()} == {
        course.slug: course.pk,
        course.pk: course.pk,
        text: course.pk,
    }
    assert {id_: plan.id for id_, plan in seen.by_cohort.items()} == {cohort: course.pk}


def test_a_draft_is_not_found() -> None:
    course = make_course(status=CourseStatus.DRAFT)
    seen = shelf.find([course.slug], [only_cohort(course)])
    assert (seen.by_name, seen.by_cohort) == ({}, {})


def test_the_shelf_has_room_for_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "ROOM", 2)
    for _ in range(4):
        found(make_course())
    assert len(shelf._shelf) == 2


def test_every_table_a_plan_is_read_from_is_watched() -> None:
    tables = set(re.findall(r"(?:FROM|JOIN) (\w+)", plans._SELECT))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger"
            " WHERE tgfoid IN ('revise_course'::regproc, 'revise_courses_of_rows'::regproc)"
        )
        watched = {row[0] for row in cursor.fetchall()}
    assert tables - watched == set()


def test_revisions_are_found_by_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    used = indexes_of_plan(
        shelf._REVISIONS, {"slugs": ["a", "b"], "ids": [ids.new_id(), ids.new_id()]}
    )
    assert len(used) == 2


def test_many_rows_of_one_statement_revise_a_course_once() -> None:
    course = make_course()
    before = revision_of(course)
    Cohort.objects.bulk_create(Cohort(course=course, name=f"Intake {n}") for n in range(50))
    assert revision_of(course) == before + 1


def revision_of(course: Course) -> int:
    return Course.objects.values_list("revision", flat=True).get(pk=course.pk)


def test_similar_courses_are_read_anew_after_any_change_of_the_catalog() -> None:
    course, other = make_course(category="Ours"), make_course(category="Ours")
    assert other.pk in {plan.id for plan in shelf.similar_courses(course, 12)}
    Course.objects.filter(pk=other.pk).update(status=CourseStatus.ARCHIVED)
    assert other.pk not in {plan.id for plan in shelf.similar_courses(course, 12)}


def test_similar_courses_that_still_hold_are_not_read_again(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    course = make_course()
    first = shelf.similar_courses(course, 12)
    with django_assert_num_queries(1):
        assert shelf.similar_courses(course, 12) == first
