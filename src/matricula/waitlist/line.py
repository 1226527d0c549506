"""Who is next in a list, and who stands in one that they wanted to leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Q

from matricula.waitlist.models import Entry
from matricula.waitlist.rules import Place
from matricula.waitlist.states import EntryState

# How long somebody who was passed over keeps the reason before it is looked at again.
LOOKED_AT_AGAIN_AFTER = timedelta(minutes=5)


@dataclass(frozen=True)
class Waiting:
    """A place whose turn may have come. `replaces` is the enrollment that its person wants to swap
    for the seat, `gives_up` what has become of that, if there still is anything to give up."""

    place: Place
    person_id: UUID
    is_counted: bool
    replaces: UUID | None = None
    gives_up: UUID | None = None


def line_of(cohort_id: UUID, limit: int, at: datetime) -> list[Waiting]:
    """The first places in order. Those passed over a moment ago are left out, and come again."""
    rows = Entry.objects.filter(
        Q(is_counted=True) | Q(skipped_at=None) | Q(skipped_at__lt=at - LOOKED_AT_AGAIN_AFTER),
        cohort=cohort_id,
        state=EntryState.WAITING,
    ).order_by("rank", "place", "pk")
    wanted = ("id", "party_size", "passed", "saving_since", "person_id", "is_counted", "replaces")
    return [
        Waiting(Place(*place), person_id, is_counted, replaces)
        for *place, person_id, is_counted, replaces in rows.values_list(*wanted)[:limit]
    ]


# Whoever wanted to leave other lists once they are in one, and is in: their other open places, with
# the place that got the seat. What was joined after that stays.
_TO_LEAVE = """
SELECT e.id, f.id
  FROM waitlist_entry f
  JOIN enrollments_enrollment n ON n.id = f.enrollment_id AND n.stage = 'confirmed'
  JOIN waitlist_entry e ON e.person_id = f.person_id AND e.id <> f.id
   AND e.state IN ('waiting', 'offered') AND e.enrollment_id IS NULL
   AND e.joined_at <= coalesce(f.ended_at, e.joined_at)
 WHERE f.leaves_others
"""


def to_leave(entry_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Which of these places are to be left because their people are in by another, with that."""
    if not entry_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(f"{_TO_LEAVE} AND e.id = ANY (%s::uuid[])", [list(entry_ids)])
        return dict(cursor.fetchall())


def all_to_leave(since: datetime, limit: int) -> list[tuple[UUID, UUID]]:
    """The same of all places, because of others that got their seat since then or just now."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"{_TO_LEAVE} AND (f.ended_at IS NULL OR f.ended_at >= %s) LIMIT %s", [since, limit]
        )
        return list(cursor.fetchall())
