"""Refunds that were made at the gateway and not here: recorded, and assigned to the lines that they
are for, so that their credit note and the payment's status follow.

Of an order with one line that line is meant; of several, staff says which. Access does not end by
itself: that is for staff to decide, who is asked by a task.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.db import transaction

from matricula.flows import refund
from matricula.flows.locked import LockedOrder
from matricula.kernel import ids
from matricula.kernel.errors import IllegalState, NotFound
from matricula.kernel.money import Money
from matricula.payments import actions as payments
from matricula.payments import gateways, ledger
from matricula.payments.models import Charge, Refund, StaffTask
from matricula.payments.port import RefundFacts
from matricula.payments.states import RefundState, Verdict


def record_from_gateway(provider: str, payment_id: str, refund_id: str) -> bool:
    """Fetches a refund the gateway speaks of and records it, also one that was made there and not
    here. False when there is none such, or its charge is not known yet."""
    listing = gateways.provider(provider).refunds_of_payment(payment_id)
    payments.report_unreadable(provider, listing.unreadable)
    for facts in listing.items:
        if facts.id == refund_id:
            return record(provider, facts)
    return False


@transaction.atomic
def record(provider: str, facts: RefundFacts) -> bool:
    """Records a refund as the gateway has it. False when its charge is not known yet."""
    rows = Charge.objects.filter(provider=provider, provider_payment_id=facts.payment_id)
    charge = rows.first()
    if charge is None:
        return False
    found = refund.lock_order_of(charge)
    charge = rows.select_for_update().get()
    known = charge.refunds.filter(provider_refund_id=facts.id).first()
    known = known or _by_key(charge, facts.receipt)
    if known is None:
        known = payments.adopt_refund(charge, facts)
        _assign_to_only_line(found, charge, known)
    refund.record_locked(found, payments.lock_refund(known.pk), facts)
    return True


def _by_key(charge: Charge, key: str) -> Refund | None:
    try:
        return charge.refunds.filter(pk=ids.from_text("rfd", key)).first()
    except NotFound:
        return None


def _assign_to_only_line(found: LockedOrder | None, charge: Charge, made: Refund) -> None:
    """Assigns it where there is no choice, and opens the task that asks staff for the rest."""
    what = f"A refund of {made.amount.major} {made.currency} was made at the gateway and not here."
    if found is None or charge.verdict != Verdict.SETTLED:
        rest = "The payment it is of paid for no order."
    elif len(found.lines) == 1:
        payments.assign_refund(made, {found.lines[0].pk: made.amount_minor})
        rest = f"It counts for {found.lines[0].title}. Decide whether access ends."
    else:
        rest = (
            "Say on the refund's page which courses it is for (Assign to lines), and decide "
            "whether access ends."
        )
    payments.open_task(
        StaffTask.Kind.OUTSIDE, str(made), f"{what} {rest}", charge=charge, refund=made
    )


@transaction.atomic
def assign(refund_id: UUID, amounts: Mapping[UUID, int], *, actor_id: UUID, reason: str) -> None:
    """Assigns a refund made at the gateway to lines of its order, in minor units that sum to it,
    and closes its task. Its credit note is issued once it has reached its payer.

    Raises NotFound for a foreign line; IllegalState for other sums, for more than a line has left,
    and for a refund that awaits no assignment.
    """
    charge = Charge.objects.filter(refunds=refund_id).first()
    if charge is None:
        raise NotFound
    found = refund.lock_order_of(charge)
    made = payments.lock_refund(refund_id)
    if found is None or made.state == RefundState.FAILED or not refund.awaits_assignment(made):
        raise IllegalState("This refund does not wait to be assigned to lines.")
    _check_amounts(found, made, amounts)
    payments.assign_refund(made, amounts)
    for task in made.tasks.filter(closed_at=None).exclude(kind=StaffTask.Kind.REFUND_FAILED):
        payments.close_task(task.pk, actor_id=actor_id, resolution=f"Assigned. {reason}")
    if made.state == RefundState.PROCESSED:
        refund.tell(found, made, "payment.refunded", actor_id)


def _check_amounts(found: LockedOrder, made: Refund, amounts: Mapping[UUID, int]) -> None:
    lines = {line.pk: line for line in found.lines}
    if not lines.keys() >= amounts.keys():
        raise NotFound("There is no such line in this order.")
    given = ledger.given_back(amounts)
    for line_id, minor in amounts.items():
        left = Money(lines[line_id].total_minor - given.get(line_id, 0), made.currency)
        if not 0 <= minor <= left.minor:
            raise IllegalState(
                f"Of {lines[line_id].title}, {left.major} {left.currency} are left at most."
            )
    if sum(amounts.values()) != made.amount_minor:
        raise IllegalState(f"The amounts must sum to {made.amount.major} {made.currency}.")
