"""Who is next, and what that means for parties: pure, without a clock and without the database.

The list is served in order. A party gets all its seats at once or none, so it may have to be passed
by smaller ones; what keeps it from being passed for ever:

- The seats that went past a party never exceed the seats it asks for. After that, seats that come
  free are saved for it, until it fits: at most twice its size in freed seats serves it.
- Seats are saved for a party for a day at most, so that they are not empty for long in vain. Then
  it rests for a day: seats go to whoever is next, newcomers included. After that they are saved
  again.
- A seat that fits nobody else is saved too, with the same limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

SAVED_FOR = timedelta(days=1)


@dataclass(frozen=True)
class Place:
    """A place in the list whose people may take seats now."""

    id: UUID
    size: int = 1
    passed: int = 0
    saving_since: datetime | None = None

    def is_resting(self, now: datetime) -> bool:
        """Whether seats were saved for it long enough for now."""
        since = self.saving_since
        return since is not None and since + SAVED_FOR <= now < since + 2 * SAVED_FOR


@dataclass(frozen=True)
class Plan:
    """Who gets seats, in order; how many seats went past whom; for whom the rest is saved, and
    whether only because it fitted nobody else in the part of the list that was looked at."""

    served: Sequence[UUID] = ()
    passed: dict[UUID, int] = field(default_factory=dict)
    saved_for: UUID | None = None
    fits_nobody: bool = False


def plan(line: Sequence[Place], free: int | None, now: datetime) -> Plan:
    """Shares the free seats out (None: there is no limit). `line` is in order."""
    left = free if free is not None else sum(place.size for place in line)
    served: list[UUID] = []
    passed: dict[UUID, int] = {}
    too_large: list[Place] = []
    saved_for: UUID | None = None
    for place in line:
        if left == 0:
            break
        if place.size > left:
            if not place.is_resting(now):
                too_large.append(place)
            continue
        patient = next((p for p in too_large if _has_waited(p, passed, place.size)), None)
        if patient is not None:
            saved_for = patient.id
            break
        served.append(place.id)
        left -= place.size
        passed |= {p.id: passed.get(p.id, 0) + place.size for p in too_large}
    fits_nobody = bool(left and too_large) and saved_for is None
    if fits_nobody:
        saved_for = too_large[0].id
    return Plan(served, passed, saved_for, fits_nobody)


def _has_waited(party: Place, passed: dict[UUID, int], seats: int) -> bool:
    """Whether so many seats more may not go past the party."""
    return party.passed + passed.get(party.id, 0) + seats > party.size


@dataclass(frozen=True)
class Pace:
    """How many seats the list has given away, in which time."""

    seats_given: int
    time: timedelta


ENOUGH_SEATS, ENOUGH_LISTS = 5, 3


def expected_wait(pace: Pace, seats_ahead: int, size: int) -> timedelta | None:
    """The time until so many seats have come free at this list's own pace; None while it has given
    fewer than `ENOUGH_SEATS`, of which nothing can be said honestly."""
    if pace.seats_given < ENOUGH_SEATS:
        return None
    return pace.time / pace.seats_given * (seats_ahead + size)


@dataclass(frozen=True)
class Odds:
    """In so many of the course's earlier lists, this place would have got its seats."""

    reached: int
    lists: int


def odds(earlier: Sequence[int], seats_ahead: int, size: int) -> Odds | None:
    """From the seats that each earlier list of the course gave away; None with fewer than
    `ENOUGH_LISTS`."""
    if len(earlier) < ENOUGH_LISTS:
        return None
    return Odds(sum(given >= seats_ahead + size for given in earlier), len(earlier))
