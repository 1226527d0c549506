"""Batches over the same cohorts and people, named in different orders."""

from __future__ import annotations

import random
from uuid import UUID

import psycopg
from psycopg.errors import DeadlockDetected

from tests.races.conftest import Track, wishing
from tests.support.claims import Wish
from tests.support.crowds import at_once, changed, text_of

BATCHES = 24
TRIES = 10

CLAIMS = text_of("seats/sql/claims.sql")
# A pause before each counter row is locked, so that batches overlap while they hold some.
SLOW_CLAIMS = changed(
    CLAIMS,
    "(SELECT c.cohort_id, c.capacity, c.held, c.sold, c.queued\n",
    "(SELECT c.cohort_id, c.capacity, c.held, c.sold, c.queued, pg_sleep(0.005)\n",
)
CLAIMS_IN_ORDER_OF_ARRIVAL = changed(
    SLOW_CLAIMS,
    "             ORDER BY c.cohort_id\n               FOR NO KEY UPDATE) s;",
    "             ORDER BY array_position(p_cohorts, c.cohort_id)\n"
    "               FOR NO KEY UPDATE) s;",
)
ENROLL = text_of("flows/sql/enroll.sql")
SLOW_ENROLL = changed(
    ENROLL,
    "    PERFORM pg_advisory_xact_lock(p.hash)\n",
    "    PERFORM pg_sleep(0.005), pg_advisory_xact_lock(p.hash)\n",
)
PEOPLE_IN_ORDER_OF_ARRIVAL = changed(
    SLOW_ENROLL,
    "(SELECT DISTINCT uuid_hash_extended(person, 0) AS hash\n"
    "               FROM unnest(p_persons) AS person ORDER BY 1) p;",
    "(SELECT uuid_hash_extended(person, 0) AS hash\n"
    "               FROM unnest(p_persons) AS person) p;",
)


def shuffled(track: Track, people: list[UUID], places: list[tuple[UUID, UUID]]) -> list[object]:
    """Batches of one wish for each place, each in an order of its own, all at once."""
    works = []
    for number in range(BATCHES):
        order = list(range(len(places)))
        random.Random(number).shuffle(order)
        mine = people[number * len(places) : (number + 1) * len(places)] or people
        works.append(wishing([Wish(mine[n], *places[n]) for n in order]))
    return list(at_once(track.url, works))


def cohorts_of_ten(track: Track) -> list[tuple[UUID, UUID]]:
    return [track.course(10) for _ in range(6)]


def test_batches_over_the_same_cohorts_in_any_order_neither_deadlock_nor_oversell(
    track: Track,
) -> None:
    track.install(SLOW_CLAIMS)
    places = cohorts_of_ten(track)
    answers = shuffled(track, track.crowd(BATCHES * len(places)), places)
    assert [answer for answer in answers if isinstance(answer, psycopg.Error)] == []
    assert [track.sold(cohort) for _, cohort in places] == [10] * len(places)
    assert track.broken_promises() == []


def test_locking_cohorts_in_the_order_of_arrival_deadlocks(track: Track) -> None:
    track.install(CLAIMS_IN_ORDER_OF_ARRIVAL)
    for _ in range(TRIES):
        places = cohorts_of_ten(track)
        answers = shuffled(track, track.crowd(BATCHES * len(places)), places)
        if any(isinstance(answer, DeadlockDetected) for answer in answers):
            return
    raise AssertionError("no deadlock: the order is not what guards against it")


def test_batches_over_the_same_people_in_any_order_do_not_deadlock(track: Track) -> None:
    track.install(SLOW_ENROLL)
    places, people = [track.course(None) for _ in range(6)], track.crowd(6)
    answers = shuffled(track, people, places)
    assert [answer for answer in answers if isinstance(answer, psycopg.Error)] == []
    assert [track.sold(cohort) for _, cohort in places] == [1] * len(places)
    assert track.broken_promises() == []


def test_locking_people_in_the_order_of_arrival_deadlocks(track: Track) -> None:
    track.install(PEOPLE_IN_ORDER_OF_ARRIVAL)
    for _ in range(TRIES):
        places, people = [track.course(None) for _ in range(6)], track.crowd(6)
        answers = shuffled(track, people, places)
        if any(isinstance(answer, DeadlockDetected) for answer in answers):
            return
    raise AssertionError("no deadlock: the order is not what guards against it")
