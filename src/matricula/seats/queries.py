"""Reads of the seat counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from matricula.seats.models import Hold
from matricula.seats.states import HoldState

_AVAILABILITY = """
SELECT cohort_id, capacity, held, sold, by_turn, queued
  FROM seats_seatcount WHERE cohort_id = ANY (%s::uuid[])
"""


@dataclass(frozen=True)
class Availability:
    """The seats of one cohort. `capacity`, `free` and `left` are None when there is no limit.

    `free` seats are nobody's yet; `left` is what of them a newcomer can have: nothing, while people
    are `queued` for the cohort. `by_turn`: newcomers take a ticket of the waiting room instead of a
    seat."""

    capacity: int | None
    held: int
    sold: int
    by_turn: bool = False
    queued: bool = False

    @property
    def free(self) -> int | None:
        return None if self.capacity is None else max(0, self.capacity - self.held - self.sold)

    @property
    def left(self) -> int | None:
        return 0 if self.queued else self.free

    @property
    def is_full(self) -> bool:
        return self.left == 0


NO_SEATS = Availability(capacity=0, held=0, sold=0)


def held_since(key: UUID) -> datetime | None:
    """Since when a seat is held under the key; None when none is."""
    rows = Hold.objects.filter(key=key, state=HoldState.HELD)
    return rows.values_list("created_at", flat=True).first()


def availability(cohort_ids: Iterable[UUID]) -> dict[UUID, Availability]:
    """The seats of these cohorts; a cohort without a counter is missing from the answer."""
    with connection.cursor() as cursor:  # read at every enrollment: as SQL
        cursor.execute(_AVAILABILITY, [list(cohort_ids)])
        return {cohort_id: Availability(*seats) for cohort_id, *seats in cursor.fetchall()}
