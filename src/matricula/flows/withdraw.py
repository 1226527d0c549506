"""A consumer in Europe withdraws from a contract: within the period, without a reason, for all of
the money of that line. Access ends at once, the receipt of the declaration is confirmed by mail
with its date and time (`payment.withdrawn`), and the refund goes its usual way (`flows/refund.py`).

What the refund policy says is another matter: it may give back less, or longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from matricula.enrollments import queries as enrollments
from matricula.enrollments.queries import EnrollmentRecord
from matricula.enrollments.states import Stage
from matricula.flows import refund
from matricula.flows.locked import lock_order
from matricula.kernel import clock, events
from matricula.kernel.errors import IllegalState
from matricula.kernel.events import NewEvent
from matricula.kernel.money import Money
from matricula.kernel.words import marked
from matricula.orders import queries as orders
from matricula.orders import withdrawal
from matricula.orders.queries import LineRecord, OrderRecord
from matricula.payments.actions import NewRefund
from matricula.payments.models import Refund


@dataclass(frozen=True)
class Withdrawable:
    """What can be withdrawn from, until when (exclusive), and what is then given back."""

    order: OrderRecord
    line: LineRecord
    ends_at: datetime
    amount: Money


def withdrawable(
    enrollment: EnrollmentRecord, order: OrderRecord | None = None
) -> Withdrawable | None:
    """The right to withdraw that this enrollment has now; None where there is none, or none any
    more. `order` is the enrollment's, where it was read already."""
    if enrollment.stage is not Stage.CONFIRMED:
        return None
    order = order or orders.of_enrollment(enrollment.id)
    if order is None or order.paid_at is None or not order.total:
        return None
    line = next(line for line in order.lines if line.enrollment_id == enrollment.id)
    ends_at = ends(order, line)
    if ends_at is None or clock.now() >= ends_at:
        return None
    left = refund.left_of_lines(order.id, {line.id: line.total})[line.id]
    return Withdrawable(order, line, ends_at, left) if left else None


def ends(order: OrderRecord, line: LineRecord) -> datetime | None:
    """Until when a paid line can be withdrawn from; None where there is no such right."""
    if not line.withdrawal or order.paid_at is None:
        return None
    return withdrawal.ends_at(
        line.withdrawal, paid_at=order.paid_at, starts_at=line.cohort_starts_at
    )


@transaction.atomic
def withdraw(enrollment_id: UUID, person_id: UUID) -> EnrollmentRecord:
    """Withdraws: the seat goes back, and all that was paid for it is given back.

    Raises NotFound; IllegalState where there is no such right, or no more. Declared twice, the
    second finds it done.
    """
    enrollment = enrollments.of_person(person_id, enrollment_id)
    right = withdrawable(enrollment)
    if right is None:
        raise IllegalState(_("There is no right to withdraw from this, or its time is over."))
    found = lock_order(right.order.id)
    line = next((line for line in found.lines if line.pk == right.line.id), None)
    if line is None or found.enrollment_of(line).stage != Stage.CONFIRMED:
        raise IllegalState(_("This enrollment has ended already."))
    right = withdrawable(enrollment)  # as it is under the lock: money may have gone back meanwhile
    if right is None:
        raise IllegalState(_("Nothing of this payment is left to give back."))
    about = {
        "order": str(right.order.id),
        "amount_minor": right.amount.minor,
        "currency": right.amount.currency,
    }
    events.append(
        [
            NewEvent(
                type="payment.withdrawn",
                subject=enrollment_id,
                person=person_id,
                actor=person_id,
                data=about,
            )
        ]
    )
    reason = marked("You withdrew from the contract.")
    new = NewRefund(right.amount, Refund.Cause.WITHDRAWAL, reason, None, person_id)
    refund.give_back(found, {line.pk: right.amount.minor}, new, ending=[line])
    return enrollments.of_person(person_id, enrollment_id)
