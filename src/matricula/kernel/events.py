"""The event log: append what happened, read it back per subject.

One table serves live status, audit, messages, outgoing webhooks and analytics. An event carries
ids and figures, never names or addresses, so that a person can be erased without rewriting it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from psycopg.types.json import Jsonb

from matricula.kernel import correlation
from matricula.kernel.models import Event


@dataclass(frozen=True)
class NewEvent:
    """An event to append. `actor` is empty when the system itself acts."""

    type: str
    subject: UUID
    person: UUID | None = None
    actor: UUID | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RecordedEvent:
    """An event as it stands in the log. `number` counts on its subject, from 1, without gaps."""

    id: UUID
    number: int
    type: str
    at: datetime
    data: Mapping[str, Any]


def append(events: Sequence[NewEvent]) -> None:
    """Appends the events, and owes their effects, in the caller's transaction.

    The caller holds the lock of each subject's row.
    """
    if not events:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT append_events(%s::text[], %s::uuid[], %s::uuid[], %s::uuid[],"
            " %s::text[], %s::jsonb[])",
            [
                [event.type for event in events],
                [event.subject for event in events],
                [event.person for event in events],
                [event.actor for event in events],
                [correlation.current()] * len(events),
                [Jsonb(dict(event.data)) for event in events],
            ],
        )


def of_subject(subject: UUID, *, after: int = 0, limit: int = 200) -> list[RecordedEvent]:
    """The events of one subject numbered above `after`, in order."""
    rows = Event.objects.filter(subject=subject, subject_seq__gt=after).order_by("subject_seq")
    return [
        RecordedEvent(id=row.id, number=row.subject_seq, type=row.type, at=row.at, data=row.data)
        for row in rows[:limit]
    ]
