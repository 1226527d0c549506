"""Whose turn came, and who must pay for it, is told: they may have gone away meanwhile."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from matricula.enrollments.models import Enrollment
from matricula.flows import expire, remind, tell
from matricula.flows.enroll import Application, enroll
from matricula.flows.extend import extend_hold
from matricula.kernel import clock
from matricula.kernel.models import Event
from matricula.notifications import sending
from matricula.notifications.models import Delivery, Message
from matricula.seats.models import Hold
from tests.support.factories import make_course, make_person
from tests.waitingroom.conftest import Drop, make_drop


@pytest.fixture
def paid(db: None) -> Drop:
    """A course of one seat that costs something."""
    return make_drop(capacity=1, price=100_000)


def tell_all() -> list[tuple[UUID, str]]:
    seqs = Event.objects.filter(type__in=tell.TOLD_TYPES).order_by("seq")
    tell.tell(seqs.values_list("seq", flat=True))
    return list(Message.objects.order_by("created_at").values_list("person", "kind"))


def person_of(enrollment: UUID) -> UUID:
    return Enrollment.objects.get(pk=enrollment).person_id


def test_a_turn_that_must_be_paid_for_is_told_with_its_end_and_the_way_to_the_checkout(
    paid: Drop,
) -> None:
    first, second = paid.arrive(2)
    paid.serve()
    told = [(person_of(first), "turn_came"), (person_of(second), "enrollment_failed")]
    assert sorted(tell_all()) == sorted(told)
    row = Delivery.objects.get(person=person_of(first), kind="turn_came")
    assert row.due_at > clock.now()
    assert row.content is not None
    assert f"/courses/{paid.course.slug}/enroll/" in row.content["text"]
    assert "Held for you until" in row.content["text"]


def test_who_went_on_to_the_checkout_is_sent_no_mail_of_the_turn(paid: Drop) -> None:
    (ticket,) = paid.arrive(1)
    paid.serve()
    tell_all()
    row = Delivery.objects.get(kind="turn_came")
    assert sending._still_true["turn_came"](row) is True
    enroll(Application(person_of(ticket), paid.course.slug))
    assert sending._still_true["turn_came"](row) is False


def test_a_turn_whose_time_ran_out_is_told_once_it_is_over(paid: Drop) -> None:
    (ticket,) = paid.arrive(1)
    paid.serve()
    Hold.objects.filter(key=ticket).update(expires_at=clock.now() - timedelta(minutes=1))
    expire.expire_due()
    assert tell_all() == [(person_of(ticket), "enrollment_expired")]


def test_whoever_takes_a_seat_themselves_is_told_of_no_turn(db: None) -> None:
    course = make_course(price=100_000)
    enroll(Application(make_person().pk, course.slug))
    assert tell_all() == []


def test_the_end_of_a_turns_time_is_told_like_that_of_any_hold(paid: Drop) -> None:
    (ticket,) = paid.arrive(1)
    paid.serve()
    soon, long_ago = timedelta(minutes=5), timedelta(hours=5)
    Enrollment.objects.filter(pk=ticket).update(requested_at=clock.now() - long_ago)
    Hold.objects.filter(key=ticket).update(expires_at=clock.now() + soon)
    assert remind.tell_ending_holds() == 0  # its turn came only now
    Hold.objects.filter(key=ticket).update(created_at=clock.now() - timedelta(minutes=25))
    assert remind.tell_ending_holds() == 1


def test_who_waited_long_in_line_may_ask_for_more_time_all_the_same(paid: Drop) -> None:
    (ticket,) = paid.arrive(1)
    paid.serve()
    Enrollment.objects.filter(pk=ticket).update(requested_at=clock.now() - timedelta(days=1))
    assert extend_hold(ticket, person_of(ticket)).hold_expires_at is not None
