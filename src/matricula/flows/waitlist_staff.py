"""What staff does to a waitlist by hand. Each change is an event with who did it."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.db import transaction

from matricula.flows import promote, waitlist
from matricula.kernel import events
from matricula.seats import actions as seats
from matricula.waitlist import actions, queries
from matricula.waitlist.models import Entry, PriorityGroup


def move(entry_id: UUID, position: int, *, actor_id: UUID) -> None:
    """Puts a waiting place at this position of its list, from 1, beyond the end at the end. Raises
    IllegalState when it does not wait any more."""

    def change(entry: Entry) -> dict[str, object]:
        before = queries.ahead(queries.of_person(entry.person_id, entry.pk)).places + 1
        actions.move(entry, position - 1)
        return {"from": before, "to": position}

    _change(entry_id, actor_id, change)


def set_group(entry_id: UUID, group: PriorityGroup | None, *, actor_id: UUID) -> None:
    """Puts a waiting place into a group of priority, or out of all. Raises IllegalState."""

    def change(entry: Entry) -> dict[str, object]:
        before = entry.group_id
        actions.set_group(entry, group)
        return {"group": {"old": before, "new": group.pk if group is not None else None}}

    _change(entry_id, actor_id, change)


def give_seat(entry_id: UUID, *, actor_id: UUID) -> None:
    """A free seat for this place, before its turn. The rules are asked as always. Raises their
    refusal, and IllegalState when there is no seat, or the place does not wait."""
    promote.serve_by_hand(Entry.objects.get(pk=entry_id), actor_id)


def remove(entry_id: UUID, *, actor_id: UUID) -> None:
    """Ends a place, with what is offered to it. Raises IllegalState when it has ended."""
    entry = Entry.objects.get(pk=entry_id)
    waitlist.leave(entry.person_id, entry_id, actor_id=actor_id)


@transaction.atomic
def _change(entry_id: UUID, actor_id: UUID, change: Callable[[Entry], dict[str, object]]) -> None:
    cohort_id = Entry.objects.values_list("cohort", flat=True).get(pk=entry_id)
    seats.lock_counters([cohort_id])
    entry = Entry.objects.get(pk=entry_id)
    events.append([waitlist.event(entry, "moved", actor_id, **change(entry))])
