"""People are told what happened: each event that matters to somebody becomes a message under their
bell and a mail, in their language.

Owed by the events themselves (`flows/jobs.py`), many at a time, and safe to repeat: a message's id
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
from matricula.kernel import clock, correlation, failures
from matricula.kernel.failures import WorkQueue
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
from matricula.waitingroom import queries as waitingroom

BATCH = 100
log = structlog.get_logger(__name__)
Fact = TypeVar("Fact", About, AboutPlace)
Write = Callable[[Fact], Letter | None]


def tell(event_seqs: Iterable[int]) -> int:
    """Says what these events mean to their people; returns how many messages were new."""
    wanted = sorted(event_seqs)
    told = 0
    for start in range(0, len(wanted), BATCH):
        rows = Event.objects.filter(seq__in=wanted[start : start + BATCH]).order_by("seq")
        events = _worth_telling(rows)
        types = {event.id: event.type for event in events}
        _issue_papers(events)
        told += say((*_OF_TYPE[types[f.event_id]], f) for f in about.of_events(events))
        told += say((*_OF_PLACE[types[f.event_id]], f) for f in waiting.of_events(events))
    return told


def _worth_telling(rows: Iterable[Event]) -> list[Event]:
    """Without the seats that their owners took a moment ago: who waited in line may be away when a
    seat is held for them, everybody else stands in the checkout."""
    events = list(rows)
    held = {event.subject for event in events if event.type == "enrollment.held"}
    by_turn = waitingroom.admitted_among(held) if held else set()
    return [e for e in events if e.type != "enrollment.held" or e.subject in by_turn]


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


def _turn_came(fact: About) -> Letter | None:
    return enrolling.turn_came(fact) if fact.enrollment.stage == Stage.VALIDATED else None


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
    "enrollment.held": ("turn_came", _turn_came),
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
    row = _enrollment_of(delivery)
    return row is not None and _is_unpaid(row)


def _still_held(delivery: Delivery) -> bool:
    """Whoever has gone on to the checkout, or let the time run out, is not told of the turn."""
    row = _enrollment_of(delivery)
    return (
        row is not None
        and row.stage == Stage.VALIDATED
        and row.hold_expires_at is not None
        and row.hold_expires_at > clock.now()
    )


def _enrollment_of(delivery: Delivery) -> Enrollment | None:
    """The enrollment that a mail's event is about."""
    event = Event.objects.filter(id=delivery.message.event_id).first() if delivery.message else None
    return Enrollment.objects.filter(pk=event.subject).first() if event is not None else None


def _print(reference: str) -> tuple[bytes, str]:
    return documents.print_pdf(Document.objects.get(pk=reference)), "application/pdf"


sending.send_only_if("payment_failed", _still_failed)
sending.send_only_if("turn_came", _still_held)
sending.attach("document", _print)


# --- what was not told ------------------------------------------------------------------------


def tell_missing(limit: int = 500) -> int:
    """Confirmations that no job has said, in case one was lost; returns how many."""
    with connection.cursor() as cursor:
        held_back = list(map(int, failures.held_back(UNTOLD.name)))
        cursor.execute(_UNTOLD, [held_back, limit])
        seqs = [row[0] for row in cursor.fetchall()]
    if seqs:
        log.warning("events_not_told", count=len(seqs))
    return sum(failures.run_each(UNTOLD.name, seqs, lambda seq: tell([seq])))


UNTOLD = failures.register(WorkQueue(name="lost_messages", title="Lost messages"))


# Only what this installation has come to tell: events of before the room existed stay untold.
_UNTOLD = """
    SELECT e.seq FROM kernel_event e
      JOIN accounts_person p ON p.id = e.person AND p.is_active AND p.guest_email = ''
     WHERE e.type = 'enrollment.confirmed'
       AND e.at BETWEEN now() - interval '7 days' AND now() - interval '10 minutes'
       AND e.at > (SELECT min(m.created_at) FROM notifications_message m)
       AND NOT EXISTS (SELECT 1 FROM notifications_message m
                        WHERE m.event_id = e.id AND m.kind = 'enrollment_confirmed')
       AND e.seq <> ALL (%s::bigint[])
       AND NOT EXISTS (SELECT 1 FROM kernel_outbox o WHERE o.event_seq = e.seq)
       AND NOT EXISTS (SELECT 1 FROM kernel_effect f WHERE f.event_seq = e.seq)
     ORDER BY e.seq LIMIT %s
"""
