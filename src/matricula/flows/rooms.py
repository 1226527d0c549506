"""When a waiting room is open: staff says so, or the cohort itself when seats go too fast: faster
than staff allows there, or, where staff has said nothing, than the installation does.

While it is open the cohort's seats are given by turn (`SeatCount.by_turn`), which whoever enrolls
reads together with the counts. It closes only once nobody waits in it, so that no newcomer
overtakes the line.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from matricula.catalog.models import Cohort
from matricula.kernel import events
from matricula.kernel.events import NewEvent
from matricula.seats import actions as seats
from matricula.seats import queries as seat_queries
from matricula.waitingroom import actions, queries, rules
from matricula.waitingroom.models import Line, Room

LOOK_SECONDS = 1.0
# A room that opened by itself stays open for so many quiet looks.
CALM_LOOKS = 30

# Rooms that are open or may open without staff's doing.
_MAY_CHANGE = Q(is_drop=False) & (Q(opens_above__isnull=False) | Q(opened_at__isnull=False))


@transaction.atomic
def set_room(
    cohort_id: UUID, *, is_drop: bool, opens_above: int | None, actor_id: UUID | None = None
) -> None:
    """How staff wants the cohort's waiting room: for everybody, above so many seats taken a second,
    or not at all. Opens it, or has it close once nobody waits in it."""
    _lock_cohort(cohort_id)
    room = actions.set_up(cohort_id)
    about = {"is_drop": is_drop, "opens_above": opens_above}
    if (room.is_drop, room.opens_above) != (is_drop, opens_above):
        room.is_drop, room.opens_above = is_drop, opens_above
        room.save(update_fields=["is_drop", "opens_above"])
        _tell(cohort_id, "waiting_room.changed", actor_id, about)
    if is_drop and room.opened_at is None:
        _open(room, actor_id, {})
    elif not is_drop:
        _close_if_empty(room, actor_id)


@transaction.atomic
def pause(cohort_id: UUID, is_paused: bool, *, actor_id: UUID | None = None) -> None:
    """Lets nobody in for the time being, or goes on. Tickets are taken all the while."""
    _lock_cohort(cohort_id)
    room = actions.set_up(cohort_id)
    if room.is_paused != is_paused:
        actions.pause(room, is_paused)
        type_ = "waiting_room.paused" if is_paused else "waiting_room.resumed"
        _tell(cohort_id, type_, actor_id, {})


@dataclass
class Watch:
    """Looks at the counters once a second: a room that may open by itself opens when seats go
    faster than it allows, and closes when it has been calm for a while. What it remembers is
    only a measurement; another worker makes its own."""

    _looked_at: float = 0.0
    _taken: dict[tuple[UUID, bool], int] = field(default_factory=dict)
    _elsewhere: dict[UUID, int] = field(default_factory=dict)
    _calm: dict[UUID, int] = field(default_factory=dict)

    def look(self) -> None:
        """Does nothing when the last look was a moment ago."""
        at = time.monotonic()
        seconds = at - self._looked_at
        if seconds < LOOK_SECONDS:
            return
        before, self._looked_at = self._taken, at
        rooms = list(Room.objects.filter(_MAY_CHANGE))
        self._taken = _taken(rooms)
        for room in rooms:
            key = (room.pk, room.opened_at is not None)
            now = self._taken.get(key, 0)
            self._judge(room, now - before.get(key, now), seconds)
        above: int = settings.ENVIRONMENT.rooms_open_above
        if above:
            self._look_elsewhere(above, seconds)

    def _look_elsewhere(self, above: int, seconds: float) -> None:
        before, self._elsewhere = self._elsewhere, queries.taken_without_room()
        for cohort_id, now in self._elsewhere.items():
            taken = now - before.get(cohort_id, now)
            if rules.opens_by_itself(taken, seconds, above):
                set_room(cohort_id, is_drop=False, opens_above=above)
                open_by_itself(cohort_id, round(taken / seconds))

    def _judge(self, room: Room, taken: int, seconds: float) -> None:
        above = room.opens_above
        if room.opened_at is None:
            if above is not None and rules.opens_by_itself(taken, seconds, above):
                open_by_itself(room.pk, round(taken / seconds))
            return
        is_calm = above is None or rules.is_calm(taken, seconds, above)
        self._calm[room.pk] = self._calm.get(room.pk, 0) + 1 if is_calm else 0
        if above is None or self._calm[room.pk] >= CALM_LOOKS:
            close_if_empty(room.pk)


@transaction.atomic
def open_by_itself(cohort_id: UUID, rate: int) -> None:
    """Seats went faster than staff allows without a line."""
    _lock_cohort(cohort_id)
    room = actions.set_up(cohort_id)
    if room.opened_at is None and room.opens_above is not None:
        _open(room, None, {"rate": rate})


@transaction.atomic
def close_if_empty(cohort_id: UUID) -> None:
    """Closes a room that need not be open any more, unless somebody waits in it."""
    _lock_cohort(cohort_id)
    room = actions.set_up(cohort_id)
    if not room.is_drop:
        _close_if_empty(room, None)


def _open(room: Room, actor_id: UUID | None, about: dict[str, Any]) -> None:
    actions.open_room(room)
    seats.give_by_turn(room.pk, True)
    _tell(room.pk, "waiting_room.opened", actor_id, about)


def _close_if_empty(room: Room, actor_id: UUID | None) -> None:
    if room.opened_at is None or actions.lock_line(room) > room.served_up_to:
        return
    actions.close_room(room)
    seats.give_by_turn(room.pk, False)
    _tell(room.pk, "waiting_room.closed", actor_id, {})


def _taken(rooms: Sequence[Room]) -> dict[tuple[UUID, bool], int]:
    """What was taken so far, by cohort and whether its room is open: seats, or tickets. Seats given
    back make it fall, which looks like calm."""
    ids = [room.pk for room in rooms]
    seats_taken = {
        cohort_id: count.held + count.sold
        for cohort_id, count in seat_queries.availability(ids).items()
    }
    tickets = dict(Line.objects.filter(pk__in=ids).values_list("pk", "last_number"))
    return {
        (room.pk, is_open): (tickets if is_open else seats_taken).get(room.pk, 0)
        for room in rooms
        for is_open in [room.opened_at is not None]
    }


def _lock_cohort(cohort_id: UUID) -> None:
    """Events about a cohort follow each other."""
    list(Cohort.objects.select_for_update(no_key=True).filter(pk=cohort_id).values_list("pk"))


def _tell(cohort_id: UUID, type_: str, actor_id: UUID | None, about: dict[str, Any]) -> None:
    events.append([NewEvent(type_, cohort_id, actor=actor_id, data=about)])
