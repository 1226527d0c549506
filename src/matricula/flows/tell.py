"""People are told what happened: each event that matters to somebody becomes a message under their
bell and a mail, in their language.

Owed by the events themselves (`flows/jobs.py`), many in one job, and safe to repeat: a message's id
follows from its event. Words stand in `flows/letters`, sending in `notifications/sending.py`. An
enrollment never waits for any of this, and none of it can undo one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection
from django.utils import translation

from matricula.enrollments.models import Enrollment
from matricula.enrollments.states import Stage
from matricula.flows import issue
from matricula.flows.letters import about, enrolling, paying, waiting
from matricula.flows.letters.about import About
from matricula.flows.letters.waiting import AboutPlace
from matricula.kernel import correlation
from matricula.kernel.models import Event
from matricula.notifications import actions, sending
from matricula.notifications.actions import Saying
from matricula.notifications.letters import Letter
from matricula.notifications.models import Delivery
from matricula.orders import documents
from matricula.orders.models import Document
from matricula.payments import queries as payments
from matricula.payments.models import Refund
from matricula.payments.states import PaymentState

BATCH = 100
log = structlog.get_logger(__name__)
Fact = TypeVar("Fact", About, AboutPlace)
Write = Callable[[Fact], Letter | None]


def tell(event_seqs: Iterable[int]) -> int:
    """Says what these events mean to their people; returns how many messages were new."""
    wanted = sorted(event_seqs)
    told = 0
    for start in range(0, len(wanted), BATCH):
        events = Event.objects.filter(seq__in=wanted[start : start + BATCH]).order_by("seq")
        types = {event.id: event.type for event in events}
        _issue_papers(events)
        told += say((*_OF_TYPE[types[f.event_id]], f) for f in about.of_events(list(events)))
        told += say((*_OF_PLACE[types[f.event_id]], f) for f in waiting.of_events(list(events)))
    return told


def _issue_papers(events: Iterable[Event]) -> None:
    """All their receipts' invoices at once, rather than one by one as they are written."""
    paid = [event.data["order"] for event in events if event.type == "payment.completed"]
    issue.issue_invoices(map(UUID, paid))


def say(found: Iterable[tuple[str, Write[Fact], Fact]]) -> int:
    """Writes these letters (kind, writer, facts) and says them; returns how many were new."""
    sayings = [
        Saying(kind, fact.event_id, fact.recipient, letter, fact.correlation_id)
        for kind, write, fact in found
        if (letter := _written(fact, write)) is not None
    ]
    return actions.say(sayings)


def _written(fact: Fact, write: Write[Fact]) -> Letter | None:
    """The letter in its reader's language."""
    language = fact.person.language or settings.LANGUAGE_CODE
    with correlation.following(fact.correlation_id), translation.override(language):
        if not fact.person.is_active:
            return None
        return write(fact)


# --- which event is told as what ------------------------------------------------------------


def _confirmed(fact: About) -> Letter | None:
    # A guest has no account to open the course with: the receipt brings their link.
    return None if fact.person.guest_email else enrolling.confirmed(fact)


def _receipt(fact: About) -> Letter | None:
    if fact.order is None or not fact.order.total or not fact.is_first_line:
        return None
    return paying.receipt(fact, fact.order, issue.issue_invoice(fact.order.id))


def _payment_failed(fact: About) -> Letter | None:
    payment = payments.of_order(fact.order.id) if fact.order is not None else None
    if payment is None or not fact.is_first_line or not _is_unpaid(fact.enrollment):
        return None
    return paying.failed(fact, payment)


def _withdrawn(fact: About) -> Letter | None:
    return None if fact.order is None else paying.withdrawn(fact, fact.order)


def _refund_started(fact: About) -> Letter | None:
    refund = _refund_of(fact)
    if refund is None or fact.order is None:
        return None
    return paying.refund_started(fact, fact.order, refund)


def _refund_arrived(fact: About) -> Letter | None:
    refund = _refund_of(fact)
    if refund is None or fact.order is None:
        return None
    return paying.refund_arrived(fact, fact.order, refund, issue.issue_credit_note(refund.pk))


def _refund_of(fact: About) -> Refund | None:
    """The refund, on the first of the enrollments it concerns."""
    reference = fact.data.get("refund")
    if not reference or fact.order is None:
        return None
    refund = Refund.objects.prefetch_related("parts").get(pk=UUID(reference))
    concerned = {part.line_id for part in refund.parts.all()}
    lines = [line for line in fact.order.lines if not concerned or line.id in concerned]
    is_first = bool(lines) and lines[0].enrollment_id == fact.enrollment.pk
    return refund if is_first else None


_OF_TYPE: dict[str, tuple[str, Write[About]]] = {
    "enrollment.confirmed": ("enrollment_confirmed", _confirmed),
    "enrollment.cancelled": ("enrollment_cancelled", enrolling.cancelled),
    "enrollment.failed": ("enrollment_failed", enrolling.failed),
    "enrollment.expired": ("enrollment_expired", enrolling.expired),
    "payment.completed": ("receipt", _receipt),
    "payment.failed": ("payment_failed", _payment_failed),
    "payment.withdrawn": ("withdrawn", _withdrawn),
    "payment.refund_requested": ("refund_started", _refund_started),
    "payment.refunded": ("refund_arrived", _refund_arrived),
}
_OF_PLACE: dict[str, tuple[str, Write[AboutPlace]]] = {
    "waitlist.joined": ("waitlist_joined", waiting.joined),
    "waitlist.offered": ("waitlist_offered", waiting.offered),
    "waitlist.ending": ("waitlist_offer_ending", waiting.ending),
    "waitlist.lapsed": ("waitlist_lapsed", waiting.lapsed),
    "waitlist.skipped": ("waitlist_skipped", waiting.skipped),
}
TOLD_TYPES = (*_OF_TYPE, *_OF_PLACE)


# --- what is checked and made when the mail goes out ------------------------------------------


def _is_unpaid(enrollment: Enrollment) -> bool:
    payment = payments.of_order(enrollment.order_lines.latest("pk").order_id)
    return (
        enrollment.stage == Stage.PAYMENT_PENDING
        and payment is not None
        and payment.state == PaymentState.FAILED
    )


def _still_failed(delivery: Delivery) -> bool:
    """Whoever has paid meanwhile, or tries just now, is not told that it failed."""
    event = Event.objects.filter(id=delivery.message.event_id).first() if delivery.message else None
    row = Enrollment.objects.filter(pk=event.subject).first() if event is not None else None
    return row is not None and _is_unpaid(row)


def _print(reference: str) -> tuple[bytes, str]:
    return documents.print_pdf(Document.objects.get(pk=reference)), "application/pdf"


sending.send_only_if("payment_failed", _still_failed)
sending.attach("document", _print)


# --- what was not told ------------------------------------------------------------------------


def tell_missing(limit: int = 500) -> int:
    """Confirmations that no job has said, in case one was lost; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(_UNTOLD, [limit])
        seqs = [row[0] for row in cursor.fetchall()]
    if seqs:
        log.warning("events_not_told", count=len(seqs))
    return tell(seqs)


# Only what this installation has come to tell: events of before the room existed stay untold.
_UNTOLD = """
    SELECT e.seq FROM kernel_event e
      JOIN accounts_person p ON p.id = e.person AND p.is_active AND p.guest_email = ''
     WHERE e.type = 'enrollment.confirmed'
       AND e.at BETWEEN now() - interval '7 days' AND now() - interval '10 minutes'
       AND e.at > (SELECT min(m.created_at) FROM notifications_message m)
       AND NOT EXISTS (SELECT 1 FROM notifications_message m
                        WHERE m.event_id = e.id AND m.kind = 'enrollment_confirmed')
       AND NOT EXISTS (SELECT 1 FROM kernel_outbox o WHERE o.event_seq = e.seq)
     ORDER BY e.seq LIMIT %s
"""
