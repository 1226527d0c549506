"""What is said of a place in line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from matricula.waitingroom.rules import (
    LATEST_POLL,
    SOONEST_POLL,
    Place,
    expected_wait,
    is_calm,
    is_moving,
    opens_by_itself,
    poll_after,
)

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def place(ahead: int = 0, pace: float | None = 10, **fields: object) -> Place:
    known = {"taken_at": NOW - timedelta(seconds=5), "is_paused": False, "moved_at": NOW}
    return Place(number=ahead + 1, ahead=ahead, pace=pace, **{**known, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(("ahead", "seconds"), [(0, 1), (9, 1), (10, 2), (99, 10), (100, 11)])
def test_the_wait_is_the_position_at_the_pace_rounded_up(ahead: int, seconds: int) -> None:
    assert expected_wait(place(ahead), NOW) == seconds


@pytest.mark.parametrize("pace", [None, 0.0])
def test_without_a_pace_nobody_can_say(pace: float | None) -> None:
    assert expected_wait(place(pace=pace), NOW) is None


def test_a_paused_line_has_no_expected_wait() -> None:
    assert expected_wait(place(is_paused=True), NOW) is None


def test_a_line_that_has_not_moved_for_long_is_not_said_to_move() -> None:
    stood = NOW - timedelta(minutes=1)
    assert not is_moving(place(taken_at=stood, moved_at=stood), NOW)
    assert not is_moving(place(taken_at=stood, moved_at=None), NOW)


def test_a_new_ticket_of_a_line_at_rest_is_not_stalled() -> None:
    assert is_moving(place(taken_at=NOW, moved_at=NOW - timedelta(days=1)), NOW)


@pytest.mark.parametrize("ahead", [0, 1, 50, 999, 1000, 10**6])
@pytest.mark.parametrize("pace", [None, 0.1, 10, 10_000])
def test_asking_again_is_neither_frantic_nor_far(ahead: int, pace: float | None) -> None:
    assert SOONEST_POLL <= poll_after(place(ahead, pace), NOW) <= LATEST_POLL


def test_a_long_line_asks_less_often_than_its_front() -> None:
    assert poll_after(place(100_000), NOW) > poll_after(place(5), NOW)


def test_what_opens_a_room_is_more_than_the_rate_allowed() -> None:
    assert opens_by_itself(11, 1, 10)
    assert not opens_by_itself(10, 1, 10)
    assert not opens_by_itself(10, 0, 10)


def test_a_room_is_calm_well_below_what_opens_it() -> None:
    assert is_calm(4, 1, 10)
    assert not is_calm(6, 1, 10)
