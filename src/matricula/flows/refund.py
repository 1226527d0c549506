"""Money goes back: asked for by the learner and granted by policy, or decided by staff.

The decision is one transaction: access ends, the seat is free, the refund is written down. The
worker sends it to the gateway, and what comes of it is recorded, days later too: a refund that
fails returns to the balance, and staff is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from matricula.enrollments import actions as enrollments
from matricula.enrollments import queries as enrollment_queries
from matricula.enrollments.models import Enrollment
from matricula.enrollments.queries import EnrollmentRecord
from matricula.enrollments.states import Stage
from matricula.flows.locked import LockedOrder, lock_order
from matricula.kernel import clock, events, ids
from matricula.kernel.connections import release_connection
from matricula.kernel.errors import IllegalState, NotFound
from matricula.kernel.events import NewEvent
from matricula.kernel.money import Money
from matricula.kernel.words import said
from matricula.orders import policy
from matricula.orders import queries as orders
from matricula.orders.models import Order, OrderLine
from matricula.orders.queries import LineRecord, OrderRecord
from matricula.orders.states import OrderState
from matricula.payments import actions as payments
from matricula.payments import gateways, ledger, queries
from matricula.payments.actions import NewRefund
from matricula.payments.errors import GatewayRefused, GatewayUnavailable, OutcomeUnknown
from matricula.payments.models import Charge, Refund, StaffTask
from matricula.payments.port import RefundFacts, RefundRequest
from matricula.payments.states import RefundState, Verdict
from matricula.seats import actions as seats

log = structlog.get_logger(__name__)
LONGEST_REASON = 500


@dataclass(frozen=True)
class Refundable:
    """What the policy gives back for an enrollment at this moment."""

    order: OrderRecord
    line: LineRecord
    percent: int
    amount: Money


def refundable(enrollment: EnrollmentRecord) -> Refundable | None:
    """What the learner would get back now; None for what was not paid for, or not confirmed."""
    if enrollment.stage is not Stage.CONFIRMED:
        return None
    return refundable_of(enrollment, orders.of_enrollment(enrollment.id))


def refundable_of(enrollment: EnrollmentRecord, order: OrderRecord | None) -> Refundable | None:
    """`refundable` of an enrollment whose order was read already; None if it has none."""
    if enrollment.stage is not Stage.CONFIRMED:
        return None
    if order is None or order.paid_at is None or not order.total:
        return None
    line = next(line for line in order.lines if line.enrollment_id == enrollment.id)
    # A swap gives no more back than there was to give back when it was made.
    moments = [(clock.now(), line.cohort_starts_at)]
    if enrollment.swapped_from_id is not None:
        moments += enrollment_queries.given_up_before(enrollment.id)
    steps = policy.read(line.policy)
    percent = min(
        policy.refundable_percent(steps, at=at, paid_at=order.paid_at, starts_at=starts_at)
        for at, starts_at in moments
    )
    left = line.total - Money(ledger.given_back([line.id]).get(line.id, 0), order.currency)
    promised = line.total.percent(Decimal(percent))
    return Refundable(order, line, percent, min(left, promised))


def refund_by_policy(
    enrollment_id: UUID, person_id: UUID, *, actor_id: UUID, reason: str = ""
) -> EnrollmentRecord:
    """Gives the enrollment up for what the policy gives back: access ends at once.

    Raises NotFound; IllegalState when nothing was paid, or nothing is given back any more.
    """
    with transaction.atomic():
        enrollment = enrollment_queries.of_person(person_id, enrollment_id)
        offer = refundable(enrollment)
        if offer is None:
            raise IllegalState(_("There is no payment to give back."))
        if not offer.amount:
            raise IllegalState(_("By the refund policy nothing is given back any more."))
        found = lock_order(offer.order.id)
        line = next((line for line in found.lines if line.pk == offer.line.id), None)
        if line is None or found.enrollment_of(line).stage != Stage.CONFIRMED:
            raise IllegalState(_("This enrollment has ended already."))
        give_back(
            found,
            {line.pk: offer.amount.minor},
            NewRefund(offer.amount, Refund.Cause.POLICY, reason[:LONGEST_REASON], None, actor_id),
            ending=[line],
        )
    return enrollment_queries.of_person(person_id, enrollment_id)


@transaction.atomic
def refund_by_staff(
    order_id: UUID,
    amounts: Mapping[UUID, int],
    *,
    actor_id: UUID,
    reason: str,
    end_access: bool = True,
) -> Refund:
    """Gives back these minor units of these lines, whatever the policy says.

    Raises NotFound for a foreign line, and IllegalState for more than a line has left.
    """
    found = lock_order(order_id)
    lines = {line.pk: line for line in found.lines}
    if not amounts or not lines.keys() >= amounts.keys():
        raise NotFound(_("There is no such line in this order."))
    given = ledger.given_back(amounts)
    for line_id, minor in amounts.items():
        left = lines[line_id].total_minor - given.get(line_id, 0)
        if not 0 < minor <= left:
            raise IllegalState(
                said(
                    "Of %(title)s, %(amount)s can be given back at most.",
                    title=lines[line_id].title,
                    amount=f"{Money(left, found.order.currency).major} {found.order.currency}",
                )
            )
    amount = Money(sum(amounts.values()), found.order.currency)
    new = NewRefund(amount, Refund.Cause.STAFF, reason[:LONGEST_REASON], None, actor_id)
    ending = [lines[line_id] for line_id in amounts] if end_access else []
    return give_back(found, amounts, new, ending=ending)


@transaction.atomic
def refund_charge(charge_id: UUID, *, actor_id: UUID, reason: str) -> Refund:
    """Gives a quarantined charge back whole, and closes its task.

    Raises IllegalState when it pays for an order, or nothing of it is left.
    """
    charge = Charge.objects.select_for_update().filter(pk=charge_id).first()
    if charge is None:
        raise NotFound
    left = ledger.balance(charge).refundable
    if charge.verdict == Verdict.SETTLED or not Money.zero(charge.currency) < left:
        raise IllegalState(_("Nothing of this payment can be given back this way."))
    new = NewRefund(left, Refund.Cause.STAFF, reason[:LONGEST_REASON], None, actor_id)
    refund = payments.request_refund(charge, new)
    for task in charge.tasks.filter(closed_at=None, kind=StaffTask.Kind.QUARANTINE):
        payments.close_task(task.pk, actor_id=actor_id, resolution=f"Refunded. {reason}")
    _announce(refund, [])
    return refund


@transaction.atomic
def refund_again(refund_id: UUID, *, actor_id: UUID) -> Refund:
    """Tries a failed refund once more, as a new one; closes its task.

    Raises IllegalState when it did not fail, or was tried again already.
    """
    failed = payments.lock_refund(refund_id)
    parts = {part.line_id: part.amount_minor for part in failed.parts.all()}
    task = failed.tasks.filter(closed_at=None).first()
    if failed.state != RefundState.FAILED or task is None:
        raise IllegalState(_("This refund did not fail, or was dealt with already."))
    if ledger.balance(failed.charge).refundable < failed.amount:
        raise IllegalState(_("There is not that much left of the payment."))
    new = NewRefund(
        failed.amount, Refund.Cause(failed.cause), failed.reason, parts or None, actor_id
    )
    refund = payments.request_refund(failed.charge, new)
    payments.close_task(task.pk, actor_id=actor_id, resolution=f"Tried again as {refund}.")
    _announce(refund, [])
    return refund


def end_by_refund(found: LockedOrder, line: OrderLine, reason: str) -> list[NewEvent]:
    """The line's enrollment ends as refunded: its seat is free, access is over."""
    enrollment = found.enrollment_of(line)
    if enrollment.stage != Stage.CONFIRMED:
        return []
    seats.release([enrollment.pk])
    enrollments.move(enrollment, "refund", reason=reason)
    return [
        _event(enrollment, "enrollment.refunded"),
        _event(enrollment, "access.revoked"),
    ]


def give_back(
    found: LockedOrder, amounts: Mapping[UUID, int], new: NewRefund, *, ending: Sequence[OrderLine]
) -> Refund:
    """Asks for minor units of lines of a locked order, and ends the enrollments of some of them.

    Raises IllegalState where that much is not there.
    """
    if found.order.state != OrderState.PAID:
        raise IllegalState(_("This order is not paid."))
    charge = queries.settling_charge(found.order.pk)
    if charge is None:
        raise IllegalState(_("Nothing was paid for this order."))
    charge = Charge.objects.select_for_update().get(pk=charge.pk)
    if ledger.balance(charge).refundable < new.amount:
        raise IllegalState(_("There is not that much left of the payment."))
    refund = payments.request_refund(
        charge, NewRefund(new.amount, new.cause, new.reason, amounts, new.requested_by)
    )
    told = [event for line in ending for event in end_by_refund(found, line, new.reason)]
    events.append(told)
    _announce(refund, [line for line in found.lines if line.pk in amounts], new.requested_by)
    return refund


def _announce(refund: Refund, lines: Sequence[OrderLine], actor: UUID | None = None) -> None:
    """Says on each enrollment that the refund is under way; the worker sends it."""
    data = {
        "order": str(lines[0].order_id) if lines else "",
        "refund": str(refund.pk),
        "cause": refund.cause,
        "amount_minor": refund.amount_minor,
        "currency": refund.currency,
    }
    rows = Enrollment.objects.in_bulk([line.enrollment_id for line in lines])
    events.append([_event(row, "payment.refund_requested", data, actor) for row in rows.values()])


def _event(
    enrollment: Enrollment,
    type_: str,
    data: Mapping[str, Any] | None = None,
    actor: UUID | None = None,
) -> NewEvent:
    place = {"course": str(enrollment.course_id), "cohort": str(enrollment.cohort_id)}
    return NewEvent(
        type=type_,
        subject=enrollment.pk,
        person=enrollment.person_id,
        actor=actor,
        data=place if data is None else data,
    )


# --- sending --------------------------------------------------------------------------------


def send(refund_id: UUID) -> bool:
    """Asks the gateway for the refund, or what became of it; whether it answered. Repeating it is
    harmless: our id is the gateway's idempotency key, and one that may have been made is looked up
    first.
    """
    with transaction.atomic():
        refund = payments.lock_refund(refund_id)
        if refund.next_try_at is None:
            return True
        payments.plan_retry(refund, clock.now())  # also a lease: others pass it over meanwhile
    provider = gateways.provider(refund.charge.provider)
    release_connection()
    try:
        facts = None
        if refund.state != RefundState.REQUESTED or refund.tries > 1:
            facts = _look_up(refund)
        if facts is None and refund.state in {RefundState.REQUESTED, RefundState.UNKNOWN}:
            facts = provider.refund(
                RefundRequest(refund.charge.provider_payment_id, refund.amount, str(refund))
            )
    except OutcomeUnknown:
        with transaction.atomic():
            payments.lose_sight_of(payments.lock_refund(refund_id))
        return False
    except GatewayUnavailable as error:
        log.warning("refund_not_sent", refund=str(refund), error=error.code)
        return False
    except GatewayRefused as error:
        _refused(refund_id, error)
        return True
    if facts is not None:
        record(refund_id, facts)
    return True


def _look_up(refund: Refund) -> RefundFacts | None:
    """The refund at the gateway, by its id there or by our key."""
    provider = gateways.provider(refund.charge.provider)
    listing = provider.refunds_of_payment(refund.charge.provider_payment_id)
    payments.report_unreadable(refund.charge.provider, listing.unreadable)
    for facts in listing.items:
        if refund.provider_refund_id == facts.id or facts.receipt == str(refund):
            return facts
    return None


def _refused(refund_id: UUID, error: GatewayRefused) -> None:
    with transaction.atomic():
        refund = payments.lock_refund(refund_id)
        if refund.state in {RefundState.REQUESTED, RefundState.UNKNOWN}:
            payments.fail_refund(refund, error.said)
            _alert(refund, error.said)


def record(refund_id: UUID, facts: RefundFacts) -> None:
    """What the gateway says of one of our refunds; stale news changes nothing."""
    with transaction.atomic():
        order_id = (
            Order.objects.filter(payments__charges__refunds=refund_id)
            .values_list("pk", flat=True)
            .first()
        )
        found = lock_order(order_id) if order_id is not None else None
        refund = payments.lock_refund(refund_id)
        state = payments.record_refund(refund, facts)
        if state is RefundState.FAILED:
            _alert(refund, facts.failure_detail or "The bank did not take it.")
        if found is not None and state in {RefundState.PROCESSED, RefundState.FAILED}:
            type_ = {
                RefundState.PROCESSED: "payment.refunded",
                RefundState.FAILED: "payment.refund_failed",
            }[state]
            _tell(found, refund, type_)


def record_from_gateway(provider: str, payment_id: str, refund_id: str) -> bool:
    """Fetches a refund the gateway speaks of and records it, also one that was made there and not
    here. False when there is none such, or its charge is not known yet."""
    listing = gateways.provider(provider).refunds_of_payment(payment_id)
    payments.report_unreadable(provider, listing.unreadable)
    for facts in listing.items:
        if facts.id == refund_id:
            return _record_found(provider, facts)
    return False


def _record_found(provider: str, facts: RefundFacts) -> bool:
    with transaction.atomic():
        charge = payments.find_charge(provider, facts.payment_id)
        if charge is None:
            return False
        refund = charge.refunds.filter(provider_refund_id=facts.id).first()
        refund = refund or _by_key(charge, facts.receipt)
        if refund is None:
            refund = payments.adopt_refund(charge, facts)
            payments.open_task(
                StaffTask.Kind.QUARANTINE,
                facts.id,
                "A refund was made at the gateway and not here. Decide what becomes of the "
                "enrollments it is for.",
                charge=charge,
                refund=refund,
            )
    record(refund.pk, facts)
    return True


def _by_key(charge: Charge, key: str) -> Refund | None:
    try:
        return charge.refunds.filter(pk=ids.from_text("rfd", key)).first()
    except NotFound:
        return None


def _alert(refund: Refund, why: str) -> None:
    payments.open_task(
        StaffTask.Kind.REFUND_FAILED,
        str(refund),
        f"{refund.amount.major} {refund.currency} could not be given back: {why}",
        charge=refund.charge,
        refund=refund,
    )


def _tell(found: LockedOrder, refund: Refund, type_: str) -> None:
    of_lines = set(refund.parts.values_list("line_id", flat=True))
    data = {
        "order": str(found.order.pk),
        "refund": str(refund.pk),
        "cause": refund.cause,
        "amount_minor": refund.amount_minor,
        "currency": refund.currency,
    }
    events.append(
        [
            _event(found.enrollment_of(line), type_, data)
            for line in found.lines
            if not of_lines or line.pk in of_lines
        ]
    )
