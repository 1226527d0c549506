"""Those whose turn it is get their seats, in the caller's transaction and under its locks.

In a free course whoever waited is enrolled at once; in one that costs something the seat is held
and offered for a time. Whoever waits for this seat instead of another is swapped into it
(`flows/swap.py`): what they paid stays where it is, so there is nothing to offer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db import transaction

from matricula.enrollments.errors import AlreadyEnrolled
from matricula.flows import claims, overrides, swap
from matricula.flows.claims import Choice, Wish
from matricula.flows.turn import Turn
from matricula.kernel.errors import DomainError
from matricula.kernel.events import NewEvent
from matricula.seats import actions as seats
from matricula.waitlist import actions
from matricula.waitlist.line import Waiting
from matricula.waitlist.models import Offer

# Who is given a seat by what decision: it says past which rules staff let them.
Choices = Mapping[UUID, Choice]


def give(turn: Turn, served: Sequence[Waiting], choices: Choices) -> list[NewEvent]:
    """Gives them their seats, and says so. The seats are free, and nobody stands before them; at
    most one swaps (`promote.py`), so that its rows are locked in the order of the house. Whoever
    turns out not to be able to keeps the place and is told why."""
    enrolled, refused = _swap([w for w in served if w.gives_up is not None], choices)
    at_once = [w for w in served if w.gives_up is None and not turn.is_paid]
    made = enroll_now([(w.person_id, choices[w.person_id]) for w in at_once])
    enrolled |= {w.place.id: made[w.person_id] for w in at_once if w.person_id in made}
    refused |= {w.place.id: AlreadyEnrolled() for w in at_once if w.person_id not in made}
    told = pass_over(turn, served, refused)
    served = [w for w in served if w.place.id not in refused]
    offers = {w.place.id: _offers(turn, w, w.place.id in enrolled) for w in served}
    _hold(turn, served, offers)
    done = {
        w.place.id: enrolled.get(w.place.id) if not offers[w.place.id] else None for w in served
    }
    actions.serve(turn.cohort.id, done, sum(w.place.size for w in served))
    actions.note_enrolled({key: value for key, value in enrolled.items() if done[key] is None})
    return told + [_given(turn, w, enrolled.get(w.place.id), offers[w.place.id]) for w in served]


def pass_over(
    turn: Turn, looked_at: Sequence[Waiting], refused: Mapping[UUID, DomainError]
) -> list[NewEvent]:
    """Those who may not take a seat now, by place, keep it, and are told why once."""
    new = set(actions.skip(refused))
    return [
        turn.event("skipped", waiting, code=refused[waiting.place.id].code)
        for waiting in looked_at
        if waiting.place.id in new
    ]


def enroll_now(people: Sequence[tuple[UUID, Choice]]) -> dict[UUID, UUID]:
    """Enrolls each without payment, in the caller's transaction; the enrollments by person. Whoever
    has the course already is missing."""
    if not people:
        return {}
    made = claims.claim([Wish(person_id, choice) for person_id, choice in people])
    enrolled = {
        person_id: claim
        for (person_id, _), claim in zip(people, made, strict=True)
        if claim.outcome == "enrolled"
    }
    for person_id, claim in enrolled.items():
        overrides.note_use(person_id, [(claim.enrollment_id, claim.choice)])
    return {person_id: claim.enrollment_id for person_id, claim in enrolled.items()}


def _swap(
    swapping: Sequence[Waiting], choices: Choices
) -> tuple[dict[UUID, UUID], dict[UUID, DomainError]]:
    """The new enrollments, or the refusals, by place."""
    made: dict[UUID, UUID] = {}
    refused: dict[UUID, DomainError] = {}
    for waiting in swapping:
        if waiting.gives_up is None:
            continue
        try:
            with transaction.atomic():  # a refusal takes back what went before it
                choice = choices[waiting.person_id]
                record = swap.swap_in_turn(waiting.gives_up, waiting.person_id, choice)
        except DomainError as refusal:
            refused[waiting.place.id] = refusal
        else:
            made[waiting.place.id] = record.id
    return made, refused


def _offers(turn: Turn, waiting: Waiting, is_enrolled: bool) -> list[Offer]:
    """An offer for each seat of the party; who joined needs none once enrolled."""
    first = 2 if is_enrolled else 1
    return [
        actions.new_offer(waiting.place.id, number, turn.ends_at, turn.price)
        for number in range(first, waiting.place.size + 1)
    ]


def _hold(turn: Turn, served: Sequence[Waiting], offers: Mapping[UUID, Sequence[Offer]]) -> None:
    """Holds a seat for each offer. The plan counted them under the lock, so each has one."""
    wanted = [(w.person_id, offer.pk) for w in served for offer in offers[w.place.id]]
    if not wanted:
        return
    held = seats.claim(wanted, turn.cohort.id, turn.offer_seconds)
    if len(held) != len(wanted):
        raise AssertionError("a seat that was free under the lock could not be held")
    actions.make_offers([offer for w in served for offer in offers[w.place.id]])


def _given(
    turn: Turn, waiting: Waiting, enrollment_id: UUID | None, offers: Sequence[Offer]
) -> NewEvent:
    about = {} if enrollment_id is None else {"enrollment": str(enrollment_id)}
    if not offers:
        return turn.event("accepted", waiting, **about)
    named = [str(offer.pk) for offer in offers]
    ends_at = turn.ends_at.isoformat()
    cost = {"price_minor": turn.price.minor, "currency": turn.price.currency}
    return turn.event("offered", waiting, offers=named, ends_at=ends_at, **cost, **about)
