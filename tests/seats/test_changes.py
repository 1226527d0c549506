"""Releasing, selling, extending, expiring, and the capacity itself."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.db.backends.utils import CursorWrapper
from django.db.models.functions import Now

from matricula.kernel import clock, ids
from matricula.seats import actions, queries
from matricula.seats.errors import CapacityTooSmall, HoldEnded
from matricula.seats.models import Hold, SeatCount
from matricula.seats.queries import NO_SEATS, Availability
from matricula.seats.states import HOLD, LIVE, HoldState
from tests.seats.conftest import Rooms, new_keys
from tests.support.claims import claim_seats, outcomes
from tests.support.factories import make_course


def hold(cursor: CursorWrapper, person: UUID, cohort: UUID, seconds: int | None = 600) -> UUID:
    """The key of a newly held (or, without seconds, sold) seat."""
    key = ids.new_id()
    assert outcomes(claim_seats(cursor, [(person, cohort, key, seconds)])) == ["claimed"]
    return key


def run_out(*keys: UUID) -> None:
    """Lets the time of these holds be over for a second."""
    Hold.objects.filter(key__in=keys).update(expires_at=Now() - timedelta(seconds=1))


def test_setting_a_capacity_makes_the_counter(db: None) -> None:
    course = make_course(with_cohort=False)
    cohort = course.cohorts.create(name="New")
    actions.set_capacity(cohort.pk, 7)
    assert SeatCount.objects.get(pk=cohort.pk).capacity == 7


@pytest.mark.parametrize("capacity", [2, 3, 40, None])
def test_a_capacity_of_at_least_what_is_taken_is_accepted(
    cursor: CursorWrapper, rooms: Rooms, person: UUID, capacity: int | None
) -> None:
    cohort = rooms.cohort(10)
    hold(cursor, person, cohort)
    hold(cursor, person, cohort, None)
    actions.set_capacity(cohort, capacity)
    assert SeatCount.objects.get(pk=cohort).capacity == capacity


@pytest.mark.parametrize("capacity", [0, 1])
def test_a_capacity_below_what_is_taken_is_refused_with_the_smallest_possible(
    cursor: CursorWrapper, rooms: Rooms, person: UUID, capacity: int
) -> None:
    cohort = rooms.cohort(10)
    hold(cursor, person, cohort)
    hold(cursor, person, cohort, None)
    with pytest.raises(CapacityTooSmall, match="smallest possible capacity is 2"):
        actions.set_capacity(cohort, capacity)
    assert SeatCount.objects.get(pk=cohort).capacity == 10


def test_lifting_a_limit_and_setting_it_again_keeps_the_counts(
    cursor: CursorWrapper, rooms: Rooms, person: UUID
) -> None:
    cohort = rooms.cohort(1)
    hold(cursor, person, cohort, None)
    actions.set_capacity(cohort, None)
    hold(cursor, person, cohort, None)
    with pytest.raises(CapacityTooSmall):
        actions.set_capacity(cohort, 1)
    assert rooms.counted(cohort) == (0, 2)


@pytest.mark.parametrize("seconds", [600, None])
def test_a_released_seat_can_be_claimed_by_the_next(
    cursor: CursorWrapper, rooms: Rooms, person: UUID, seconds: int | None
) -> None:
    cohort = rooms.cohort(1)
    key = hold(cursor, person, cohort, seconds)
    assert actions.release([key]) == [key]
    assert rooms.counted(cohort) == (0, 0)
    hold(cursor, person, cohort, seconds)


def test_a_released_hold_is_kept_in_the_ledger_with_its_end(
    cursor: CursorWrapper, rooms: Rooms, person: UUID
) -> None:
    key = hold(cursor, person, rooms.cohort(1))
    actions.release([key])
    ended = Hold.objects.get(key=key)
    assert ended.state == "released"
    assert ended.ended_at is not None


def test_a_seat_is_released_once(cursor: CursorWrapper, rooms: Rooms, person: UUID) -> None:
    cohort = rooms.cohort(3)
    key = hold(cursor, person, cohort, None)
    hold(cursor, person, cohort, None)
    assert actions.release([key]) == [key]
    assert actions.release([key]) == []
    assert rooms.counted(cohort) == (0, 1)


def test_one_key_named_twice_is_released_once(
    cursor: CursorWrapper, rooms: Rooms, person: UUID
) -> None:
    cohort = rooms.cohort(3)
    key = hold(cursor, person, cohort, None)
    assert actions.release([key, key]) == [key]
    assert rooms.counted(cohort) == (0, 0)


def test_releasing_over_several_cohorts_counts_each(
    cursor: CursorWrapper, rooms: Rooms, person: UUID
) -> None:
    one, other = rooms.cohort(3), rooms.cohort(3)
    keys = [hold(cursor, person, one, None), hold(cursor, person, other), ids.new_id()]
    kept = hold(cursor, person, other)
    assert set(actions.release(keys)) == set(keys[:2])
    assert (rooms.counted(one), rooms.counted(other)) == ((0, 0), (1, 0))
    assert Hold.objects.get(key=kept).state == "held"


@pytest.mark.parametrize("action", [actions.release, actions.expire, actions.sell])
def test_no_keys_change_nothing_and_unknown_keys_are_passed_over(db: None, action: object) -> None:
    assert callable(action)
    assert action([]) == []
    assert action(new_keys(3)) == []


def test_a_held_seat_is_sold_once(cursor: CursorWrapper, rooms: Rooms, person: UUID) -> None:
    cohort = rooms.cohort(1)
    key = hold(cursor, person, cohort)
    assert actions.sell([key]) == [key]
    assert actions.sell([key]) == []
    assert rooms.counted(cohort) == (0, 1)
    assert Hold.objects.get(key=key).expires_at is None


def test_an_overdue_seat_that_nobody_released_can_still_be_sold(
    cursor: CursorWrapper, rooms: Rooms, person: UUID
) -> None:
    cohort = rooms.cohort(1)
    key = hold(cursor, person, cohort)
    run_out(key)
    assert actions.sell([key]) == [key]
    assert rooms.counted(cohort) == (0, 1)


def test_an_ended_hold_cannot_be_sold(cursor: CursorWrapper, rooms: Rooms, person: UUID) -> None:
    cohort = rooms.cohort(1)
    key = hold(cursor, person, cohort)
    actions.release([key])
    assert actions.sell([key]) == []
    assert rooms.counted(cohort) == (0, 0)


def test_only_overdue_holds_expire(cursor: CursorWrapper, rooms: Rooms, person: UUID) -> None:
    cohort = rooms.cohort(3)
    late, early, sold = (
        hold(cursor, person, cohort),
        hold(cursor, person, cohort),
        hold(cursor, person, cohort, None),
    )
    run_out(late)
    assert actions.expire([late, early, sold]) == [late]
    assert rooms.counted(cohort) == (1, 1)
    assert Hold.objects.get(key=late).state == "expired"


def test_a_hold_is_due_at_the_very_instant_it_ends(
    cursor: CursorWrapper, rooms: Rooms, person: UUID
) -> None:
    key = hold(cursor, person, rooms.cohort(1))
    cursor.execute("UPDATE seats_hold SET expires_at = now() WHERE key = %s", [key])
    assert actions.due(10) == [key]
    assert actions.expire([key]) == [key]


def test_due_names_the_longest_overdue_first_and_no_more_than_asked(
    cursor: CursorWrapper, rooms: Rooms, person: UUID
) -> None:
    keys = [hold(cursor, person, rooms.cohort(1)) for _ in range(4)]
    for minutes, key in enumerate(keys[:3], start=1):
        Hold.objects.filter(key=key).update(expires_at=Now() - timedelta(minutes=minutes))
    assert actions.due(10) == [keys[2], keys[1], keys[0]]
    assert actions.due(2) == [keys[2], keys[1]]


def test_extending_holds_the_seat_until_then(
    cursor: CursorWrapper, rooms: Rooms, person: UUID
) -> None:
    key = hold(cursor, person, rooms.cohort(1), 60)
    until = clock.now() + timedelta(hours=1)
    assert actions.extend([key], until) == until
    assert Hold.objects.get(key=key).expires_at == until


def test_extending_never_shortens(cursor: CursorWrapper, rooms: Rooms, person: UUID) -> None:
    key = hold(cursor, person, rooms.cohort(1), 3600)
    before = Hold.objects.get(key=key).expires_at
    assert actions.extend([key], clock.now()) == before
    assert Hold.objects.get(key=key).expires_at == before


@pytest.mark.parametrize("end", ["released", "expired", "sold"])
def test_what_is_not_held_cannot_be_extended(
    cursor: CursorWrapper, rooms: Rooms, person: UUID, end: str
) -> None:
    key = hold(cursor, person, rooms.cohort(1))
    run_out(key)
    {"released": actions.release, "expired": actions.expire, "sold": actions.sell}[end]([key])
    with pytest.raises(HoldEnded):
        actions.extend([key], clock.now() + timedelta(hours=1))


def test_an_extended_hold_does_not_expire(
    cursor: CursorWrapper, rooms: Rooms, person: UUID
) -> None:
    key = hold(cursor, person, rooms.cohort(1))
    run_out(key)
    actions.extend([key], clock.now() + timedelta(hours=1))
    assert actions.expire([key]) == []


def test_availability_counts_what_is_left(
    cursor: CursorWrapper, rooms: Rooms, person: UUID
) -> None:
    cohort, unlimited, unknown = rooms.cohort(3), rooms.cohort(None), ids.new_id()
    hold(cursor, person, cohort)
    hold(cursor, person, cohort, None)
    counts = queries.availability([cohort, unlimited, unknown])
    assert counts[cohort] == Availability(capacity=3, held=1, sold=1)
    assert (counts[cohort].left, counts[unlimited].left) == (1, None)
    assert unknown not in counts


@pytest.mark.parametrize(
    ("counts", "left", "full"),
    [
        (Availability(3, 1, 1), 1, False),
        (Availability(3, 1, 2), 0, True),
        (Availability(3, 3, 3), 0, True),
        (Availability(None, 5, 5), None, False),
        (NO_SEATS, 0, True),
    ],
)
def test_left_is_never_below_zero_and_full_means_none_left(
    counts: Availability, left: int | None, full: bool
) -> None:
    assert (counts.left, counts.is_full) == (left, full)


def test_the_table_of_a_hold_begins_held_and_ends_released_or_expired() -> None:
    ends = {state for state in HOLD.states if not any(at == state for at, _ in HOLD.table)}
    assert set(HOLD.states) == set(HoldState)
    assert ends == {HoldState.RELEASED, HoldState.EXPIRED}
    assert set(LIVE) == set(HoldState) - ends


def test_times_of_holds_are_aware(cursor: CursorWrapper, rooms: Rooms, person: UUID) -> None:
    key = hold(cursor, person, rooms.cohort(1))
    ends = Hold.objects.get(key=key).expires_at
    assert isinstance(ends, datetime)
    assert ends.utcoffset() == timedelta(0)
