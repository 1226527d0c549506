"""A person gives an enrollment up: the seat goes back, access ends. What was paid is given back by
policy; a checkout that is not paid yet is given up whole, with all its courses.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from matricula.enrollments import actions as enrollments
from matricula.enrollments import queries
from matricula.enrollments.models import Enrollment
from matricula.enrollments.queries import EnrollmentRecord
from matricula.enrollments.states import Stage
from matricula.flows import refund
from matricula.flows.locked import LockedOrder, lock_order
from matricula.kernel import events
from matricula.kernel.events import NewEvent
from matricula.kernel.locks import lock_person
from matricula.orders import actions as order_actions
from matricula.orders import queries as orders
from matricula.orders.states import OrderState
from matricula.payments import actions as payments
from matricula.payments.actions import NewRefund
from matricula.payments.models import Refund
from matricula.pricing import actions as pricing
from matricula.seats import actions as seats
from matricula.waitingroom import actions as waitingroom

LONGEST_REASON = 500


def cancel(
    enrollment_id: UUID, person_id: UUID, *, actor_id: UUID, reason: str = ""
) -> EnrollmentRecord:
    """Cancels the person's enrollment; `actor_id` is who does it, the person or staff.

    Raises NotFound for an enrollment that is not this person's, and IllegalState when it has ended.
    """
    with transaction.atomic():
        lock_person(person_id)
        record = queries.of_person(person_id, enrollment_id)
        if record.stage is Stage.REQUESTED:
            seats.lock_counters([record.cohort_id])
            # It was served before this, or is not at all.
            record = queries.of_person(person_id, enrollment_id)
        _cancel(record, actor_id, reason[:LONGEST_REASON])
    # After the cohort's counter is free again: others wait for it.
    return queries.of_person(person_id, enrollment_id)


def _cancel(record: EnrollmentRecord, actor_id: UUID, reason: str) -> None:
    order = orders.of_enrollment(record.id)
    offer = refund.refundable_of(record, order)
    found = None if order is None else lock_order(order.id)
    if found is not None and offer is not None and offer.amount:
        new = NewRefund(offer.amount, Refund.Cause.POLICY, reason, None, actor_id)
        if refund.end_with_refund(found, offer.line.id, new):
            return
    if found is not None and found.order.state == OrderState.OPEN:
        _give_up(found, actor_id, reason)
    else:
        _cancel_one(record, actor_id, reason)


def _cancel_one(record: EnrollmentRecord, actor_id: UUID, reason: str) -> None:
    seats.release([record.id])  # takes the cohort's counter row before the enrollment's
    enrollments.end(record.id, record.stage, "cancel", reason=reason)
    if record.stage is Stage.REQUESTED:
        waitingroom.leave(record.id)
    events.append(_ended(record, actor_id, had_access=record.stage is Stage.CONFIRMED))


def _give_up(found: LockedOrder, actor_id: UUID, reason: str) -> None:
    """The whole checkout ends. Money that arrives nevertheless is recognised and given back."""
    seats.release([line.enrollment_id for line in found.lines])
    told = []
    for line in found.lines:
        told += _end(found.enrollment_of(line), actor_id, reason)
    order_actions.move(found.order, "cancel")
    for payment in found.payments:
        if payment.order_id == found.order.pk:
            payments.move_if_allowed(payment, "cancel")
    pricing.release_coupons([found.order.pk])
    events.append(told)


def _end(enrollment: Enrollment, actor_id: UUID, reason: str) -> list[NewEvent]:
    had_access = enrollment.stage == Stage.CONFIRMED
    enrollments.move(enrollment, "cancel", reason=reason)
    return _ended(enrollment, actor_id, had_access=had_access)


def _ended(
    of: EnrollmentRecord | Enrollment, actor_id: UUID, *, had_access: bool
) -> list[NewEvent]:
    place = {"course": str(of.course_id), "cohort": str(of.cohort_id)}
    types = ["enrollment.cancelled", *(["access.revoked"] if had_access else [])]
    return [NewEvent(type_, of.id, of.person_id, actor_id, place) for type_ in types]
