"""Money that came another way (bank transfer, cash, purchase order), marked paid by staff.

It settles like any other payment: the same seats, the same ledger, the same refusals. What was
asked of an online gateway for the same order is given up first; money that arrives there
nevertheless is a second payment, and goes back.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from matricula.flows import refund, settle
from matricula.flows.locked import LockedOrder, lock_order
from matricula.kernel import events
from matricula.kernel.errors import FieldError, Guidance, IllegalState, ValidationFailed
from matricula.kernel.events import NewEvent
from matricula.orders.states import OrderState
from matricula.payments import actions as payments
from matricula.payments.models import Refund
from matricula.payments.port import GatewayOrder, PaymentFacts, RefundFacts
from matricula.payments.providers.offline import OFFLINE
from matricula.payments.states import PaymentState, RefundState

LONGEST_REFERENCE = 60


@transaction.atomic
def mark_paid(order_id: UUID, reference: str, *, actor_id: UUID) -> None:
    """The order's whole total has arrived, found under this reference on the bank's statement.

    Raises NotFound; IllegalState for an order that is paid or cancelled; ValidationFailed for a
    missing reference or one used before.
    """
    reference = _checked(reference)
    found = lock_order(order_id)
    if found.order.state not in {OrderState.OPEN, OrderState.EXPIRED}:
        raise IllegalState(f"This order is {found.order.state}.")
    if payments.find_charge(OFFLINE, reference) is not None:
        raise _wrong("This reference was used for another payment.")
    _give_up_others(found)
    payment = payments.begin(order_id, OFFLINE, found.order.total)
    events.append(
        [
            NewEvent(
                type="payment.marked_paid",
                subject=line.enrollment_id,
                person=found.order.person_id,
                actor=actor_id,
                data={"order": str(order_id), "payment": str(payment.pk)},
            )
            for line in found.lines
        ]
    )
    payments.record_order(
        payment, GatewayOrder(payment.receipt, payment.receipt, payment.amount, "created")
    )
    settle.record(
        OFFLINE,
        PaymentFacts(
            id=reference,
            order_id=payment.receipt,
            status="captured",
            amount=payment.amount,
            amount_refunded=payment.amount - payment.amount,
            method="offline",
        ),
    )


def _give_up_others(found: LockedOrder) -> None:
    for payment in found.payments:
        if payment.order_id == found.order.pk and payment.state != PaymentState.CANCELLED:
            payments.move(payment, "cancel")


def _checked(reference: str) -> str:
    reference = reference.strip()
    if not reference or len(reference) > LONGEST_REFERENCE:
        raise _wrong(f"Give the reference of the payment, at most {LONGEST_REFERENCE} characters.")
    return reference


def _wrong(message: str) -> ValidationFailed:
    return ValidationFailed(guidance=Guidance(errors=[FieldError("reference", message)]))


def mark_refunded(refund_id: UUID, reference: str) -> None:
    """Staff has sent the money back. Raises IllegalState for a refund that is not offline's, or is
    not waiting for it."""
    row = Refund.objects.select_related("charge").get(pk=refund_id)
    if row.charge.provider != OFFLINE or row.state != RefundState.PENDING:
        raise IllegalState("This refund does not wait to be paid out by hand.")
    facts = RefundFacts(
        id=row.provider_refund_id or str(row),
        payment_id=row.charge.provider_payment_id,
        status="processed",
        amount=row.amount,
        receipt=reference,
    )
    refund.record(refund_id, facts)
