"""Swapping: one seat for another in one step, and the money stays where it was."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest

from matricula.catalog.models import Cohort, Course, CoursePrice
from matricula.enrollments import errors, queries
from matricula.enrollments.models import Enrollment, Swap
from matricula.enrollments.queries import EnrollmentRecord
from matricula.flows import cancel, doctor, refund
from matricula.flows.enroll import Application, enroll
from matricula.flows.swap import swap
from matricula.kernel import clock, events, ids
from matricula.kernel.errors import IllegalState, NotFound
from matricula.orders.models import OrderLine
from matricula.payments.models import Refund
from matricula.seats.errors import CourseFull
from matricula.seats.models import SeatCount
from tests.flows.conftest import given, told
from tests.support.factories import (
    make_cohort,
    make_course,
    make_meeting,
    make_person,
    only_cohort,
)
from tests.support.paying import Buyer, checkout
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _promises_are_kept() -> Iterator[None]:
    yield
    assert [str(finding) for finding in doctor.examine()] == []


@pytest.fixture
def other(course: Course) -> Cohort:
    return make_cohort(course, capacity=1)


@pytest.fixture
def mine(person: UUID, course: Course) -> UUID:
    return given(person, course)


def swapped(person: UUID, enrollment: UUID, cohort: UUID) -> EnrollmentRecord:
    return swap(enrollment, person, cohort, actor_id=person)


def sold(cohort: UUID) -> int:
    return SeatCount.objects.get(pk=cohort).sold


def test_the_other_seat_is_taken_and_the_first_given_up(
    person: UUID, course: Course, mine: UUID, other: Cohort
) -> None:
    first = Enrollment.objects.get(pk=mine).cohort_id
    record = swapped(person, mine, other.pk)
    assert (record.cohort_id, record.stage, record.swapped_from_id) == (other.pk, "confirmed", mine)
    given_up = queries.of_person(person, mine)
    assert (given_up.stage, given_up.swapped_to_id) == ("cancelled", record.id)
    assert (sold(first), sold(other.pk)) == (0, 1)


def test_both_enrollments_tell_of_it(person: UUID, mine: UUID, other: Cohort) -> None:
    record = swapped(person, mine, other.pk)
    assert told(mine)[-2:] == ["enrollment.cancelled", "access.revoked"]
    assert told(record.id) == ["enrollment.requested", "enrollment.confirmed", "access.granted"]
    cancelled = next(e for e in events.of_subject(mine) if e.type == "enrollment.cancelled")
    assert cancelled.data["swapped_to"] == str(record.id)


def test_asked_again_for_the_same_it_is_the_same(person: UUID, mine: UUID, other: Cohort) -> None:
    first = swapped(person, mine, other.pk)
    assert swapped(person, mine, other.pk).id == first.id
    assert Swap.objects.count() == 1


def test_what_was_swapped_already_is_not_swapped_for_a_third(
    person: UUID, course: Course, mine: UUID, other: Cohort
) -> None:
    swapped(person, mine, other.pk)
    with pytest.raises(IllegalState, match="swapped already"):
        swapped(person, mine, make_cohort(course).pk)


def test_one_can_swap_back_and_again(
    person: UUID, course: Course, mine: UUID, other: Cohort
) -> None:
    first = Enrollment.objects.get(pk=mine).cohort_id
    there = swapped(person, mine, other.pk)
    back = swapped(person, there.id, first)
    assert (back.cohort_id, sold(first), sold(other.pk)) == (first, 1, 0)


def refused(person: UUID, enrollment: UUID, cohort: UUID, error: type[Exception]) -> Exception:
    before = sorted(SeatCount.objects.values_list("pk", "held", "sold"))
    stage = Enrollment.objects.get(pk=enrollment).stage
    with pytest.raises(error) as caught:
        swapped(person, enrollment, cohort)
    assert sorted(SeatCount.objects.values_list("pk", "held", "sold")) == before
    assert Enrollment.objects.get(pk=enrollment).stage == stage
    assert not Swap.objects.exists()
    return caught.value


def test_when_the_other_is_full_one_keeps_what_one_has(
    person: UUID, course: Course, mine: UUID
) -> None:
    refused(person, mine, make_cohort(course, capacity=0).pk, CourseFull)


def test_a_closed_cohort_is_refused(person: UUID, course: Course, mine: UUID) -> None:
    closed = make_cohort(course, closes_at=clock.now() - timedelta(minutes=1))
    refused(person, mine, closed.pk, errors.RegistrationClosed)


def test_the_same_cohort_is_refused(person: UUID, course: Course, mine: UUID) -> None:
    refused(person, mine, only_cohort(course), IllegalState)


def test_a_held_seat_is_not_swapped(person: UUID, held: UUID, other: Cohort) -> None:
    refused(person, held, other.pk, IllegalState)


def test_anothers_enrollment_is_not_found(mine: UUID, other: Cohort) -> None:
    refused(make_person().pk, mine, other.pk, NotFound)


def test_an_unknown_cohort_is_not_found(person: UUID, mine: UUID) -> None:
    refused(person, mine, ids.new_id(), NotFound)


def test_the_rules_of_the_other_course_hold(person: UUID, mine: UUID) -> None:
    for_members = make_course(email_domains=["corp.example"])
    refused(person, mine, only_cohort(for_members), errors.NotInAudience)


def test_what_one_gives_up_clashes_with_nothing(person: UUID, course: Course, mine: UUID) -> None:
    other = make_course()
    for each in (course, other):
        make_meeting(Cohort.objects.get(course=each))
    assert swapped(person, mine, only_cohort(other)).cohort_id == only_cohort(other)


def test_another_course_one_has_already_is_refused(person: UUID, mine: UUID) -> None:
    second = make_course()
    given(person, second)
    refused(person, mine, only_cohort(second), errors.AlreadyEnrolled)


def test_a_swap_within_a_course_gives_no_more_days_of_access(person: UUID) -> None:
    course = make_course(access_days=30)
    later = make_cohort(course, starts_at=clock.now() + timedelta(days=100))
    soon = make_cohort(course)
    enrollment = given_in(person, course)
    ends = clock.now() + timedelta(days=3)
    Enrollment.objects.filter(pk=enrollment).update(access_expires_at=ends)
    same = swapped(person, enrollment, soon.pk)
    assert same.access_expires_at == ends
    moved = swapped(person, same.id, later.pk)
    assert moved.access_expires_at == later.starts_at + timedelta(days=30)


def given_in(person: UUID, course: Course) -> UUID:
    return enroll(Application(person, course.slug)).enrollment_id


# --- money ----------------------------------------------------------------------------------


@pytest.fixture
def paid(sandbox: Sandbox) -> Buyer:
    """The evening lab, paid for: 1,000.00 without tax."""
    buyer = checkout(sandbox, "evening-lab")
    buyer.hand_back(buyer.pay())
    return buyer


@pytest.fixture
def lab() -> Course:
    return Course.objects.get(slug="evening-lab")


def priced(minor: int) -> Course:
    course = make_course(tax_category="exempt")
    CoursePrice.objects.create(course=course, currency="INR", amount_minor=minor)
    return course


def test_the_order_pays_for_the_other_seat_and_stays_as_it_was(paid: Buyer, lab: Course) -> None:
    other = make_cohort(lab)
    before = OrderLine.objects.filter(order=paid.order_id).values("title", "total_minor").get()
    record = swapped(paid.person_id, paid.enrollment_id, other.pk)
    line = OrderLine.objects.get(order=paid.order_id)
    assert line.enrollment_id == record.id
    assert {"title": line.title, "total_minor": line.total_minor} == before


def test_the_other_seat_can_be_refunded_like_the_first(paid: Buyer, lab: Course) -> None:
    record = swapped(paid.person_id, paid.enrollment_id, make_cohort(lab).pk)
    refund.refund_by_policy(record.id, paid.person_id, actor_id=paid.person_id)
    assert Refund.objects.get().amount_minor == 100_000
    assert queries.of_person(paid.person_id, record.id).stage == "refunded"


def test_a_swap_to_a_later_start_gives_no_more_back(paid: Buyer, lab: Course) -> None:
    """Two days after paying and within fourteen of the start, half would be given back."""
    soon = clock.now() + timedelta(days=10)
    Cohort.objects.filter(course=lab).update(starts_at=soon)
    later = make_cohort(lab, starts_at=soon + timedelta(days=90), closes_at=None)
    three_days_on = clock.now() + timedelta(days=3)
    with clock.using(lambda: three_days_on):
        record = swapped(paid.person_id, paid.enrollment_id, later.pk)
        Enrollment.objects.filter(pk=paid.enrollment_id).update(ended_at=three_days_on)
        found = refund.refundable(queries.of_person(paid.person_id, record.id))
    assert found is not None
    assert found.percent == 50


def test_another_course_of_the_same_price_can_be_had(paid: Buyer) -> None:
    same = priced(100_000)
    assert swapped(paid.person_id, paid.enrollment_id, only_cohort(same)).course_id == same.pk


@pytest.mark.parametrize("price", [99_999, 100_001, None])
def test_another_course_of_another_price_is_refused_with_the_way(
    paid: Buyer, price: int | None
) -> None:
    other = make_course() if price is None else priced(price)
    refusal = refused(paid.person_id, paid.enrollment_id, only_cohort(other), IllegalState)
    assert "does not cost what you paid" in str(refusal)
    assert [a.url for a in refusal.guidance.actions][-1] == f"/courses/{other.slug}/"  # type: ignore[attr-defined]


def test_another_course_is_refused_once_not_all_would_be_given_back(
    paid: Buyer, lab: Course
) -> None:
    Cohort.objects.filter(course=lab).update(starts_at=clock.now() + timedelta(days=10))
    same = priced(100_000)
    later = clock.now() + timedelta(days=3)
    with clock.using(lambda: later):
        refused(paid.person_id, paid.enrollment_id, only_cohort(same), IllegalState)
        staff = make_person(is_staff=True).pk
        record = swap(paid.enrollment_id, paid.person_id, only_cohort(same), actor_id=staff)
    assert record.course_id == same.pk


def test_what_was_paid_for_is_swapped_until_it_starts(paid: Buyer, lab: Course) -> None:
    other = make_cohort(lab)
    started = Cohort.objects.exclude(pk=other.pk).filter(course=lab)
    started.update(starts_at=clock.now() - timedelta(minutes=1))
    refused(paid.person_id, paid.enrollment_id, other.pk, IllegalState)
    staff = make_person(is_staff=True).pk
    assert swap(paid.enrollment_id, paid.person_id, other.pk, actor_id=staff).cohort_id == other.pk


def test_a_free_seat_is_not_swapped_for_one_that_costs_something(person: UUID, mine: UUID) -> None:
    refused(person, mine, only_cohort(priced(100)), IllegalState)


def test_the_successor_is_cancelled_like_any_other(paid: Buyer, lab: Course) -> None:
    record = swapped(paid.person_id, paid.enrollment_id, make_cohort(lab).pk)
    ended = cancel.cancel(record.id, paid.person_id, actor_id=paid.person_id)
    assert ended.stage == "refunded"
