"""A crowd goes for the last seats of a cohort."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

import psycopg
import pytest

from tests.races.conftest import Track, wishing
from tests.support.claims import Wish
from tests.support.crowds import at_once, changed, text_of

CROWD, SEATS = 200, 10

CLAIMS = text_of("seats/sql/claims.sql")
# Time to think between reading the counters and writing them, so that all have read before one
# writes, if nothing keeps them from it.
SLOW = changed(
    CLAIMS,
    "    RETURN QUERY\n    WITH claim AS (",
    "    PERFORM pg_sleep(0.005);\n    RETURN QUERY\n    WITH claim AS (",
)
UNGUARDED = changed(
    SLOW, "             ORDER BY c.cohort_id\n               FOR NO KEY UPDATE) s;", ") s;"
)


def rush(track: Track, hold_seconds: int | None = None) -> tuple[UUID, Counter[str]]:
    """Everybody at once; the cohort, and how often each outcome came."""
    course, cohort = track.course(SEATS)
    works = [
        wishing([Wish(person, course, cohort, hold_seconds=hold_seconds)])
        for person in track.crowd(CROWD)
    ]
    answers = at_once(track.url, works)
    return cohort, Counter(
        type(answer).__name__ if isinstance(answer, psycopg.Error) else answer[0]
        for answer in answers
    )


def test_ten_of_two_hundred_get_the_last_ten_seats(track: Track) -> None:
    cohort, outcomes = rush(track)
    assert outcomes == {"enrolled": SEATS, "full": CROWD - SEATS}
    assert track.sold(cohort) == SEATS
    assert track.broken_promises() == []


@pytest.mark.parametrize(("seconds", "outcome"), [(None, "enrolled"), (600, "held")])
def test_slow_claims_sell_no_seat_twice(track: Track, seconds: int | None, outcome: str) -> None:
    track.install(SLOW)
    _, outcomes = rush(track, seconds)
    assert outcomes == {outcome: SEATS, "full": CROWD - SEATS}
    assert track.broken_promises() == []


def test_without_the_lock_the_check_of_the_database_still_holds(track: Track) -> None:
    track.install(UNGUARDED)
    cohort, outcomes = rush(track)
    assert outcomes["CheckViolation"] > 0
    assert track.sold(cohort) <= SEATS
    assert track.broken_promises() == []


def test_without_lock_and_check_seats_are_sold_twice(track: Track) -> None:
    track.install(UNGUARDED)
    track.run("ALTER TABLE seats_seatcount DROP CONSTRAINT never_oversold")
    cohort, _ = rush(track)
    assert track.sold(cohort) > SEATS
    assert any(text.startswith("oversold") for text in track.broken_promises())
