"""A payment is settled. One path for the browser's hand-back, the webhook and the reconciler: each
of them is only a hint that there is something to fetch.

What the gateway says now decides, never what the hint said. Granted is only money that is captured,
for our order, in our amount and currency. Everything happens under the locks of `flows/locked.py`,
so that of any number of hints at once the first one settles and the others find it done.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from matricula.enrollments import actions as enrollments
from matricula.enrollments.models import Enrollment
from matricula.enrollments.states import Stage
from matricula.flows import guests, pay, waitlist
from matricula.flows.locked import LockedOrder, lock_order
from matricula.kernel import events
from matricula.kernel.events import NewEvent
from matricula.kernel.money import Money
from matricula.orders import actions as orders
from matricula.orders.models import OrderLine
from matricula.orders.states import ORDER, OrderState
from matricula.payments import actions as payments
from matricula.payments import gateways, queries, rules
from matricula.payments.actions import NewRefund
from matricula.payments.errors import GatewayRefused, OutcomeUnknown, SignatureInvalid
from matricula.payments.models import Charge, Payment, Refund, StaffTask
from matricula.payments.port import HandBack, PaymentFacts
from matricula.payments.queries import PaymentRecord
from matricula.payments.states import ChargeState, PaymentState, Verdict
from matricula.pricing import actions as pricing
from matricula.seats import actions as seats

MOST_LOOKED_UP = 20
NO_SEAT = "The payment arrived after the time was over, and no seat was left."
FIRST_PLACE = "You have the first place on the waitlist now."
log = structlog.get_logger(__name__)


def settle(provider: str, provider_payment_id: str) -> None:
    """Fetches the payment and settles what it is for. Repeating it changes nothing.

    Raises what `payments.errors` says of a gateway that cannot be asked.
    """
    record(provider, gateways.provider(provider).fetch_payment(provider_payment_id))


def hand_back(payment_id: UUID, given: HandBack) -> None:
    """The gateway's checkout has sent the browser back. Its signature is checked against the
    gateway order that we keep, then the payment is fetched and settled.

    Raises NotFound, SignatureInvalid, and what `payments.errors` says of a silent gateway.
    """
    payment = queries.find(payment_id)
    provider = gateways.provider(payment.provider)
    if payment.provider_order_id is None:
        raise SignatureInvalid
    provider.verify_hand_back(given, payment.provider_order_id)
    settle(payment.provider, given.payment_id)


def record(provider: str, facts: PaymentFacts) -> None:
    """Settles by facts that were fetched from the gateway just now."""
    payment = _find_payment(provider, facts.order_id)
    if payment is None:
        _record_stranger(provider, facts)
        return
    with transaction.atomic():
        found = lock_order(payment.order_id)
        charge = payments.find_charge(provider, facts.id)
        if facts.status == "captured":
            if charge is None or charge.state != ChargeState.CAPTURED:
                _capture(found, found.payment(payment.id), charge, facts)
        else:
            _note(found, found.payment(payment.id), charge, facts)


def _find_payment(provider: str, gateway_order_id: str) -> PaymentRecord | None:
    """Our payment for a gateway order. Where we don't know yet which orders the gateway has made
    for us, those are looked up first. Raises OutcomeUnknown when that cannot be finished now."""
    if not gateway_order_id:
        return None
    known = queries.of_gateway_order(provider, gateway_order_id)
    if known is not None:
        return known
    unknown = queries.without_gateway_order(provider, MOST_LOOKED_UP)
    for payment_id in unknown:
        try:
            found = pay.ensure_gateway_order(queries.find(payment_id), make=False)
        except GatewayRefused:
            continue
        if found.provider_order_id == gateway_order_id:
            return found
    if len(unknown) == MOST_LOOKED_UP:
        raise OutcomeUnknown
    return queries.of_gateway_order(provider, gateway_order_id)


@transaction.atomic
def _record_stranger(provider: str, facts: PaymentFacts) -> None:
    """Money for no order of ours: kept in sight until staff says what it is."""
    charge = payments.find_charge(provider, facts.id)
    if facts.status != "captured" or charge is not None:
        return
    charge = payments.capture_charge(None, None, provider, facts, Verdict.QUARANTINED)
    _quarantine(charge, f"It names the order {facts.order_id or '(none)'}, which is not ours.")


def _note(found: LockedOrder, payment: Payment, charge: Charge | None, facts: PaymentFacts) -> None:
    """Not captured: the attempt is on its way, or failed. The seats stay held."""
    before = charge.state if charge is not None else None
    charge = payments.note_charge(charge, payment, payment.provider, facts)
    if charge.state == before:
        return
    data: dict[str, Any] = {"payment": str(payment.pk)}
    if facts.status == "authorized" and payments.move_if_allowed(payment, "authorize"):
        _tell(found, "payment.processing", data)
    elif (
        facts.status == "failed"
        and not _has_other_hope(payment, charge)
        and payments.fail(payment, facts.failure_code, facts.failure_detail)
    ):
        _tell(found, "payment.failed", {**data, "code": facts.failure_code or "failed"})


def _has_other_hope(payment: Payment, charge: Charge) -> bool:
    """Whether another attempt on the same order is authorized: then this failure is not the end."""
    others = payment.charges.exclude(pk=charge.pk)
    return others.filter(state=ChargeState.AUTHORIZED).exists()


def _capture(
    found: LockedOrder, payment: Payment, charge: Charge | None, facts: PaymentFacts
) -> None:
    """The money is there. Decides what becomes of it, once and for all."""
    if not rules.fits(facts, payment.amount):
        charge = payments.capture_charge(
            charge, payment, payment.provider, facts, Verdict.QUARANTINED
        )
        _quarantine(charge, f"It should be {payment.amount.major} {payment.currency}.")
        _tell(found, "payment.processing", {"payment": str(payment.pk), "quarantined": True})
        return
    if found.order.state == OrderState.PAID or payment.state == PaymentState.CAPTURED:
        charge = payments.capture_charge(charge, payment, payment.provider, facts, Verdict.EXTRA)
        _give_back(found, charge, Refund.Cause.EXTRA, facts.amount, "Paid twice.")
        return
    refused = _fulfil(found, payment)
    is_any = len(refused) < len(found.lines)
    charge = payments.capture_charge(
        charge, payment, payment.provider, facts, Verdict.SETTLED if is_any else Verdict.LATE
    )
    payments.move(payment, "capture")
    paid = {"payment": str(payment.pk), **_amount(facts.amount)}
    _tell(found, "payment.completed", paid)
    _confirm(found, [line for line in found.lines if line.pk not in refused])
    _refuse(found, charge, refused)
    if is_any:
        orders.move(found.order, "pay")
        pricing.use_coupons(found.order.pk)
    elif found.order.state == OrderState.OPEN:
        orders.move(found.order, "expire")
        pricing.release_coupons([found.order.pk])


def _quarantine(charge: Charge, why: str) -> None:
    payments.open_task(
        StaffTask.Kind.QUARANTINE,
        charge.provider_payment_id,
        f"{charge.amount.major} {charge.currency} arrived and fit no order. {why}",
        charge=charge,
    )


# --- taking the seats ---------------------------------------------------------------------------


def _fulfil(found: LockedOrder, payment: Payment) -> dict[UUID, str]:
    """Makes sure of a seat for every line it can; returns the others with the reason in words."""
    order = found.order
    if not ORDER.allows(OrderState(order.state), "pay") or payment.state == PaymentState.CANCELLED:
        return {line.pk: "The checkout had been cancelled." for line in found.lines}
    was_expired = order.state == OrderState.EXPIRED
    if was_expired and not pricing.retake_coupons(order.pk):
        return {
            line.pk: "The coupon had been used up when the payment arrived." for line in found.lines
        }
    refused = {}
    for line in found.lines:
        reason = _take_seat(found, line)
        if reason:
            refused[line.pk] = reason
    if was_expired and len(refused) == len(found.lines):  # an open order gives them back as it ends
        pricing.release_coupons([order.pk])
    return refused


def _take_seat(found: LockedOrder, line: OrderLine) -> str:
    """A sold seat for the line, or why there is none."""
    enrollment = found.enrollment_of(line)
    if guests.is_enrolled_elsewhere(enrollment):
        return "You had this course already."
    if enrollment.stage == Stage.PAYMENT_PENDING and seats.sell([enrollment.pk]):
        return ""
    if enrollment.stage not in {Stage.PAYMENT_PENDING, Stage.EXPIRED}:
        return "The enrollment had been cancelled."
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
        return "You had enrolled in this course again meanwhile."
    if newer.lines.count() > 1:
        return "This course is part of another checkout of yours now."
    seats.sell([rival.pk])
    line.enrollment = rival
    line.save(update_fields=["enrollment"])
    orders.move(newer, "cancel")
    for payment in found.payments:
        if payment.order_id == newer.pk:
            payments.move_if_allowed(payment, "cancel")
    pricing.release_coupons([newer.pk])
    return ""


def _confirm(found: LockedOrder, lines: Sequence[OrderLine]) -> None:
    """The lines' enrollments are confirmed and access begins."""
    told = []
    for line in lines:
        enrollment = found.enrollment_of(line)
        enrollments.confirm_paid(enrollment)
        about: dict[str, Any] = {"subject": enrollment.pk, "person": enrollment.person_id}
        place = {"course": str(enrollment.course_id), "cohort": str(enrollment.cohort_id)}
        told += [
            NewEvent(type="enrollment.confirmed", data=place, **about),
            NewEvent(type="access.granted", data=place, **about),
        ]
    events.append(told)


def _refuse(found: LockedOrder, charge: Charge, refused: dict[UUID, str]) -> None:
    """What no seat could be had for is given back; the enrollment says why."""
    if not refused:
        return
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
        place = {"course": str(enrollment.course_id), "cohort": str(enrollment.cohort_id)}
        told.append(
            NewEvent(
                type="enrollment.refunded",
                subject=enrollment.pk,
                person=enrollment.person_id,
                data=place,
            )
        )
    events.append(told)
    is_all = len(lines) == len(found.lines)
    amount = charge.amount if is_all else _sum(lines, charge.currency)
    if amount:
        parts = None if is_all else {line.pk: line.total_minor for line in lines}
        reason = " ".join(dict.fromkeys(refused.values()))
        _give_back(found, charge, Refund.Cause.LATE, amount, reason, parts=parts)


def _with_way_on(enrollment: Enrollment, reason: str) -> str:
    """Whoever paid and found no seat has the first place in the list, where there is one."""
    if reason != NO_SEAT or enrollment.person.guest_email:
        return reason
    place = (enrollment.person_id, enrollment.course_id, enrollment.cohort_id)
    return f"{reason} {FIRST_PLACE}" if waitlist.join_first(*place) else reason


def _give_back(
    found: LockedOrder,
    charge: Charge,
    cause: Refund.Cause,
    amount: Money,
    reason: str,
    *,
    parts: dict[UUID, int] | None = None,
) -> None:
    refund = payments.request_refund(charge, NewRefund(amount, cause, reason, parts))
    lines = [line for line in found.lines if parts is None or line.pk in parts]
    _tell(
        found,
        "payment.refund_requested",
        {"refund": str(refund.pk), "cause": str(cause), **_amount(amount)},
        lines,
    )


def _sum(lines: Sequence[OrderLine], currency: str) -> Money:
    return Money(sum(line.total_minor for line in lines), currency)


def _tell(
    found: LockedOrder, type_: str, data: dict[str, Any], lines: Sequence[OrderLine] | None = None
) -> None:
    """An event on each line's enrollment."""
    events.append(
        [
            NewEvent(
                type=type_,
                subject=line.enrollment_id,
                person=found.order.person_id,
                data={"order": str(found.order.pk), **data},
            )
            for line in (found.lines if lines is None else lines)
        ]
    )


def _amount(amount: Money) -> dict[str, Any]:
    return {"amount_minor": amount.minor, "currency": amount.currency}
