"""Disputes: the bank of a payer questions a payment. Recorded as the gateway has them, and staff is
asked to act; what a lost one means for access is theirs to decide.

A webhook is only a hint that there is something to fetch, as with payments. What a lost dispute
took can be refunded no more, unless the dispute is won after all.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from django.db import transaction

from matricula.flows import refund, settle
from matricula.flows.locked import LockedOrder
from matricula.kernel import clock, events
from matricula.kernel.connections import release_connection
from matricula.kernel.events import NewEvent
from matricula.payments import actions as payments
from matricula.payments import gateways
from matricula.payments.actions import DisputeNews
from matricula.payments.models import Charge, Dispute, StaffTask
from matricula.payments.port import DisputeFacts, Notice


def handle(provider: str, notice: Notice) -> None:
    """Fetches the dispute that a notice speaks of and records it. Where it cannot be read which,
    staff looks at the gateway.

    Raises what `payments.errors` says of a gateway that cannot be asked.
    """
    if not notice.dispute_id:
        payments.open_task(
            StaffTask.Kind.GATEWAY,
            f"dispute {notice.event_id}"[:80],
            f"A webhook about a dispute ({notice.type}) could not be read. Look for new disputes "
            "at the gateway.",
        )
        return
    fetched_at = clock.now()
    release_connection()
    facts = gateways.provider(provider).fetch_dispute(notice.dispute_id)
    if notice.is_action_required and facts.status == "open":
        facts = replace(facts, status="action_required")
    settle.settle(provider, facts.payment_id)
    record(provider, facts, fetched_at, is_asked_again=notice.is_action_required)


@transaction.atomic
def record(
    provider: str, facts: DisputeFacts, fetched_at: datetime, *, is_asked_again: bool = False
) -> None:
    """Records a dispute as the gateway had it at `fetched_at`: older facts and moves that lead
    back change nothing. `is_asked_again`: the gateway has asked for an answer just now."""
    rows = Charge.objects.filter(provider=provider, provider_payment_id=facts.payment_id)
    charge = rows.first()
    if charge is None:
        _report_unknown_payment(facts)
        return
    found = refund.lock_order_of(charge)
    charge = rows.select_for_update().get()
    news = payments.record_dispute(charge, facts, fetched_at)
    if news is None:
        dispute = Dispute.objects.get(provider_dispute_id=facts.id)
        if is_asked_again and dispute.status == "action_required":
            _ask_staff(charge, DisputeNews(dispute, "action_required"))
        return
    _ask_staff(charge, news)
    if found is not None:
        events.append(_told(found, news.dispute))


def _report_unknown_payment(facts: DisputeFacts) -> None:
    payments.open_task(
        StaffTask.Kind.DISPUTE,
        facts.id,
        f"{facts.amount.major} {facts.amount.currency} of the payment {facts.payment_id} are "
        "disputed, which our books do not have. Answer it at the gateway.",
        due_at=facts.respond_by,
    )


def _ask_staff(charge: Charge, news: DisputeNews) -> None:
    """Says what has happened. Where staff must act and no task is open, a new one is opened."""
    dispute = news.dispute
    kind, cause = StaffTask.Kind.DISPUTE, dispute.provider_dispute_id
    detail = _detail(charge, news)
    is_for_staff = dispute.status in {"open", "action_required", "lost"} or news.before == "lost"
    if is_for_staff:
        is_answered = dispute.status in {"won", "lost"}
        due_at = None if is_answered else dispute.respond_by
        payments.open_next_task(kind, cause, detail, charge=charge, due_at=due_at)
    else:
        payments.update_open_tasks(kind, cause, detail)


def _detail(charge: Charge, news: DisputeNews) -> str:
    dispute = news.dispute
    amount = f"{dispute.amount.major} {dispute.currency}"
    of_payment = f"{amount} of a payment of {charge.amount.major} {charge.currency}"
    if dispute.status == "won" and news.before == "lost":
        return (
            f"The dispute of {of_payment} was lost and is won after all: the money is back, and "
            "can be refunded again. Decide about access."
        )
    why = dispute.reason or "no reason given"
    said = {
        "open": f"is open: {why}. Answer it at the gateway before the date given.",
        "action_required": "needs another answer: the bank asks for more. Answer it there.",
        "under_review": "is under review: the bank decides. Nothing is to be done until then.",
        "lost": "is lost: the money is gone. Decide about access.",
        "won": "is won: the money stays. Nothing is left to do.",
        "closed": "is closed. Nothing is left to do.",
    }
    return f"The dispute of {of_payment} {said[dispute.status]}"


def _told(found: LockedOrder, dispute: Dispute) -> list[NewEvent]:
    data = {"order": str(found.order.pk), "status": dispute.status}
    rows = [found.enrollment_of(line) for line in found.lines]
    return [
        NewEvent(type="payment.disputed", subject=row.pk, person=row.person_id, data=data)
        for row in rows
    ]
