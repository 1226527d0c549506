"""What can be told: the public event types, and how one of them looks to the receiver."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from matricula.kernel import ids
from matricula.kernel.events import public_data
from matricula.kernel.ids import Prefix

TEST = "webhook.test"

TYPES: dict[str, str] = {
    "enrollment.requested": "Somebody asked for a seat.",
    "enrollment.held": "A seat is held until it is paid for.",
    "enrollment.queued": "Somebody joined the waiting room.",
    "enrollment.confirmed": "The seat is sold, and the course open.",
    "enrollment.failed": "The enrollment failed.",
    "enrollment.expired": "The hold ran out, and the seat was released.",
    "enrollment.cancelled": "It was cancelled, by the person or by staff.",
    "enrollment.refunded": "The money goes back, and the seat is released.",
    "payment.pending": "A payment was asked for.",
    "payment.processing": "The bank has agreed; the gateway confirms it.",
    "payment.completed": "The money has arrived.",
    "payment.failed": "An attempt to pay failed.",
    "payment.withdrawn": "A consumer withdrew from the contract.",
    "payment.refund_requested": "A refund was decided.",
    "payment.refund_failed": "A refund failed; staff looks into it.",
    "payment.refunded": "A refund has arrived.",
    "payment.disputed": "The bank questions a payment.",
    "access.granted": "The course is open to the person.",
    "access.revoked": "The course is closed to the person.",
    "waitlist.joined": "Somebody waits for a seat.",
    "waitlist.offered": "A free seat is held for somebody who waits.",
    "waitlist.accepted": "They took it.",
    "waitlist.lapsed": "The time for it ran out.",
    "waitlist.left": "They wait no longer.",
    "support.opened": "A conversation with support began.",
    "support.message": "Somebody wrote into it; the words are read by the API.",
    "support.closed": "It was closed.",
    "support.reopened": "Staff opened it again.",
}
# What an event stands on, by the first word of its type.
_SUBJECTS: dict[str, tuple[str, Prefix]] = {
    "enrollment": ("enrollment_id", "enr"),
    "payment": ("enrollment_id", "enr"),
    "access": ("enrollment_id", "enr"),
    "waitlist": ("entry_id", "wtl"),
    "support": ("conversation_id", "sup"),
}


def payload(
    type_: str,
    at: datetime,
    *,
    event_id: UUID,
    number: int,
    subject: UUID,
    person: UUID | None,
    data: Mapping[str, Any],
) -> dict[str, Any]:
    """The body of a webhook. `number` counts on the subject from 1 without gaps, so a receiver sees
    what it has missed. It holds ids and figures, never personal data."""
    name, prefix = _SUBJECTS[type_.partition(".")[0]]
    return {
        "type": type_,
        "timestamp": _moment(at),
        "data": {
            "event_id": ids.to_text("evt", event_id),
            "number": number,
            name: ids.to_text(prefix, subject),
            "person_id": ids.to_text("usr", person) if person else None,
            **public_data(data),
        },
    }


def test_payload(at: datetime) -> dict[str, Any]:
    """The body of a test."""
    return {"type": TEST, "timestamp": _moment(at), "data": {"message": "It works."}}


def _moment(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
