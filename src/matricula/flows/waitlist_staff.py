"""What staff does to a waitlist by hand. Each change is an event with who did it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from django.db import transaction

from matricula.enrollments import queries as enrollments
from matricula.flows import eligibility, give, promote, waitlist
from matricula.flows.turn import turn_of
from matricula.kernel import events
from matricula.kernel.errors import DomainError, IllegalState
from matricula.kernel.locks import lock_person
from matricula.seats import actions as seats
from matricula.waitlist import actions, order, queries
from matricula.waitlist.line import Waiting
from matricula.waitlist.models import Entry, PriorityGroup
from matricula.waitlist.rules import Place
from matricula.waitlist.states import EntryState


def move(entry_id: UUID, position: int, *, actor_id: UUID) -> None:
    """Puts a waiting place at this position of its list, from 1, beyond the end at the end. Where
    it stands already, nothing happened. Raises IllegalState when it does not wait any more."""

    def change(entry: Entry) -> dict[str, object]:
        spot, before = (entry.rank, entry.place), _position(entry)
        order.move(entry, position - 1)
        is_moved = (entry.rank, entry.place) != spot
        return {"from": before, "to": _position(entry)} if is_moved else {}

    _change(entry_id, actor_id, change)


def set_group(entry_id: UUID, group: PriorityGroup | None, *, actor_id: UUID) -> None:
    """Puts a waiting place into a group of priority, or out of all. Where it is in there already,
    nothing happened. Raises IllegalState."""

    def change(entry: Entry) -> dict[str, object]:
        before, after = entry.group_id, group.pk if group is not None else None
        order.set_group(entry, group)
        return {"group": {"old": before, "new": after}} if after != before else {}

    _change(entry_id, actor_id, change)


@transaction.atomic
def give_seat(entry_id: UUID, *, actor_id: UUID) -> None:
    """A free seat for this place, before its turn. The rules are asked as always. Raises their
    refusal, and IllegalState when its seats are not free, or it does not wait."""
    entry = Entry.objects.get(pk=entry_id)
    turn = turn_of(entry.cohort_id)
    if turn is None:
        raise IllegalState("Registration is over: nobody is given a seat from this list any more.")
    lock_person(entry.person_id)
    kept = enrollments.led_to([entry.replaces_id]) if entry.replaces_id is not None else {}
    seats.lock_counters([entry.cohort_id, *enrollments.cohorts_of(list(kept.values()))])
    entry.refresh_from_db()
    if entry.state != EntryState.WAITING:
        raise IllegalState("This place in the list is not waiting any more.")
    free = promote.free_seats(entry.cohort_id)
    if free is not None and free < entry.party_size:
        raise IllegalState(f"Seats wanted: {entry.party_size}. Seats free: {free}.")
    people = [entry.person_id]
    decided = eligibility.decisions(
        turn.course, entry.cohort_id, people, apart_from=list(kept.values())
    )[entry.person_id]
    if isinstance(decided, DomainError):
        raise decided
    place = Place(entry.pk, entry.party_size)
    gives_up = kept.get(entry.replaces_id) if entry.replaces_id is not None else None
    waiting = Waiting(place, entry.person_id, entry.is_counted, entry.replaces_id, gives_up)
    told = replace(turn.event("promoted", waiting), actor=actor_id)
    seats.set_queued(entry.cohort_id, False)
    given = give.give(turn, [waiting], {entry.person_id: decided})
    seats.set_queued(entry.cohort_id, actions.is_waited_for(entry.cohort_id))
    events.append([told, *given])


def remove(entry_id: UUID, *, actor_id: UUID) -> None:
    """Ends a place, with what is offered to it. Raises IllegalState when it has ended."""
    entry = Entry.objects.get(pk=entry_id)
    waitlist.leave(entry.person_id, entry_id, actor_id=actor_id)


@transaction.atomic
def _change(entry_id: UUID, actor_id: UUID, change: Callable[[Entry], dict[str, object]]) -> None:
    cohort_id = Entry.objects.values_list("cohort", flat=True).get(pk=entry_id)
    seats.lock_counters([cohort_id])
    entry = Entry.objects.get(pk=entry_id)
    if changed := change(entry):
        events.append([waitlist.event(entry, "moved", actor_id, **changed)])


def _position(entry: Entry) -> int:
    return queries.ahead(queries.of_person(entry.person_id, entry.pk)).places + 1
