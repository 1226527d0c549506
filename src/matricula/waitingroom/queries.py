"""Reads of the waiting room. Positions are derived, never written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from matricula.waitingroom.models import Room, Ticket
from matricula.waitingroom.rules import Place
from matricula.waitingroom.states import TicketState

# Everybody up to `served_up_to` is decided, and of the others only those who left: two steps in
# indexes, however many wait.
PLACE = """
SELECT t.number,
       t.number - 1 - r.served_up_to
       - (SELECT count(*) FROM waitingroom_ticket gone
           WHERE gone.cohort_id = t.cohort_id AND gone.state = 'left'
             AND gone.number > r.served_up_to AND gone.number < t.number) AS ahead,
       t.taken_at, r.is_paused, r.pace, r.moved_at
  FROM waitingroom_ticket t
  JOIN waitingroom_room r ON r.cohort_id = t.cohort_id
 WHERE t.enrollment_id = %s AND t.state = 'waiting' AND t.number > r.served_up_to
"""


@dataclass(frozen=True)
class Crowd:
    """How many wait in a room, and since when the first of them does."""

    waiting: int
    oldest: datetime | None


EMPTY = Crowd(0, None)


@dataclass(frozen=True)
class Arrival:
    """A ticket whose turn has come, and whose it is."""

    number: int
    enrollment_id: UUID
    person_id: UUID


def place_of(enrollment_id: UUID) -> Place | None:
    """Where the enrollment's ticket stands; None when it does not wait. The caller has checked
    whose it is."""
    with connection.cursor() as cursor:
        cursor.execute(PLACE, [enrollment_id])
        row = cursor.fetchone()
    return None if row is None else Place(*row)


def refusal_code(enrollment_id: UUID) -> str:
    """Why the enrollment's ticket was refused; empty when it was not."""
    codes = Ticket.objects.filter(enrollment=enrollment_id).values_list("code", flat=True)
    return codes.first() or ""


def was_asked_with(enrollment_id: UUID, key: str) -> bool:
    """Whether the enrollment came of a ticket that was asked for with this Idempotency-Key."""
    return Ticket.objects.filter(enrollment=enrollment_id, key=key).exists()


def admitted_among(enrollment_ids: Iterable[UUID]) -> set[UUID]:
    """Those of the enrollments that came in by a ticket."""
    rows = Ticket.objects.filter(pk__in=list(enrollment_ids), state=TicketState.ADMITTED)
    return set(rows.values_list("pk", flat=True))


def with_crowds(rooms: QuerySet[Room]) -> QuerySet[Any]:
    """The rooms with `waiting`, how many do, and `oldest`, since when the first of them does."""
    ahead = Ticket.objects.filter(line=OuterRef("pk"), number__gt=OuterRef("served_up_to"))
    gone = ahead.filter(state=TicketState.LEFT).order_by().values("line").annotate(n=Count("*"))
    first = ahead.filter(state=TicketState.WAITING).order_by("number")
    return rooms.annotate(
        waiting=Coalesce(F("cohort__line__last_number"), 0)
        - F("served_up_to")
        - Coalesce(Subquery(gone.values("n")), 0),
        oldest=Subquery(first.values("taken_at")[:1]),
    )


def crowds(cohort_ids: Iterable[UUID]) -> dict[UUID, Crowd]:
    """Who waits in these cohorts' rooms; a cohort without a room is missing from the answer."""
    rows = with_crowds(Room.objects.filter(pk__in=list(cohort_ids)))
    return {
        row["pk"]: Crowd(row["waiting"], row["oldest"])
        for row in rows.values("pk", "waiting", "oldest")
    }


def to_serve() -> list[UUID]:
    """The cohorts in whose lines somebody may wait, and that are not paused."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.cohort_id FROM waitingroom_room r JOIN waitingroom_line l USING (cohort_id)"
            " WHERE NOT r.is_paused AND l.last_number > r.served_up_to ORDER BY r.cohort_id"
        )
        return [row[0] for row in cursor.fetchall()]


def taken_without_room() -> dict[UUID, int]:
    """How many seats are taken in each cohort for which staff has set up no room."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.cohort_id, s.held + s.sold FROM seats_seatcount s"
            " LEFT JOIN waitingroom_room r USING (cohort_id) WHERE r.cohort_id IS NULL"
        )
        return dict(cursor.fetchall())


def next_in_line(room: Room, limit: int) -> tuple[list[Arrival], int]:
    """The next so many tickets of a locked room that still wait, in order; and the number up to
    which the line is served once they are."""
    rows = Ticket.objects.filter(line=room.pk, number__gt=room.served_up_to).order_by("number")
    found = list(
        rows.values_list("number", "enrollment_id", "enrollment__person_id", "state")[:limit]
    )
    waiting = [
        Arrival(number, enrollment_id, person_id)
        for number, enrollment_id, person_id, state in found
        if state == TicketState.WAITING
    ]
    return waiting, found[-1][0] if found else room.served_up_to
