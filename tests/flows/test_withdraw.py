"""A consumer in Europe withdraws from what they bought; nobody else can."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from matricula.catalog.models import Cohort
from matricula.enrollments import queries as enrollments
from matricula.enrollments.states import Stage
from matricula.flows import cart, doctor, enroll, pay, reconcile, tell, withdraw
from matricula.flows.applications import Application
from matricula.flows.cart import Wish
from matricula.flows.checkout import Terms
from matricula.kernel import clock
from matricula.kernel.errors import IllegalState, NotFound
from matricula.kernel.models import Event
from matricula.notifications.models import Delivery, Message
from matricula.orders import withdrawal
from matricula.orders.models import Order
from matricula.payments.models import Refund
from tests.support.people import person
from tests.support.sandbox import Sandbox

COURSE = "full-stack-development"
GERMAN = Terms(country="DE")


def bought(sandbox: Sandbox, terms: Terms = GERMAN) -> Order:
    """A paid order of the course, placed on these terms."""
    receipt = enroll.enroll(Application(person().pk, COURSE, terms=terms))
    assert receipt.order_id is not None
    return paid(sandbox, receipt.order_id)


def paid(sandbox: Sandbox, order_id: UUID) -> Order:
    session = pay.open_session(order_id, None)
    sandbox.pay(str(session.payment.provider_order_id), webhook="never")
    reconcile.check(session.payment.id)
    order = Order.objects.get(pk=order_id)
    assert order.state == "paid"
    return order


def enrollment_of(order: Order) -> UUID:
    found: UUID = order.lines.order_by("position")[0].enrollment_id
    return found


def right_of(order: Order) -> withdraw.Withdrawable | None:
    return withdraw.withdrawable(enrollments.of_person(order.person_id, enrollment_of(order)))


def begins(at: datetime | None) -> None:
    """The course begins then."""
    Cohort.objects.filter(course__slug=COURSE).update(starts_at=at, ends_at=None)


def moved(order: Order, days: float) -> None:
    """It was paid that long ago."""
    Order.objects.filter(pk=order.pk).update(paid_at=clock.now() - timedelta(days=days))


def test_all_of_the_money_goes_back_and_access_ends(db: None, sandbox: Sandbox) -> None:
    order = bought(sandbox)
    right = right_of(order)
    assert right is not None
    assert right.amount.minor == order.total_minor
    record = withdraw.withdraw(enrollment_of(order), order.person_id)
    assert record.stage is Stage.REFUNDED
    refund = Refund.objects.get(charge__payment__order=order)
    assert (refund.cause, refund.amount_minor) == ("right", order.total_minor)
    reconcile.send_due_refunds()
    assert doctor.examine() == []


def test_its_receipt_is_confirmed_by_mail_with_date_and_time(db: None, sandbox: Sandbox) -> None:
    order = bought(sandbox)
    withdraw.withdraw(enrollment_of(order), order.person_id)
    event = Event.objects.get(type="payment.withdrawn")
    tell.tell([event.seq])
    message = Message.objects.get(event_id=event.id, kind="withdrawn")
    mail = Delivery.objects.get(message=message)
    said = json.dumps(mail.content)
    assert "We have received your withdrawal" in said
    assert str(event.at.year) in said
    assert "Full Stack Development" in said


def test_what_a_buyer_keeps_about_the_right_is_in_the_receipt(db: None, sandbox: Sandbox) -> None:
    begins(None)
    order = bought(sandbox, replace(GERMAN, waives_withdrawal=True))
    event = Event.objects.get(type="payment.completed", subject=enrollment_of(order))
    tell.tell([event.seq])
    mail = Delivery.objects.get(message__event_id=event.id)
    assert "you lose the right to withdraw when it begins" in json.dumps(mail.content)


def test_declared_twice_it_is_done_once(db: None, sandbox: Sandbox) -> None:
    order = bought(sandbox)
    withdraw.withdraw(enrollment_of(order), order.person_id)
    with pytest.raises(IllegalState):
        withdraw.withdraw(enrollment_of(order), order.person_id)
    assert Refund.objects.filter(charge__payment__order=order).count() == 1


def test_nobody_withdraws_for_another(db: None, sandbox: Sandbox) -> None:
    order = bought(sandbox)
    with pytest.raises(NotFound):
        withdraw.withdraw(enrollment_of(order), person().pk)


@pytest.mark.parametrize(
    "terms", [Terms(), Terms(country="US"), Terms(country="FR", tax_id="FR40303265045")]
)
def test_others_have_no_such_right(db: None, sandbox: Sandbox, terms: Terms) -> None:
    order = bought(sandbox, terms)
    assert right_of(order) is None
    with pytest.raises(IllegalState):
        withdraw.withdraw(enrollment_of(order), order.person_id)


def test_it_is_over_after_the_period(db: None, sandbox: Sandbox) -> None:
    order = bought(sandbox)
    moved(order, 13.5)
    assert right_of(order) is not None
    moved(order, 18)
    assert right_of(order) is None


def test_waived_it_is_lost_when_the_course_begins_and_not_before(
    db: None, sandbox: Sandbox
) -> None:
    begins(clock.now() + timedelta(days=3))
    order = bought(sandbox, replace(GERMAN, waives_withdrawal=True))
    assert order.consent["waives_withdrawal"] is True
    right = right_of(order)
    assert right is not None
    begins(clock.now() - timedelta(minutes=1))
    assert right_of(order) is None


def test_a_course_that_begins_after_the_period_cannot_be_waived(db: None, sandbox: Sandbox) -> None:
    begins(clock.now() + timedelta(days=40))
    order = bought(sandbox, replace(GERMAN, waives_withdrawal=True))
    assert order.lines.get().withdrawal == "full"


def test_one_course_of_a_cart_is_withdrawn_from_alone(db: None, sandbox: Sandbox) -> None:
    placed = cart.buy(person().pk, [Wish(COURSE), Wish("evening-lab")], terms=GERMAN)
    order = paid(sandbox, placed.order_id)
    withdraw.withdraw(enrollment_of(order), order.person_id)
    stages = [line.enrollment.stage for line in order.lines.order_by("position")]
    assert stages == ["refunded", "confirmed"]
    assert Refund.objects.get().amount_minor == order.lines.get(position=1).total_minor
    assert doctor.examine() == []


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("paid_at", "last_day"),
    [
        ("2026-11-25T12:00", "2026-12-09"),  # a Wednesday
        ("2026-11-27T12:00", "2026-12-11"),
        ("2026-11-28T12:00", "2026-12-14"),  # the 12th is a Saturday
        ("2026-11-29T12:00", "2026-12-14"),
        ("2026-11-25T23:30", "2026-12-10"),  # it was the 26th already in some of Europe
    ],
)
def test_the_period_is_fourteen_days_after_the_day_and_ends_on_no_weekend(
    paid_at: str, last_day: str
) -> None:
    end = withdrawal.ends_at("full", paid_at=at(paid_at), starts_at=None)
    assert end is not None
    assert (end - timedelta(seconds=1)).date().isoformat() == last_day
    assert end - at(paid_at) >= timedelta(days=withdrawal.DAYS)


def test_who_is_a_consumer() -> None:
    assert withdrawal.is_consumer("NO", "")
    assert not withdrawal.is_consumer("NO", "NO123")
    assert not withdrawal.is_consumer("GB", "")
