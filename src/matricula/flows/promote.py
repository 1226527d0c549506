"""A seat comes free, and the next who wait get it.

Owed by the transaction that freed it: `release_seats` and `set_capacity` of the seats room write
an event `seats.freed` when people queue for the cohort, whoever called them (cancelling,
refunding, expiry, a lapsed offer, more seats). From then until here newcomers are refused under the
counter row's lock (`queued`). A sweep finds what a lost job would have left.

Read without locks, decide by the same rules that everybody meets (`flows/eligibility.py`), then
lock the people and the counter, read the list again, and serve it in order as far as it is what was
decided upon (`waitlist/rules.py` says who is next). A free course is enrolled in at once; for one
that costs something the seat is held and offered for a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from matricula.catalog import queries as catalog
from matricula.catalog.models import CourseStatus
from matricula.catalog.queries import CohortPlan, CoursePlan
from matricula.catalog.rules import window
from matricula.enrollments.errors import AlreadyEnrolled
from matricula.flows import claims, eligibility
from matricula.flows import offer as offering
from matricula.flows.claims import Choice, Wish
from matricula.kernel import clock, events
from matricula.kernel.errors import DomainError, IllegalState, NotFound
from matricula.kernel.events import NewEvent
from matricula.kernel.locks import lock_people
from matricula.seats import actions as seats
from matricula.seats import queries as seat_counts
from matricula.seats.queries import NO_SEATS
from matricula.waitlist import actions, queries, rules
from matricula.waitlist.models import Entry, Offer
from matricula.waitlist.queries import Waiting
from matricula.waitlist.rules import SAVED_FOR, Place, Plan
from matricula.waitlist.states import EntryState

BATCH = 100
DEEPEST = 2_000
MOST_ROUNDS = 1_000
SWEPT = 200

# Seats that wait for a queue, queues that stand though their time is over, and people who wait
# though nobody keeps a seat for them.
_DUE = """
SELECT q.cohort_id
  FROM waitlist_queue q
  JOIN seats_seatcount s ON s.cohort_id = q.cohort_id
  JOIN catalog_cohort h ON h.id = q.cohort_id
 WHERE (q.length > 0 OR s.queued)
   AND CASE WHEN least(h.closes_at, h.starts_at) <= %(now)s THEN s.queued
            WHEN s.queued THEN s.capacity IS NULL OR s.held + s.sold < s.capacity
            ELSE EXISTS (SELECT 1 FROM waitlist_entry e
                          WHERE e.cohort_id = q.cohort_id AND e.state = 'waiting'
                            AND (e.is_counted
                                 OR e.saving_since <= %(rested)s
                                 OR (s.capacity IS NULL OR s.held + s.sold < s.capacity)
                                    AND (e.skipped_at IS NULL OR e.skipped_at < %(again)s)))
       END
 ORDER BY q.looked_at NULLS FIRST
 LIMIT %(limit)s
"""


@dataclass(frozen=True)
class _Turn:
    """One list whose turn it is. `offer_seconds` is None when seats are given at once."""

    course: CoursePlan
    cohort: CohortPlan
    at: datetime
    is_paid: bool
    offer_seconds: int

    @property
    def ends_at(self) -> datetime:
        return self.at + timedelta(seconds=self.offer_seconds)


def promote(cohort_id: UUID) -> int:
    """Gives the cohort's free seats to those who wait, in bounded transactions; returns how many
    places in the list were served. Repeating it changes nothing."""
    served, depth = 0, BATCH
    for _ in range(MOST_ROUNDS):
        done = _round(cohort_id, depth)
        served += done.served
        if done.look_deeper and depth < DEEPEST:
            depth = min(DEEPEST, depth * 5)
        elif not done.is_more:
            break
    return served


def sweep() -> int:
    """Looks at every list whose turn it may be; returns how many places were served."""
    now = clock.now()
    moments: dict[str, Any] = {
        "now": now,
        "rested": now - 2 * SAVED_FOR,
        "again": now - queries.LOOKED_AT_AGAIN_AFTER,
        "limit": SWEPT,
    }
    with connection.cursor() as cursor:
        cursor.execute(_DUE, moments)
        due = [row[0] for row in cursor.fetchall()]
    return sum(promote(cohort_id) for cohort_id in due)


def is_quiet(at: datetime) -> bool:
    """Whether nobody is offered a seat at this moment: they would sleep while its time runs."""
    quiet = settings.ENVIRONMENT.waitlist.quiet_hours
    if quiet is None:
        return False
    begin, end = quiet
    local = at.astimezone(settings.ENVIRONMENT.waitlist.time_zone).time()
    return begin <= local < end if begin < end else local >= begin or local < end


@dataclass(frozen=True)
class _Done:
    """What one transaction did, whether there may be more to do, and whether somebody whom a free
    seat fits may stand further back than was looked."""

    served: int = 0
    is_more: bool = False
    look_deeper: bool = False


def _round(cohort_id: UUID, depth: int) -> _Done:
    """One transaction's worth, from the first `depth` places."""
    turn = _turn(cohort_id)
    if turn is None or (turn.is_paid and is_quiet(turn.at)):
        _look_away(cohort_id, is_over=turn is None)
        return _Done()
    refusals: Mapping[UUID, DomainError | None] = {}
    if _free(cohort_id) != 0:
        people = [waiting.person_id for waiting in queries.line(cohort_id, depth, turn.at)]
        refusals = eligibility.refusals(turn.course, cohort_id, people) if people else {}
    return _serve(turn, depth, refusals)


def _free(cohort_id: UUID) -> int | None:
    return seat_counts.availability([cohort_id]).get(cohort_id, NO_SEATS).free


def _turn(cohort_id: UUID) -> _Turn | None:
    """What the list's turn is about; None when its time is over."""
    at = clock.now()
    try:
        course = catalog.course_of_cohort(cohort_id)
    except NotFound:
        return None
    cohort = next(plan for plan in course.cohorts if plan.id == cohort_id)
    seconds = _offer_seconds(cohort, at)
    is_open = window(cohort.opens_at, stops_at(cohort), at) == "open"
    if course.status != CourseStatus.PUBLISHED or not is_open or seconds < 1:
        return None
    return _Turn(course, cohort, at, offering.is_paid(course, at), seconds)


def stops_at(cohort: CohortPlan) -> datetime | None:
    """The cohort's deadline or start, whichever comes first: nobody is promoted after it."""
    return min(filter(None, [cohort.closes_at, cohort.starts_at]), default=None)


def _offer_seconds(cohort: CohortPlan, at: datetime) -> int:
    hours = queries.queue(cohort.id).offer_hours or settings.ENVIRONMENT.waitlist.offer_hours
    ends = [at + timedelta(hours=hours), *filter(None, [stops_at(cohort)])]
    return int((min(ends) - at).total_seconds())


@transaction.atomic
def _look_away(cohort_id: UUID, *, is_over: bool) -> None:
    """Nobody is served now. Once its time is over the queue keeps no seat any more."""
    seats.lock_counters([cohort_id])
    seats.set_queued(cohort_id, not is_over and actions.is_waited_for(cohort_id))
    actions.looked(cohort_id)


@transaction.atomic
def _serve(turn: _Turn, depth: int, refusals: Mapping[UUID, DomainError | None]) -> _Done:
    cohort_id = turn.cohort.id
    lock_people(refusals)
    seats.lock_counters([cohort_id])
    line = queries.line(cohort_id, depth, turn.at)
    # As far as the list still is what was decided upon; whoever came in between is next time's.
    known = list(takewhile(lambda waiting: waiting.person_id in refusals, line))
    told = _pass_over(turn, known, refusals)
    fit = [waiting for waiting in known if refusals[waiting.person_id] is None]
    plan = rules.plan(_places(fit, turn.at), _free(cohort_id), turn.at)
    is_short = plan.fits_nobody and len(line) == depth < DEEPEST
    if is_short:
        plan = replace(plan, saved_for=None)
    _note(turn, fit, plan)
    seats.set_queued(cohort_id, False)  # those who queue don't stand behind themselves
    told += _give(turn, [waiting for waiting in fit if waiting.place.id in set(plan.served)])
    seats.set_queued(cohort_id, actions.is_waited_for(cohort_id))
    actions.looked(cohort_id)
    events.append(told)
    is_progress = bool(plan.served) or len(fit) < len(known)
    is_left = _free(cohort_id) != 0 and plan.saved_for is None
    return _Done(len(plan.served), is_progress and is_left, is_short)


def _pass_over(
    turn: _Turn, known: Sequence[Waiting], refusals: Mapping[UUID, DomainError | None]
) -> list[NewEvent]:
    """Those who may not take a seat now keep their place, and are told why once."""
    refused = {w.place.id: why for w in known if (why := refusals[w.person_id]) is not None}
    new = set(actions.skip(refused))
    return [
        _event(turn, "skipped", waiting, code=refused[waiting.place.id].code)
        for waiting in known
        if waiting.place.id in new
    ]


def _places(fit: Sequence[Waiting], at: datetime) -> list[Place]:
    return [
        replace(w.place, saving_since=None) if _has_rested(w.place, at) else w.place for w in fit
    ]


def _has_rested(place: Place, at: datetime) -> bool:
    return place.saving_since is not None and place.saving_since + 2 * SAVED_FOR <= at


def _note(turn: _Turn, fit: Sequence[Waiting], plan: Plan) -> None:
    """What became of those who were not served."""
    served = set(plan.served)
    resting = [w.place.id for w in fit if w.place.is_resting(turn.at) and w.place.id not in served]
    actions.save_anew([w.place.id for w in fit if _has_rested(w.place, turn.at)])
    back = [w.place.id for w in fit if not w.is_counted and w.place.id not in {*resting, *served}]
    actions.count_again(back)
    actions.note(plan, resting, turn.at)


@transaction.atomic
def serve_by_hand(entry: Entry, actor_id: UUID) -> None:
    """Staff gives a free seat to one place before its turn. Raises a refusal of the rules, and
    IllegalState when its seats are not free, or it does not wait."""
    turn = _turn(entry.cohort_id)
    if turn is None:
        raise IllegalState("Registration is over: nobody is given a seat from this list any more.")
    lock_people([entry.person_id])
    seats.lock_counters([entry.cohort_id])
    entry.refresh_from_db()
    if entry.state != EntryState.WAITING:
        raise IllegalState("This place in the list is not waiting any more.")
    free = _free(entry.cohort_id)
    if free is not None and free < entry.party_size:
        raise IllegalState(f"{entry.party_size} seats are wanted and {free} are free.")
    refusal = eligibility.refusals(turn.course, entry.cohort_id, [entry.person_id])[entry.person_id]
    if refusal is not None:
        raise refusal
    waiting = Waiting(Place(entry.pk, entry.party_size), entry.person_id, entry.is_counted)
    told = _event(turn, "promoted", waiting)
    seats.set_queued(entry.cohort_id, False)
    given = _give(turn, [waiting])
    seats.set_queued(entry.cohort_id, actions.is_waited_for(entry.cohort_id))
    events.append([replace(told, actor=actor_id), *given])


# --- giving the seats ---------------------------------------------------------------------------


def _give(turn: _Turn, served: Sequence[Waiting]) -> list[NewEvent]:
    """Their seats: in a free course whoever waited is enrolled at once, and what else their party
    asked for is offered; in one that costs something all of it is."""
    people = {} if turn.is_paid else {w.person_id: w.place.id for w in served}
    made = enroll_now(turn.course, turn.cohort.id, list(people)) if people else {}
    enrolled = {people[person_id]: enrollment_id for person_id, enrollment_id in made.items()}
    doubled = [w for w in served if not turn.is_paid and w.place.id not in enrolled]
    told = _pass_over(turn, doubled, {w.person_id: AlreadyEnrolled() for w in doubled})
    served = [w for w in served if w not in doubled]
    offers = {
        w.place.id: [
            actions.new_offer(w.place.id, number, turn.ends_at)
            for number in range(2 if w.place.id in enrolled else 1, w.place.size + 1)
        ]
        for w in served
    }
    _hold(turn, served, offers)
    done = {
        w.place.id: enrolled.get(w.place.id) if not offers[w.place.id] else None for w in served
    }
    actions.serve(turn.cohort.id, done, sum(w.place.size for w in served))
    actions.note_enrolled({key: value for key, value in enrolled.items() if done[key] is None})
    return told + [_given(turn, w, enrolled.get(w.place.id), offers[w.place.id]) for w in served]


def _given(
    turn: _Turn, waiting: Waiting, enrollment_id: UUID | None, offers: Sequence[Offer]
) -> NewEvent:
    about = {} if enrollment_id is None else {"enrollment": str(enrollment_id)}
    if not offers:
        return _event(turn, "accepted", waiting, **about)
    named = [str(offer.pk) for offer in offers]
    ends_at = turn.ends_at.isoformat()
    return _event(turn, "offered", waiting, offers=named, ends_at=ends_at, **about)


def _hold(turn: _Turn, served: Sequence[Waiting], offers: Mapping[UUID, Sequence[Offer]]) -> None:
    """Holds a seat for each offer. The plan counted them under the lock, so each has one."""
    wanted = [(w.person_id, offer.pk) for w in served for offer in offers[w.place.id]]
    if not wanted:
        return
    held = seats.claim(wanted, turn.cohort.id, turn.offer_seconds)
    if len(held) != len(wanted):
        raise AssertionError("a seat that was free under the lock could not be held")
    actions.make_offers([offer for w in served for offer in offers[w.place.id]])


def enroll_now(course: CoursePlan, cohort_id: UUID, person_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Enrolls them without payment, in the caller's transaction; the enrollments by person. Whoever
    has the course already is missing."""
    choice = Choice(course, cohort_id)
    made = claims.claim([Wish(person_id, choice) for person_id in person_ids])
    return {
        person_id: claim.enrollment_id
        for person_id, claim in zip(person_ids, made, strict=True)
        if claim.outcome == "enrolled"
    }


def _event(turn: _Turn, what: str, waiting: Waiting, **data: object) -> NewEvent:
    place = {"course": str(turn.course.id), "cohort": str(turn.cohort.id)}
    return NewEvent(
        type=f"waitlist.{what}",
        subject=waiting.place.id,
        person=waiting.person_id,
        data={**place, **data},
    )
