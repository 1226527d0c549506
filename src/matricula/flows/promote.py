"""A seat comes free, and the next who wait get it.

Owed by the transaction that freed it: `release_seats` and `set_capacity` of the seats room write
an event `seats.freed` when people queue for the cohort, whoever called them (cancelling,
refunding, expiry, a lapsed offer, more seats). From then until here newcomers are refused under the
counter row's lock (`queued`), and that stands while registration is closed too: whatever opens it
again finds the queue in place. A sweep finds what a lost job would have left.

Read without locks, decide by the same rules that everybody meets (`flows/eligibility.py`), then
lock the people and the counters, read the list again, and serve it in order as far as it is what
was decided upon (`waitlist/rules.py` says who is next, `flows/give.py` gives).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from matricula.enrollments import queries as enrollments
from matricula.flows import eligibility, give
from matricula.flows.claims import Choice
from matricula.flows.turn import Turn, is_quiet, turn_of
from matricula.kernel import clock, events, failures
from matricula.kernel.errors import DomainError
from matricula.kernel.events import NewEvent
from matricula.kernel.failures import WorkQueue
from matricula.kernel.locks import lock_people
from matricula.seats import actions as seats
from matricula.seats import queries as seat_counts
from matricula.seats.queries import NO_SEATS
from matricula.waitlist import actions, rules
from matricula.waitlist import line as lines
from matricula.waitlist.line import Waiting
from matricula.waitlist.rules import SAVED_FOR, Place, Plan

BATCH = 100
FEWEST = 10  # looked at, however few seats are free: some may be passed over
DEEPEST = 2_000
MOST_ROUNDS = 1_000
SWEPT = 200

# Lists of open cohorts with free seats, or with places that are to be looked at again; and, open or
# not, people who wait though no seat is kept for them.
_DUE = """
SELECT q.cohort_id
  FROM waitlist_queue q
  JOIN seats_seatcount s ON s.cohort_id = q.cohort_id
  JOIN catalog_cohort h ON h.id = q.cohort_id
  JOIN catalog_course c ON c.id = h.course_id
 CROSS JOIN LATERAL (SELECT
       c.status = 'published'
       AND coalesce(h.opens_at <= %(now)s, true)
       AND coalesce(%(now)s < registration_ends_at(
               h.closes_at, h.starts_at, h.ends_at, %(after_start)s), true) AS is_open,
       s.capacity IS NULL OR s.held + s.sold < s.capacity AS has_seats) t
 WHERE (q.length > 0 OR s.queued) AND q.cohort_id <> ALL (%(held_back)s::uuid[])
   AND CASE WHEN s.queued THEN t.is_open AND t.has_seats
            ELSE EXISTS (SELECT 1 FROM waitlist_entry e
                          WHERE e.cohort_id = q.cohort_id AND e.state = 'waiting'
                            AND (e.is_counted
                                 OR t.is_open
                                    AND (e.saving_since <= %(rested)s
                                         OR t.has_seats
                                            AND (e.skipped_at IS NULL
                                                 OR e.skipped_at < %(again)s))))
       END
 ORDER BY q.looked_at NULLS FIRST
 LIMIT %(limit)s
"""


def promote(cohort_id: UUID) -> int:
    """Gives the cohort's free seats to those who wait, in bounded transactions; returns how many
    places in the list were served. Repeating it changes nothing."""
    served, depth = 0, _first_depth(cohort_id)
    for _ in range(MOST_ROUNDS):
        done = _round(cohort_id, depth)
        served += done.served
        if done.look_deeper and depth < DEEPEST:
            depth = min(DEEPEST, depth * 5)
        elif done.is_more:
            depth = max(depth, BATCH)
        else:
            break
    return served


def sweep() -> int:
    """Looks at every list whose turn it may be; returns how many places were served. A list that
    cannot be served holds up no other."""
    now = clock.now()
    moments: dict[str, Any] = {
        "now": now,
        "after_start": settings.ENVIRONMENT.registration_after_start,
        "rested": now - 2 * SAVED_FOR,
        "again": now - lines.LOOKED_AT_AGAIN_AFTER,
        "limit": SWEPT,
        "held_back": list(failures.held_back(LISTS.name)),
    }
    with connection.cursor() as cursor:
        cursor.execute(_DUE, moments)
        due = [row[0] for row in cursor.fetchall()]
    return sum(failures.run_each(LISTS.name, due, promote))


@dataclass(frozen=True)
class _Done:
    """What one transaction did, whether there may be more to do, and whether somebody whom a free
    seat fits may stand further back than was looked."""

    served: int = 0
    is_more: bool = False
    look_deeper: bool = False


@dataclass(frozen=True)
class _Decided:
    """What the rules say of those at the head of the list, as they stood when it was read: their
    places in order, and what is decided of each person."""

    line: Sequence[Waiting] = ()
    of: Mapping[UUID, Choice | DomainError] = field(default_factory=dict)


def _first_depth(cohort_id: UUID) -> int:
    """How many places are looked at first: for one seat not a hundred."""
    free = free_seats(cohort_id)
    return BATCH if free is None else min(BATCH, max(FEWEST, 2 * free))


def free_seats(cohort_id: UUID) -> int | None:
    """The seats that are nobody's; None when there is no limit."""
    return seat_counts.availability([cohort_id]).get(cohort_id, NO_SEATS).free


def _round(cohort_id: UUID, depth: int) -> _Done:
    """One transaction's worth, from the first `depth` places."""
    turn = turn_of(cohort_id)
    if turn is None or (turn.is_paid and is_quiet(turn.at)):
        _look_away(cohort_id)
        return _Done()
    is_free = free_seats(cohort_id) != 0
    return _serve(turn, depth, _decide(turn, depth) if is_free else _Decided())


def _decide(turn: Turn, depth: int) -> _Decided:
    line = _line(turn, depth)
    people = [waiting.person_id for waiting in line]
    decided = eligibility.decisions(turn.course, turn.cohort.id, people, apart_from=_given_up(line))
    return _Decided(line, decided)


def _line(turn: Turn, depth: int) -> list[Waiting]:
    """The first places, up to the first that swaps: it is served last of its transaction."""
    line = lines.line_of(turn.cohort.id, depth, turn.at)
    replaced = [waiting.replaces for waiting in line if waiting.replaces is not None]
    kept = enrollments.led_to(replaced) if replaced else {}
    for number, waiting in enumerate(line):
        if waiting.replaces in kept:
            return [*line[:number], replace(waiting, gives_up=kept[waiting.replaces])]
    return line


@transaction.atomic
def _look_away(cohort_id: UUID) -> None:
    """Nobody is served now. The queue keeps the seats also while registration is closed, so that
    newcomers do not get them first once it opens again."""
    seats.lock_counters([cohort_id])
    seats.set_queued(cohort_id, actions.is_waited_for(cohort_id))
    actions.looked(cohort_id)


@transaction.atomic
def _serve(turn: Turn, depth: int, decided: _Decided) -> _Done:
    cohort_id = turn.cohort.id
    given_up = _given_up(decided.line)
    lock_people([waiting.person_id for waiting in decided.line])
    seats.lock_counters([cohort_id, *enrollments.cohorts_of(given_up)])
    still = _still_there(turn, depth, decided)
    known, told = _without_those_who_are_in(turn, still)
    refused = {
        waiting.place.id: why
        for waiting in known
        if isinstance(why := decided.of[waiting.person_id], DomainError)
    }
    told += give.pass_over(turn, known, refused)
    fit = [waiting for waiting in known if waiting.place.id not in refused]
    plan = rules.plan(_places(fit, turn.at), free_seats(cohort_id), turn.at)
    is_short = plan.fits_nobody and len(decided.line) == depth < DEEPEST
    if is_short or (plan.fits_nobody and given_up):  # others may stand behind
        plan = replace(plan, saved_for=None)
    _note(turn, fit, plan)
    seats.set_queued(cohort_id, False)  # those who queue don't stand behind themselves
    served = [waiting for waiting in fit if waiting.place.id in set(plan.served)]
    choices = {w.person_id: c for w in served if isinstance(c := decided.of[w.person_id], Choice)}
    told += give.give(turn, served, choices)
    seats.set_queued(cohort_id, actions.is_waited_for(cohort_id))
    actions.looked(cohort_id)
    events.append(told)
    # Some were served or passed over, or the list is not what was decided upon any more.
    is_progress = bool(plan.served) or len(fit) < len(decided.line)
    is_left = free_seats(cohort_id) != 0 and plan.saved_for is None
    return _Done(len(plan.served), is_progress and is_left, is_short)


def _still_there(turn: Turn, depth: int, decided: _Decided) -> list[Waiting]:
    """The list, as far as it still is what was decided upon; whoever came in between is next
    time's."""
    if not decided.line:
        return []
    before = {waiting.place.id: waiting.gives_up for waiting in decided.line}
    known = []
    for waiting in _line(turn, depth):
        place = waiting.place.id
        if place not in before or before[place] != waiting.gives_up:
            break
        known.append(waiting)
    return known


def _given_up(line: Sequence[Waiting]) -> list[UUID]:
    return [waiting.gives_up for waiting in line if waiting.gives_up is not None]


def _without_those_who_are_in(
    turn: Turn, known: Sequence[Waiting]
) -> tuple[list[Waiting], list[NewEvent]]:
    """Whoever asked to leave other lists once they are in one leaves this, and takes no second
    seat."""
    left = lines.to_leave([waiting.place.id for waiting in known])
    actions.leave_waiting(turn.cohort.id, left)
    told = [
        turn.event("left", waiting, because=str(left[waiting.place.id]))
        for waiting in known
        if waiting.place.id in left
    ]
    return [waiting for waiting in known if waiting.place.id not in left], told


def _places(fit: Sequence[Waiting], at: datetime) -> list[Place]:
    return [
        replace(w.place, saving_since=None) if _has_rested(w.place, at) else w.place for w in fit
    ]


def _has_rested(place: Place, at: datetime) -> bool:
    return place.saving_since is not None and place.saving_since + 2 * SAVED_FOR <= at


def _note(turn: Turn, fit: Sequence[Waiting], plan: Plan) -> None:
    """What became of those who were not served."""
    served = set(plan.served)
    resting = [w.place.id for w in fit if w.place.is_resting(turn.at) and w.place.id not in served]
    actions.save_anew([w.place.id for w in fit if _has_rested(w.place, turn.at)])
    back = [w.place.id for w in fit if not w.is_counted and w.place.id not in {*resting, *served}]
    actions.count_again(back)
    actions.note(plan, resting, turn.at)


LISTS = failures.register(WorkQueue(name="waitlists", title="Waitlists"))
