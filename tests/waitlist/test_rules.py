"""Who is next: order kept, parties whole, nobody passed for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matricula.waitlist import rules
from matricula.waitlist.rules import SAVED_FOR, Odds, Pace, Place, plan

NOW = datetime(2026, 11, 25, tzinfo=UTC)
sizes = st.lists(st.integers(1, 5), max_size=12)


def line(sizes_: list[int]) -> list[Place]:
    return [Place(UUID(int=number), size) for number, size in enumerate(sizes_, 1)]


def numbers(served: object) -> list[int]:
    return [entry.int for entry in served]  # type: ignore[attr-defined]


@given(sizes, st.integers(0, 20))
def test_never_more_than_there_is_and_always_in_order(wanted: list[int], free: int) -> None:
    places = line(wanted)
    made = plan(places, free, NOW)
    served = numbers(made.served)
    assert served == sorted(set(served))
    assert sum(wanted[number - 1] for number in served) <= free


@given(sizes, st.integers(0, 20))
def test_no_seat_is_idle_that_fits_anybody_unless_it_is_saved(wanted: list[int], free: int) -> None:
    places = line(wanted)
    made = plan(places, free, NOW)
    left = free - sum(wanted[number - 1] for number in numbers(made.served))
    unserved = [place for place in places if place.id not in made.served]
    if any(place.size <= left for place in unserved):
        assert made.saved_for is not None
        assert made.saved_for in {place.id for place in unserved}


@given(sizes)
def test_without_a_limit_everybody_is_served(wanted: list[int]) -> None:
    assert numbers(plan(line(wanted), None, NOW).served) == list(range(1, len(wanted) + 1))


def test_singles_alone_are_served_first_come_first_served() -> None:
    assert numbers(plan(line([1] * 5), 3, NOW).served) == [1, 2, 3]


@given(st.integers(2, 5), st.lists(st.integers(1, 5), max_size=20), st.data())
def test_a_party_at_the_head_is_served_by_twice_its_size_in_freed_seats(
    size: int, behind: list[int], data: st.DataObject
) -> None:
    waiting = line([size, *behind])
    free = freed = 0
    while waiting and waiting[0].id.int == 1:
        free += (more := data.draw(st.integers(1, 3)))
        freed += more
        assert freed < 2 * size + more, "the party should have been served"
        made = plan(waiting, free, NOW)
        free -= sum(place.size for place in waiting if place.id in made.served)
        waiting = [
            Place(place.id, place.size, place.passed + made.passed.get(place.id, 0))
            for place in waiting
            if place.id not in made.served
        ]


def test_a_party_that_rests_keeps_no_seat_from_those_behind() -> None:
    resting = Place(UUID(int=1), 3, passed=3, saving_since=NOW - SAVED_FOR)
    made = plan([resting, *[Place(UUID(int=n)) for n in (2, 3)]], 2, NOW)
    assert numbers(made.served) == [2, 3]
    assert made.saved_for is None


def test_a_party_that_rests_is_served_when_it_fits() -> None:
    resting = Place(UUID(int=1), 2, passed=2, saving_since=NOW - SAVED_FOR)
    assert numbers(plan([resting, Place(UUID(int=2))], 2, NOW).served) == [1]


def test_nothing_is_said_of_a_wait_from_too_few_seats() -> None:
    assert rules.expected_wait(Pace(4, timedelta(days=8)), 3, 1) is None
    assert rules.expected_wait(Pace(5, timedelta(days=10)), 3, 1) == timedelta(days=8)


@pytest.mark.parametrize(
    ("earlier", "said"), [([9, 9], None), ([0, 3, 4], Odds(1, 3)), ([4, 9, 5, 3], Odds(3, 4))]
)
def test_odds_are_how_many_earlier_lists_would_have_reached_this_place(
    earlier: list[int], said: Odds | None
) -> None:
    assert rules.odds(earlier, 3, 1) == said
