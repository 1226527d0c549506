"""A webhook is handled: it is a hint at a payment, a refund or a dispute, which is looked up."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models.functions import Now

from matricula.enrollments.models import Enrollment
from matricula.flows import reconcile, refund, settle
from matricula.flows.locked import lock_order
from matricula.kernel import clock, correlation, events
from matricula.kernel.errors import DomainError
from matricula.kernel.events import NewEvent
from matricula.orders.models import Order
from matricula.payments import actions as payments
from matricula.payments import inbox, queries, rules
from matricula.payments.models import Charge, Dispute, InboxEvent, StaffTask
from matricula.payments.port import DisputeFacts, Notice
from matricula.payments.states import ChargeState

BATCH = 100
AT_ONCE = 4
IDLE_SECONDS = 0.1
AFTER_FAILURE_SECONDS = 1.0
log = structlog.get_logger(__name__)


def handle(inbox_id: UUID) -> None:
    """Handles one stored webhook, once. What cannot be done now is tried again later; a second
    worker on the same one passes it over."""
    with transaction.atomic():
        rows = InboxEvent.objects.select_for_update(skip_locked=True)
        event = rows.filter(pk=inbox_id, next_try_at__isnull=False).first()
        if event is None:
            return
        event.tries = min(event.tries + 1, 1000)
        event.next_try_at = clock.now() + rules.pause_before_retry(event.tries)
        event.save(update_fields=["tries", "next_try_at"])
    try:
        with correlation.following(event.correlation_id):
            is_of_use = act(event.provider, inbox.notice_of(event))
    except DomainError as error:
        InboxEvent.objects.filter(pk=inbox_id).update(
            state=InboxEvent.State.FAILED, error=f"{error.code}: {error.detail}"[:500]
        )
        log.warning("webhook_not_handled", inbox=str(inbox_id), error=error.code)
        return
    done = InboxEvent.State.HANDLED if is_of_use else InboxEvent.State.IGNORED
    InboxEvent.objects.filter(pk=inbox_id).update(
        state=done, error="", next_try_at=None, handled_at=Now()
    )


def handle_due() -> int:
    """Handles every webhook whose turn it is; returns how many were tried."""
    due = _due()
    for inbox_id in due:
        handle(inbox_id)
    return len(due)


def handle_until(stop: threading.Event) -> None:
    """Handles webhooks as they come, several at once, until told to stop. A database that is
    away is waited for. A thread of the worker, since a job for each would cost more than the
    work.
    """
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook") as pool:
        while not stop.is_set():
            pause = IDLE_SECONDS
            try:
                due = _due()
                list(pool.map(_handle_apart, due))
                pause = 0.0 if due else IDLE_SECONDS
            except (DatabaseError, InterfaceError) as error:
                log.warning("webhooks_not_read", error=str(error))
                pause = AFTER_FAILURE_SECONDS
            connection.close()
            stop.wait(pause)


def _due() -> list[UUID]:
    rows = InboxEvent.objects.filter(next_try_at__lte=Now()).order_by("next_try_at")
    return list(rows.values_list("pk", flat=True)[:BATCH])


def _handle_apart(inbox_id: UUID) -> None:
    """In a thread of the pool: what fails here fails alone, and is tried again."""
    try:
        handle(inbox_id)
    except Exception:
        log.exception("webhook_failed", inbox=str(inbox_id))
    finally:
        connection.close()


def act(provider: str, notice: Notice) -> bool:
    """Looks up what the notice speaks of; False when it is of a kind we have no use for."""
    if notice.dispute is not None:
        return _dispute(provider, notice.dispute)
    if notice.refund_id and notice.payment_id:
        settle.settle(provider, notice.payment_id)
        return refund.record_from_gateway(provider, notice.payment_id, notice.refund_id)
    if notice.payment_id:
        if not _is_settled(provider, notice.payment_id):
            settle.settle(provider, notice.payment_id)
        return True
    if notice.order_id:
        payment = queries.of_gateway_order(provider, notice.order_id)
        if payment is not None:
            reconcile.check(payment.id)
            return True
    return False


def _is_settled(provider: str, payment_id: str) -> bool:
    """Whether we know the end of this payment: nothing it is told of can be news then."""
    known = Charge.objects.filter(provider=provider, provider_payment_id=payment_id)
    return known.filter(state=ChargeState.CAPTURED).exists()


def _dispute(provider: str, facts: DisputeFacts) -> bool:
    """Flagged for staff with its date; what a lost one means for access is theirs to decide, by
    their policy."""
    settle.settle(provider, facts.payment_id)
    charge = Charge.objects.filter(provider=provider, provider_payment_id=facts.payment_id).first()
    if charge is None:
        return False
    with transaction.atomic():
        order_id = (
            Order.objects.filter(payments=charge.payment_id).values_list("pk", flat=True).first()
        )
        found = lock_order(order_id) if order_id is not None else None
        locked = payments.find_charge(provider, facts.payment_id)
        if locked is None:
            return False
        known = Dispute.objects.filter(provider_dispute_id=facts.id).first()
        before = known.status if known is not None else ""
        dispute = payments.record_dispute(locked, facts)
        _open_task(locked, dispute)
        if found is not None and dispute.status != before:
            data = {"order": str(found.order.pk), "status": dispute.status}
            rows = [found.enrollments[line.enrollment_id] for line in found.lines]
            events.append([_disputed(row, data) for row in rows])
    return True


def _open_task(charge: Charge, dispute: Dispute) -> None:
    amount = f"{charge.amount.major} {charge.currency}"
    if dispute.status == "lost":
        payments.open_task(
            StaffTask.Kind.DISPUTE,
            f"{dispute.provider_dispute_id} lost",
            f"The dispute about {amount} is lost: the money is gone. Decide about access.",
            charge=charge,
        )
    elif dispute.status not in {"won", "closed"}:
        payments.open_task(
            StaffTask.Kind.DISPUTE,
            dispute.provider_dispute_id,
            f"A payment of {amount} is disputed: {dispute.reason or 'no reason given'}. Answer it "
            "at the gateway before the date given.",
            charge=charge,
            due_at=dispute.respond_by,
        )


def _disputed(enrollment: Enrollment, data: dict[str, str]) -> NewEvent:
    return NewEvent(
        type="payment.disputed",
        subject=enrollment.pk,
        person=enrollment.person_id,
        data=data,
    )
