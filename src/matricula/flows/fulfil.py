"""What captured money buys: a sold seat for each line where there is one, and the money back for
the others. Part of `flows/settle.py`, under its locks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from matricula.enrollments import actions as enrollments
from matricula.enrollments.models import Enrollment
from matricula.enrollments.states import Stage
from matricula.flows import guests, waitlist
from matricula.flows.locked import LockedOrder
from matricula.kernel import events
from matricula.kernel.events import NewEvent
from matricula.kernel.money import Money
from matricula.kernel.words import marked
from matricula.orders import actions as orders
from matricula.orders.models import OrderLine
from matricula.orders.states import ORDER, OrderState
from matricula.payments import actions as payments
from matricula.payments.actions import NewRefund
from matricula.payments.models import Charge, Payment, Refund
from matricula.payments.states import PaymentState
from matricula.pricing import actions as pricing
from matricula.seats import actions as seats

NO_SEAT = marked("The payment arrived after the time was over, and no seat was left.")
FIRST_PLACE = marked("You have the first place on the waitlist now.")
# Why there is no seat, by line.
Refusals = Mapping[UUID, str]


def take_seats(paid: Sequence[tuple[LockedOrder, Payment]]) -> list[Refusals]:
    """Makes sure of a seat for every line it can, of orders whose money is there; for each order,
    the lines that have none, with the reason in words.

    What is held, as nearly everything is, is sold in one call for all of them.
    """
    rows = [found.enrollment_of(line) for found, _ in paid for line in found.lines]
    elsewhere = guests.enrolled_elsewhere(rows)
    held = [
        line.enrollment_id
        for found, payment in paid
        if found.order.state == OrderState.OPEN and payment.state != PaymentState.CANCELLED
        for line in found.lines
        if found.enrollment_of(line).stage == Stage.PAYMENT_PENDING
        and line.enrollment_id not in elsewhere
    ]
    sold = set(seats.sell(held))
    return [_fulfil(found, payment, sold, elsewhere) for found, payment in paid]


def _fulfil(
    found: LockedOrder, payment: Payment, sold: set[UUID], elsewhere: set[UUID]
) -> Refusals:
    order = found.order
    if not ORDER.allows(OrderState(order.state), "pay") or payment.state == PaymentState.CANCELLED:
        return {line.pk: marked("The checkout had been cancelled.") for line in found.lines}
    was_expired = order.state == OrderState.EXPIRED
    if was_expired and not pricing.retake_coupons(order.pk):
        return {
            line.pk: marked("The coupon had been used up when the payment arrived.")
            for line in found.lines
        }
    refused = {}
    for line in found.lines:
        if line.enrollment_id in sold:
            continue
        if line.enrollment_id in elsewhere:
            refused[line.pk] = marked("You had this course already.")
        elif reason := _take_seat(found, line):
            refused[line.pk] = reason
    if was_expired and len(refused) == len(found.lines):  # an open order gives them back as it ends
        pricing.release_coupons([order.pk])
    return refused


def _take_seat(found: LockedOrder, line: OrderLine) -> str:
    """A sold seat for a line whose hold is not sold yet, or why there is none."""
    enrollment = found.enrollment_of(line)
    if enrollment.stage == Stage.PAYMENT_PENDING and seats.sell([enrollment.pk]):
        return ""
    if enrollment.stage not in {Stage.PAYMENT_PENDING, Stage.EXPIRED}:
        return marked("The enrollment had been cancelled.")
    rival = found.rivals.get(enrollment.course_id)
    if rival is not None:
        return _settle_rival(found, line, rival)
    if not seats.take(enrollment.person_id, enrollment.cohort_id, enrollment.pk):
        return NO_SEAT
    return ""


def _settle_rival(found: LockedOrder, line: OrderLine, rival: Enrollment) -> str:
    """The person began anew meanwhile: the late money pays for that, unless it is paid already or
    is one of several in a cart."""
    newer = found.rival_orders.get(rival.pk)
    if rival.stage != Stage.PAYMENT_PENDING or newer is None:
        return marked("You had enrolled in this course again meanwhile.")
    if newer.lines.count() > 1:
        return marked("This course is part of another checkout of yours now.")
    seats.sell([rival.pk])
    line.enrollment = rival
    line.save(update_fields=["enrollment"])
    orders.move(newer, "cancel")
    for payment in found.payments:
        if payment.order_id == newer.pk:
            payments.move_if_allowed(payment, "cancel")
    pricing.release_coupons([newer.pk])
    return ""


def confirmed(found: LockedOrder, lines: Sequence[OrderLine]) -> list[NewEvent]:
    """What is said of these lines' enrollments when they are confirmed."""
    told = []
    for line in lines:
        enrollment = found.enrollment_of(line)
        about: dict[str, Any] = {
            "subject": enrollment.pk,
            "person": enrollment.person_id,
            "data": _place(enrollment),
        }
        told += [
            NewEvent(type="enrollment.confirmed", **about),
            NewEvent(type="access.granted", **about),
        ]
    return told


def refuse(found: LockedOrder, charge: Charge, refused: Refusals) -> None:
    """What no seat could be had for is given back; the enrollment says why."""
    lines = [line for line in found.lines if line.pk in refused]
    told = []
    for line in lines:
        enrollment = found.enrollment_of(line)
        if enrollment.stage not in {Stage.EXPIRED, Stage.PAYMENT_PENDING}:
            continue  # it was cancelled, or something else has paid for it: it stays as it is
        if enrollment.stage == Stage.PAYMENT_PENDING:
            seats.release([enrollment.pk])
            enrollments.move(enrollment, "complete_payment")
        enrollments.move(enrollment, "refund", reason=_with_way_on(enrollment, refused[line.pk]))
        told.append(
            NewEvent(
                type="enrollment.refunded",
                subject=enrollment.pk,
                person=enrollment.person_id,
                data=_place(enrollment),
            )
        )
    events.append(told)
    is_all = len(lines) == len(found.lines)
    amount = charge.amount if is_all else _sum(lines, charge.currency)
    if amount:
        parts = None if is_all else {line.pk: line.total_minor for line in lines}
        reason = " ".join(dict.fromkeys(refused.values()))
        give_back(found, charge, NewRefund(amount, Refund.Cause.LATE, reason, parts))


def _with_way_on(enrollment: Enrollment, reason: str) -> str:
    """Whoever paid and found no seat has the first place in the list, where there is one."""
    if reason != NO_SEAT or enrollment.person.guest_email:
        return reason
    place = (enrollment.person_id, enrollment.course_id, enrollment.cohort_id)
    return f"{reason} {FIRST_PLACE}" if waitlist.join_first(*place) else reason


def give_back(found: LockedOrder, charge: Charge, new: NewRefund) -> None:
    """Asks for the money back, and says so on what it is for."""
    refund = payments.request_refund(charge, new)
    data = {"refund": str(refund.pk), "cause": str(new.cause), **amount_of(new.amount)}
    lines = [line for line in found.lines if new.parts is None or line.pk in new.parts]
    events.append(on_lines(found, "payment.refund_requested", data, lines))


def on_lines(
    found: LockedOrder, type_: str, data: dict[str, Any], lines: Sequence[OrderLine] | None = None
) -> list[NewEvent]:
    """An event on the enrollment of each of these lines, or of all."""
    return [
        NewEvent(
            type=type_,
            subject=line.enrollment_id,
            person=found.order.person_id,
            data={"order": str(found.order.pk), **data},
        )
        for line in (found.lines if lines is None else lines)
    ]


def amount_of(amount: Money) -> dict[str, Any]:
    return {"amount_minor": amount.minor, "currency": amount.currency}


def _sum(lines: Sequence[OrderLine], currency: str) -> Money:
    return Money(sum(line.total_minor for line in lines), currency)


def _place(enrollment: Enrollment) -> dict[str, str]:
    return {"course": str(enrollment.course_id), "cohort": str(enrollment.cohort_id)}
