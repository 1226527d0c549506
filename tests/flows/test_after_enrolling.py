"""Cancelling, expiring and extending."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.conf import settings
from django.db.models.functions import Now

from matricula.access.queries import access_to
from matricula.catalog.models import Course
from matricula.enrollments.models import Enrollment
from matricula.enrollments.states import Stage, Status
from matricula.flows import expire
from matricula.flows.cancel import LONGEST_REASON, cancel
from matricula.flows.enroll import Application, enroll
from matricula.flows.extend import MOST_HOLD_TIMES, extend_hold
from matricula.kernel import clock, ids
from matricula.kernel.errors import IllegalState, NotFound
from matricula.kernel.models import Event
from matricula.seats.errors import HoldEnded
from matricula.seats.models import Hold, SeatCount
from tests.flows.conftest import given, told
from tests.support.factories import make_course, make_people, make_person, only_cohort

HOLD_TIME = timedelta(seconds=settings.ENVIRONMENT.hold_seconds)


def counted(course: Course) -> tuple[int, int]:
    return SeatCount.objects.values_list("held", "sold").get(pk=only_cohort(course))


def run_out(*enrollments: UUID) -> None:
    """Lets the time of these holds be over for a second."""
    moment = Now() - timedelta(seconds=1)
    Hold.objects.filter(key__in=enrollments).update(expires_at=moment)


@pytest.mark.parametrize("seconds", [None, 600])
def test_cancelling_gives_the_seat_back(person: UUID, course: Course, seconds: int | None) -> None:
    enrollment = given(person, course, seconds)
    record = cancel(enrollment, person, actor_id=person, reason="changed my mind")
    assert (record.status, record.reason) == (Status.CANCELLED, "changed my mind")
    assert record.ended_at is not None
    assert counted(course) == (0, 0)


def test_cancelling_what_gave_access_tells_that_it_ends(person: UUID, course: Course) -> None:
    enrollment = given(person, course)
    cancel(enrollment, person, actor_id=person)
    assert told(enrollment)[3:] == ["enrollment.cancelled", "access.revoked"]
    assert not access_to(person, course.pk).granted


def test_cancelling_what_is_held_tells_of_no_access(held: UUID, person: UUID) -> None:
    cancel(held, person, actor_id=person)
    assert told(held)[2:] == ["enrollment.cancelled"]


def test_who_cancelled_is_on_record(held: UUID, person: UUID) -> None:
    staff = make_person(is_staff=True).pk
    cancel(held, person, actor_id=staff)
    event = Event.objects.get(subject=held, type="enrollment.cancelled")
    assert (event.person, event.actor) == (person, staff)


def test_an_enrollment_is_cancelled_once(held: UUID, person: UUID, course: Course) -> None:
    cancel(held, person, actor_id=person)
    with pytest.raises(IllegalState):
        cancel(held, person, actor_id=person)
    assert told(held)[2:] == ["enrollment.cancelled"]
    assert counted(course) == (0, 0)


def test_somebody_elses_enrollment_is_not_found(held: UUID, course: Course) -> None:
    stranger = make_person().pk
    with pytest.raises(NotFound):
        cancel(held, stranger, actor_id=stranger)
    with pytest.raises(NotFound):
        extend_hold(held, stranger)
    assert counted(course) == (1, 0)


def test_an_unknown_enrollment_is_not_found(person: UUID) -> None:
    with pytest.raises(NotFound):
        cancel(ids.new_id(), person, actor_id=person)


def test_a_long_reason_is_cut(held: UUID, person: UUID) -> None:
    record = cancel(held, person, actor_id=person, reason="x" * 10_000)
    assert record.reason == "x" * LONGEST_REASON


def test_who_cancelled_can_enroll_again(person: UUID, course: Course) -> None:
    cancel(given(person, course), person, actor_id=person)
    assert enroll(Application(person, course.slug)).is_new
    assert counted(course) == (0, 1)


def test_a_hold_that_ran_out_expires(held: UUID, person: UUID, course: Course) -> None:
    run_out(held)
    assert expire.expire_due() == 1
    assert Enrollment.objects.get(pk=held).stage == Stage.EXPIRED
    assert told(held)[2:] == ["enrollment.expired"]
    assert counted(course) == (0, 0)
    assert not access_to(person, course.pk).granted


def test_what_is_not_due_stays(held: UUID, course: Course) -> None:
    assert expire.expire_due() == 0
    assert counted(course) == (1, 0)
    assert told(held)[2:] == []


def test_who_let_it_expire_can_enroll_again(held: UUID, person: UUID, course: Course) -> None:
    run_out(held)
    expire.expire_due()
    assert enroll(Application(person, course.slug)).is_new


def test_the_sweep_takes_everything_due_in_bounded_batches(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expire, "BATCH", 4)
    course = make_course(capacity=20)
    enrollments = [given(person.pk, course, 60) for person in make_people(10)]
    run_out(*enrollments)
    assert expire.expire_due() == 10
    assert counted(course) == (0, 0)
    assert {told(enrollment)[-1] for enrollment in enrollments} == {"enrollment.expired"}


def test_extending_holds_for_a_full_hold_time_from_now(held: UUID, person: UUID) -> None:
    moment = clock.now() + timedelta(minutes=10)
    with clock.using(lambda: moment):
        record = extend_hold(held, person)
    assert record.hold_expires_at == moment + HOLD_TIME
    assert Hold.objects.get(key=held).expires_at == record.hold_expires_at
    assert told(held)[-1] == "hold.extended"


def test_a_hold_can_be_extended_at_least_ten_times(held: UUID, person: UUID) -> None:
    """WCAG 2.2, success criterion 2.2.1; each time at the last moment."""
    start = Enrollment.objects.get(pk=held).requested_at
    for time in range(1, 11):
        moment = start + time * HOLD_TIME
        with clock.using(lambda moment=moment: moment):
            assert extend_hold(held, person).hold_expires_at == moment + HOLD_TIME


def test_a_hold_is_not_extended_for_ever(held: UUID, person: UUID) -> None:
    late = Enrollment.objects.get(pk=held).requested_at + MOST_HOLD_TIMES * HOLD_TIME
    with clock.using(lambda: late), pytest.raises(IllegalState):
        extend_hold(held, person)


def test_an_expired_hold_cannot_be_extended(held: UUID, person: UUID) -> None:
    run_out(held)
    expire.expire_due()
    with pytest.raises(HoldEnded):
        extend_hold(held, person)


@pytest.mark.parametrize("ending", ["confirmed", "cancelled"])
def test_what_holds_no_seat_cannot_be_extended(person: UUID, course: Course, ending: str) -> None:
    enrollment = given(person, course, None if ending == "confirmed" else 60)
    if ending == "cancelled":
        cancel(enrollment, person, actor_id=person)
    with pytest.raises(IllegalState):
        extend_hold(enrollment, person)
