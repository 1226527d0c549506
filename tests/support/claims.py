"""The SQL functions of seats and enrollments, called with names instead of bare arrays.

They work with a cursor of Django's connection and with one of psycopg alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from psycopg.types.json import Jsonb

from matricula.kernel import ids


class Cursor(Protocol):
    """What both kinds of cursor can do."""

    def execute(self, query: Any, params: Any = ..., /) -> Any: ...

    def fetchall(self) -> Any: ...


@dataclass(frozen=True)
class Wish:
    """One request of `enroll_people`. Without `hold_seconds` the seat is sold at once."""

    person: UUID
    course: UUID
    cohort: UUID
    hold_seconds: int | None = None
    key: str | None = None
    fingerprint: str = "the request"
    enrollment: UUID = field(default_factory=ids.new_id)
    access_days: int | None = None


class Outcome(NamedTuple):
    """What `enroll_people` answers."""

    ord: int
    outcome: str
    enrollment: UUID | None
    stage: str | None
    hold_expires_at: datetime | None


class Claimed(NamedTuple):
    """What `claim_seats` answers."""

    ord: int
    outcome: str
    hold: UUID | None
    expires_at: datetime | None


def enroll_people(cursor: Cursor, wishes: Sequence[Wish]) -> list[Outcome]:
    """One call for all the wishes."""
    cursor.execute(
        "SELECT * FROM enroll_people(%s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::int[],"
        " %s::int[], %s::jsonb[], %s::text[], %s::text[], %s::text[], %s::text[])",
        [
            [wish.person for wish in wishes],
            [wish.course for wish in wishes],
            [wish.cohort for wish in wishes],
            [wish.enrollment for wish in wishes],
            [wish.hold_seconds for wish in wishes],
            [wish.access_days for wish in wishes],
            [Jsonb({}) for _ in wishes],
            ["" for _ in wishes],
            [wish.key for wish in wishes],
            [wish.fingerprint if wish.key else None for wish in wishes],
            ["the answer" if wish.key else None for wish in wishes],
        ],
    )
    return [Outcome(*row) for row in cursor.fetchall()]


def claim_seats(
    cursor: Cursor, claims: Iterable[tuple[UUID, UUID, UUID, int | None]]
) -> list[Claimed]:
    """One call for all the claims: person, cohort, key, seconds to hold."""
    persons, cohorts, keys, seconds = (list(column) for column in zip(*claims, strict=True))
    cursor.execute(
        "SELECT * FROM claim_seats(%s::uuid[], %s::uuid[], %s::uuid[], %s::int[])",
        [persons, cohorts, keys, seconds],
    )
    return [Claimed(*row) for row in cursor.fetchall()]


def outcomes(answers: Iterable[Outcome | Claimed]) -> list[str]:
    """Only what became of each."""
    return [answer.outcome for answer in answers]
