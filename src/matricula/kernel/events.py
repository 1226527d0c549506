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

from matricula.kernel import correlation, ids
from matricula.kernel.models import Event

# Members of an event's data that are ids: UUIDs in the log, TypeIDs outside.
_ID_MEMBERS: dict[str, ids.Prefix] = {
    "course": "crs",
    "cohort": "coh",
    "order": "ord",
    "payment": "pay",
    "refund": "rfd",
    "enrollment": "enr",
    "offer": "off",
    "offers": "off",
}


@dataclass(frozen=True)
class NewEvent:
    """An event to append. `actor` is empty when the system itself acts, and `correlation_id` when
    it is the current one."""

    type: str
    subject: UUID
    person: UUID | None = None
    actor: UUID | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    correlation_id: str | None = None


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
    current = correlation.current()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT append_events(%s::text[], %s::uuid[], %s::uuid[], %s::uuid[],"
            " %s::text[], %s::jsonb[])",
            [
                [event.type for event in events],
                [event.subject for event in events],
                [event.person for event in events],
                [event.actor for event in events],
                [
                    current if event.correlation_id is None else event.correlation_id
                    for event in events
                ],
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


# The new events of many subjects at once: pairs of a subject and the last number known of it, and
# how many of each at most. A row a time for `recorded`; in order of number within each subject.
# Per subject only: whoever appends holds the subject's row, so a number is never committed before
# the one below it. Across subjects that does not hold, and a late commit would be missed.
OF_SUBJECTS = """
SELECT new.subject, new.id, new.subject_seq, new.type, new.at, new.data
  FROM unnest(%s::uuid[], %s::int[]) AS known(subject, number)
 CROSS JOIN LATERAL (
       SELECT e.subject, e.id, e.subject_seq, e.type, e.at, e.data FROM kernel_event e
        WHERE e.subject = known.subject AND e.subject_seq > known.number
        ORDER BY e.subject_seq LIMIT %s) new
"""


def recorded(
    id_: UUID, number: int, type_: str, at: datetime, data: Mapping[str, Any]
) -> RecordedEvent:
    """The event in a row of `OF_SUBJECTS`, which begins with its subject."""
    return RecordedEvent(id=id_, number=number, type=type_, at=at, data=data)


def public_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """An event's data as it is told outside: its ids as TypeIDs."""
    return {name: _outside(name, value) for name, value in data.items()}


def _outside(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_outside(name, part) for part in value]
    prefix = _ID_MEMBERS.get(name)
    if prefix is None or not isinstance(value, str):
        return value
    try:
        return ids.to_text(prefix, UUID(value))
    except ValueError:  # another's id, like a gateway's
        return value
