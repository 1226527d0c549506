"""Money goes back: asked for by the learner and granted by policy, or decided by staff.

The decision is one transaction: access ends, the seat is free, the refund is written down. The
worker sends it to the gateway, and what comes of it is recorded, days later too: a refund that
fails returns to the balance, and staff is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
from matricula.kernel import clock, events
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
    left = left_of_lines(order.id, {line.id: line.total})[line.id]
    promised = line.total.percent(Decimal(percent))
    return Refundable(order, line, percent, min(left, promised))


def left_of_lines(order_id: UUID, totals: Mapping[UUID, Money]) -> dict[UUID, Money]:
    """What can still be given back of each of these lines of an order: what is left of its total,
    and at most what the gateway has left of the payment. Together they may have more than that."""
    charge = queries.settling_charge(order_id)
    given = ledger.given_back(totals)
    left: dict[UUID, Money] = {}
    at_most = None if charge is None else ledger.balance(charge).refundable
    for line_id, total in totals.items():
        zero = Money.zero(total.currency)
        unreturned = max(zero, total - Money(given.get(line_id, 0), total.currency))
        left[line_id] = zero if at_most is None else min(at_most, unreturned)
    return left


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
        if not offer.percent:
            raise IllegalState(_("By the refund policy nothing is given back any more."))
        new = NewRefund(offer.amount, Refund.Cause.POLICY, reason[:LONGEST_REASON], None, actor_id)
        if not end_with_refund(lock_order(offer.order.id), offer.line.id, new):
            raise IllegalState(_("Nothing of this payment is left to give back."))
    return enrollment_queries.of_person(person_id, enrollment_id)


def end_with_refund(found: LockedOrder, line_id: UUID, new: NewRefund) -> bool:
    """Ends the enrollment of a line of a locked order and gives back the amount, or what is left
    of it under the lock. Where nothing is left, changes nothing and returns False: then the
    enrollment is to be cancelled.

    Raises IllegalState for an enrollment that has ended.
    """
    line = next((line for line in found.lines if line.pk == line_id), None)
    if line is None or found.enrollment_of(line).stage != Stage.CONFIRMED:
        raise IllegalState(_("This enrollment has ended already."))
    charge = _lock_settling_charge(found)
    if charge is None:
        return False
    total = Money(line.total_minor, found.order.currency)
    amount = min(new.amount, left_of_lines(found.order.pk, {line.pk: total})[line.pk])
    if not amount:
        return False
    give_back(found, {line.pk: amount.minor}, replace(new, amount=amount), ending=[line])
    return True


def _lock_settling_charge(found: LockedOrder) -> Charge | None:
    """The charge that paid for the order, locked; None for one that is not paid."""
    if found.order.state != OrderState.PAID:
        return None
    charge = queries.settling_charge(found.order.pk)
    return None if charge is None else Charge.objects.select_for_update().get(pk=charge.pk)


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
    if not amounts:
        raise IllegalState(
            _("Give an amount. To end access without a refund, cancel the enrollment.")
        )
    if not lines.keys() >= amounts.keys():
        raise NotFound(_("There is no such line in this order."))
    totals = {key: Money(lines[key].total_minor, found.order.currency) for key in amounts}
    left = left_of_lines(order_id, totals)
    for line_id, minor in amounts.items():
        if not 0 < minor <= left[line_id].minor:
            raise IllegalState(
                said(
                    "Of %(title)s, %(amount)s can be given back at most.",
                    title=lines[line_id].title,
                    amount=_in_words(left[line_id]),
                )
            )
        if minor != left[line_id].minor and not Money(minor, left[line_id].currency).is_chargeable:
            raise IllegalState(_("This currency is charged with two decimals: end with a 0."))
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
    task = failed.tasks.filter(closed_at=None, kind=StaffTask.Kind.REFUND_FAILED).first()
    if failed.state != RefundState.FAILED or task is None:
        raise IllegalState(_("This refund did not fail, or was dealt with already."))
    _check_left(failed.charge, failed.amount)
    cause = Refund.Cause(failed.cause)
    if cause is Refund.Cause.OUTSIDE:
        cause = Refund.Cause.STAFF  # this time it is made here
    new = NewRefund(failed.amount, cause, failed.reason, parts or None, actor_id)
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
    charge = _lock_settling_charge(found)
    if charge is None:
        raise IllegalState(_("Nothing was paid for this order."))
    _check_left(charge, new.amount)
    refund = payments.request_refund(
        charge, NewRefund(new.amount, new.cause, new.reason, amounts, new.requested_by)
    )
    told = [event for line in ending for event in end_by_refund(found, line, new.reason)]
    events.append(told)
    _announce(refund, [line for line in found.lines if line.pk in amounts], new.requested_by)
    return refund


def _check_left(charge: Charge, amount: Money) -> None:
    """Raises IllegalState, with what is left, for more than the payment has left."""
    left = ledger.balance(charge).refundable
    if left < amount:
        raise IllegalState(
            said("Of this payment, %(amount)s can be given back at most.", amount=_in_words(left))
        )


def _in_words(amount: Money) -> str:
    return f"{amount.major} {amount.currency}"


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
        charge = Charge.objects.get(refunds=refund_id)
        found = lock_order_of(charge)
        record_locked(found, payments.lock_refund(refund_id), facts)


def lock_order_of(charge: Charge) -> LockedOrder | None:
    """The order that a charge was to pay for, locked; None for one of no order."""
    order_ids = Order.objects.filter(payments=charge.payment_id).values_list("pk", flat=True)
    order_id = order_ids.first() if charge.payment_id is not None else None
    return lock_order(order_id) if order_id is not None else None


def record_locked(found: LockedOrder | None, refund: Refund, facts: RefundFacts) -> None:
    """As `record`, where the order, the charge and the refund are locked already."""
    before = refund.state
    state = payments.record_refund(refund, facts)
    if state is RefundState.FAILED:
        _alert(refund, facts.failure_detail or "The bank did not take it.")
    elif state is RefundState.PROCESSED:
        is_for_lines = before != RefundState.FAILED or _arrived_after_all(refund)
        if found is not None and is_for_lines:
            tell(found, refund, "payment.refunded")
    if found is not None and state is RefundState.FAILED:
        tell(found, refund, "payment.refund_failed")


def _arrived_after_all(refund: Refund) -> bool:
    """A refund that had failed has reached its payer. Where its lines were given back by another
    meanwhile, it counts for them no more, and staff is asked: then False."""
    amount = _in_words(refund.amount)
    payments.update_open_tasks(
        StaffTask.Kind.REFUND_FAILED,
        str(refund),
        f"{amount} arrived after all. Nothing is left to be done.",
    )
    parts = refund.parts.select_related("line")
    given = ledger.given_back(part.line_id for part in parts)
    if all(given[part.line_id] <= part.line.total_minor for part in parts):
        return True
    refund.parts.all().delete()
    payments.open_next_task(
        StaffTask.Kind.OUTSIDE,
        str(refund),
        f"{amount} had failed and arrived after all, and what it was for was refunded meanwhile: "
        "the payer has it twice.",
        charge=refund.charge,
        refund=refund,
    )
    return False


def awaits_assignment(refund: Refund) -> bool:
    """Whether it was made at the gateway, of a payment for several lines, and nobody has said yet
    which of them it is for."""
    is_outside = refund.cause == Refund.Cause.OUTSIDE and refund.charge.verdict == Verdict.SETTLED
    return is_outside and not refund.parts.exists()


def _alert(refund: Refund, why: str) -> None:
    payments.open_next_task(
        StaffTask.Kind.REFUND_FAILED,
        str(refund),
        f"{_in_words(refund.amount)} could not be given back: {why}",
        charge=refund.charge,
        refund=refund,
    )


def tell(found: LockedOrder, refund: Refund, type_: str, actor: UUID | None = None) -> None:
    """Says on each enrollment the refund is for what became of it. Those of a refund that awaits
    its assignment are told with it."""
    if awaits_assignment(refund):
        return
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
            _event(found.enrollment_of(line), type_, data, actor)
            for line in found.lines
            if not of_lines or line.pk in of_lines
        ]
    )
