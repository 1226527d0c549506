"""What a course offers: the state of the button, alternatives, and what it costs to find out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db.models import Q
from pytest_django import DjangoAssertNumQueries

from matricula.accounts.models import Person
from matricula.catalog import queries as catalog
from matricula.catalog.models import Course, CourseStatus
from matricula.catalog.queries import CoursePlan
from matricula.edges import button
from matricula.enrollments.errors import PaymentRequired, PrerequisitesNotMet
from matricula.enrollments.models import Enrollment
from matricula.enrollments.states import LIVE, PENDING, Stage
from matricula.flows.offer import ButtonState, CourseOffer, alternatives, find_offer, offers_of
from matricula.kernel import clock, ids
from matricula.kernel.errors import NotFound
from tests.support.factories import complete, make_cohort, make_course, make_person

from .conftest import given

DAY = timedelta(days=1)
GUEST: UUID | None = None


def closed() -> Course:
    return with_window(-2 * DAY, -DAY)


def not_open_yet() -> Course:
    return with_window(DAY, 2 * DAY)


def full() -> Course:
    return make_course(capacity=0)


def free() -> Course:
    return make_course()


def paid() -> Course:
    return make_course(price=100_000)


def paid_and_full() -> Course:
    return make_course(price=100_000, capacity=0)


def on_sale_for_nothing() -> Course:
    course = make_course(price=100_000)
    course.prices.update(sale_minor=0)  # type: ignore[attr-defined]
    return course


def announced() -> Course:
    return make_course(status=CourseStatus.COMING_SOON)


def archived() -> Course:
    return make_course(status=CourseStatus.ARCHIVED)


def without_cohort() -> Course:
    return make_course(with_cohort=False)


def demanding() -> Course:
    return make_course(prerequisites=(make_course(),))


def with_window(opens: timedelta, closes: timedelta) -> Course:
    course = make_course(with_cohort=False)
    moment = clock.now()
    make_cohort(course, opens_at=moment + opens, closes_at=moment + closes)
    return course


@pytest.fixture
def nothing_else(db: None) -> None:
    """The demo's courses are out of the way."""
    Course.objects.filter(~Q(slug="")).update(status=CourseStatus.ARCHIVED)


def plan_of(course: Course) -> CoursePlan:
    return catalog.find_course(course.pk)


def slugs_of(offers: list[CourseOffer]) -> list[str]:
    return [offer.course.slug for offer in offers]


TABLE = [
    (free, "login_required", "available"),
    (on_sale_for_nothing, "login_required", "available"),
    (closed, "registration_closed", "registration_closed"),
    (not_open_yet, "registration_closed", "registration_closed"),
    (full, "course_full", "course_full"),
    (paid, "login_required", "available"),
    (paid_and_full, "course_full", "course_full"),
    (announced, "not_available", "not_available"),
    (archived, "not_available", "not_available"),
    (without_cohort, "not_available", "not_available"),
    (demanding, "login_required", "not_available"),
]


@pytest.mark.parametrize(("make", "for_guest", "for_member"), TABLE)
def test_the_button_of_each_kind_of_course(
    person: UUID, make: Callable[[], Course], for_guest: str, for_member: str
) -> None:
    course = make()
    states = [find_offer(course.pk, who).button for who in (GUEST, person)]
    assert states == [for_guest, for_member]


@pytest.mark.parametrize(("make", "for_guest", "for_member"), TABLE)
def test_only_an_available_course_can_be_enrolled_in(
    person: UUID, make: Callable[[], Course], for_guest: str, for_member: str
) -> None:
    course = make()
    assert not find_offer(course.pk, GUEST).can_enroll
    assert find_offer(course.pk, person).can_enroll is (for_member == "available")


def test_a_draft_is_not_found(person: UUID) -> None:
    course = make_course(status=CourseStatus.DRAFT)
    for reference in (course.pk, course.slug, ids.to_text("crs", course.pk)):
        with pytest.raises(NotFound):
            find_offer(reference, person)


def test_a_course_is_found_by_each_of_its_names(person: UUID, course: Course) -> None:
    names = (course.pk, course.slug, ids.to_text("crs", course.pk))
    assert {find_offer(name, person).course.id for name in names} == {course.pk}


def test_a_missing_prerequisite_is_named(person: UUID) -> None:
    course = demanding()
    (required,) = course.prerequisites.all()
    offer = find_offer(course.pk, person)
    assert offer.missing == ((required.pk, required.title),)
    assert isinstance(offer.refusal, PrerequisitesNotMet)
    assert required.title in offer.refusal.detail


def test_a_completed_prerequisite_opens_the_course(person: UUID) -> None:
    course = demanding()
    complete(Person.objects.get(pk=person), course.prerequisites.get())
    offer = find_offer(course.pk, person)
    assert (offer.button, offer.missing) == (ButtonState.AVAILABLE, ())


def test_anothers_completion_opens_nothing(person: UUID) -> None:
    course = demanding()
    complete(make_person(), course.prerequisites.get())
    assert find_offer(course.pk, person).button is ButtonState.NOT_AVAILABLE


def test_one_of_two_prerequisites_is_not_enough(person: UUID) -> None:
    first, second = make_course(), make_course()
    course = make_course(prerequisites=(first, second))
    complete(Person.objects.get(pk=person), first)
    assert [title for _, title in find_offer(course.pk, person).missing] == [second.title]


def test_a_met_prerequisite_leaves_the_price(person: UUID, without_payment: None) -> None:
    required = make_course()
    course = make_course(prerequisites=(required,), price=100_000)
    complete(Person.objects.get(pk=person), required)
    assert isinstance(find_offer(course.pk, person).refusal, PaymentRequired)


@pytest.mark.parametrize("stage", LIVE)
def test_a_live_enrollment_decides_the_button(person: UUID, course: Course, stage: Stage) -> None:
    enrollment = given(person, course, 1800)
    Enrollment.objects.filter(pk=enrollment).update(stage=stage, confirmed_at=clock.now())
    offer = find_offer(course.pk, person)
    is_pending = stage in PENDING
    expected = ButtonState.AVAILABLE if is_pending else ButtonState.ALREADY_ENROLLED
    assert offer.button is expected


def test_a_pending_enrollment_is_gone_on_with(person: UUID, course: Course) -> None:
    enrollment = given(person, course, 1800)
    offer = find_offer(course.pk, person)
    assert button.label(offer) == "Continue Enrollment"
    assert button.target(offer) == f"/enrollments/{ids.to_text('enr', enrollment)}/"


@pytest.mark.parametrize(
    "change", [{"status": CourseStatus.ARCHIVED}, {"status": CourseStatus.COMING_SOON}]
)
def test_whoever_is_enrolled_stays_so_whatever_becomes_of_the_course(
    person: UUID, course: Course, change: dict[str, Any]
) -> None:
    given(person, course)
    Course.objects.filter(pk=course.pk).update(**change)
    assert find_offer(course.pk, person).button is ButtonState.ALREADY_ENROLLED


def test_an_ended_enrollment_leaves_the_course_open(person: UUID, course: Course) -> None:
    enrollment = given(person, course)
    Enrollment.objects.filter(pk=enrollment).update(stage=Stage.CANCELLED)
    assert find_offer(course.pk, person).button is ButtonState.AVAILABLE


def test_anothers_enrollment_shows_only_in_the_seats_left(person: UUID, course: Course) -> None:
    given(make_person().pk, course)
    offer = find_offer(course.pk, person)
    assert offer.live is None
    assert offer.chosen is not None
    assert offer.chosen.seats.left == 2


def test_a_full_cohort_gives_way_to_the_next_open_one(person: UUID) -> None:
    course = make_course(with_cohort=False)
    soon = clock.now() + DAY
    make_cohort(course, capacity=0, starts_at=soon)
    later = make_cohort(course, capacity=5, starts_at=soon + DAY)
    offer = find_offer(course.pk, person)
    assert offer.chosen is not None
    assert (offer.chosen.plan.id, offer.button) == (later.pk, ButtonState.AVAILABLE)


def test_a_cohort_without_a_counter_has_no_seats(person: UUID, course: Course) -> None:
    plan = make_course(with_cohort=False)
    plan.cohorts.create(name="Not counted")  # type: ignore[attr-defined]
    assert find_offer(plan.pk, person).button is ButtonState.COURSE_FULL


@pytest.mark.parametrize(
    "make",
    [closed, not_open_yet, full, announced, archived, without_cohort, demanding],
)
def test_what_cannot_be_taken_is_no_alternative(
    nothing_else: None, person: UUID, make: Callable[[], Course]
) -> None:
    wanted, unfit = full(), make()
    assert unfit.slug not in slugs_of(alternatives(plan_of(wanted), person, limit=20))


@pytest.mark.parametrize("seconds", [None, 1800])
def test_what_the_person_has_already_is_no_alternative(
    nothing_else: None, person: UUID, seconds: int | None
) -> None:
    wanted, had = full(), free()
    given(person, had, seconds)
    assert alternatives(plan_of(wanted), person) == []
    assert slugs_of(alternatives(plan_of(wanted), GUEST)) == [had.slug]


def test_alternatives_are_of_the_same_category_first(nothing_else: None, person: UUID) -> None:
    wanted = make_course(capacity=0, category="Chess", title="B")
    far = make_course(category="Go", title="A")
    near = make_course(category="Chess", title="C")
    assert slugs_of(alternatives(plan_of(wanted), person)) == [near.slug, far.slug]


def test_alternatives_are_at_most_as_many_as_asked_for(nothing_else: None, person: UUID) -> None:
    wanted = full()
    for _ in range(4):
        free()
    assert len(alternatives(plan_of(wanted), person)) == 2
    assert len(alternatives(plan_of(wanted), person, limit=3)) == 3


def test_a_fitting_course_is_found_behind_many_that_do_not_fit(
    nothing_else: None, person: UUID
) -> None:
    wanted = full()
    for number in range(12):
        make_course(capacity=0, title=f"A {number}")
    fitting = make_course(title="B")
    assert slugs_of(alternatives(plan_of(wanted), person)) == [fitting.slug]


@pytest.mark.parametrize(("is_member", "queries"), [(False, 2), (True, 3)])
def test_one_offer_is_read_in_few_queries(
    person: UUID,
    course: Course,
    is_member: bool,
    queries: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(queries):
        find_offer(course.slug, person if is_member else GUEST)


@pytest.mark.parametrize("count", [1, 7])
def test_many_offers_take_as_many_queries_as_one(
    person: UUID, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    plans = [plan_of(demanding()) for _ in range(count)]
    with django_assert_num_queries(2):
        offers_of(plans, person)
    with django_assert_num_queries(1):
        offers_of(plans, GUEST)


def test_many_offers_are_those_of_each_alone(person: UUID) -> None:
    makers = [free, paid, full, closed, demanding, announced]
    courses = [make() for make in makers]
    given(person, courses[0])
    plans = [plan_of(course) for course in courses]
    together = [(offer.button, offer.missing) for offer in offers_of(plans, person)]
    alone = [find_offer(course.pk, person) for course in courses]
    assert together == [(offer.button, offer.missing) for offer in alone]


def test_alternatives_take_three_queries(
    nothing_else: None, person: UUID, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    wanted = plan_of(full())
    for _ in range(5):
        demanding()
    alternatives(wanted, person)  # the first time, the courses themselves are read too
    with django_assert_num_queries(3):
        alternatives(wanted, person)
