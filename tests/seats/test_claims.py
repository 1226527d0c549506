"""Claiming seats: who gets one, in which order, and what is counted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import F

from matricula.kernel import ids
from matricula.seats.models import Hold, SeatCount
from tests.seats.conftest import Rooms, new_keys
from tests.support.claims import claim_seats, outcomes


def test_a_claim_with_seconds_holds_a_seat_until_then(
    cursor: CursorWrapper, rooms: Rooms, person: UUID
) -> None:
    cohort, key = rooms.cohort(1), ids.new_id()
    (claimed,) = claim_seats(cursor, [(person, cohort, key, 600)])
    hold = Hold.objects.get(key=key)
    cursor.execute("SELECT now()")
    assert (claimed.outcome, hold.state) == ("claimed", "held")
    assert hold.expires_at == claimed.expires_at == cursor.fetchone()[0] + timedelta(minutes=10)
    assert rooms.counted(cohort) == (1, 0)


def test_a_claim_without_seconds_sells_a_seat(
    cursor: CursorWrapper, rooms: Rooms, person: UUID
) -> None:
    cohort, key = rooms.cohort(1), ids.new_id()
    (claimed,) = claim_seats(cursor, [(person, cohort, key, None)])
    assert (claimed.outcome, claimed.expires_at) == ("claimed", None)
    assert Hold.objects.get(key=key).state == "sold"
    assert rooms.counted(cohort) == (0, 1)


def test_a_claim_repeated_with_its_key_gets_the_same_hold_and_takes_no_second_seat(
    cursor: CursorWrapper, rooms: Rooms, person: UUID
) -> None:
    cohort, key = rooms.cohort(5), ids.new_id()
    (first,) = claim_seats(cursor, [(person, cohort, key, 60)])
    (second,) = claim_seats(cursor, [(person, cohort, key, 60)])
    assert (second.outcome, second.hold) == ("repeated", first.hold)
    assert second.expires_at == first.expires_at
    assert rooms.counted(cohort) == (1, 0)


def test_a_repeated_claim_keeps_its_seat_when_the_cohort_is_full(
    cursor: CursorWrapper, rooms: Rooms, person: UUID
) -> None:
    cohort, key, other = rooms.cohort(1), *new_keys(2)
    claim_seats(cursor, [(person, cohort, key, None)])
    both = claim_seats(cursor, [(person, cohort, other, None), (person, cohort, key, None)])
    assert outcomes(both) == ["full", "repeated"]


def test_one_key_twice_in_a_batch_takes_one_seat(
    cursor: CursorWrapper, rooms: Rooms, person: UUID
) -> None:
    cohort, key = rooms.cohort(5), ids.new_id()
    both = claim_seats(cursor, [(person, cohort, key, None)] * 2)
    assert outcomes(both) == ["claimed", "repeated"]
    assert rooms.counted(cohort) == (0, 1)


def test_a_full_cohort_refuses(cursor: CursorWrapper, rooms: Rooms, person: UUID) -> None:
    (refused,) = claim_seats(cursor, [(person, rooms.cohort(0), ids.new_id(), None)])
    assert (refused.outcome, refused.hold) == ("full", None)


def test_a_cohort_without_counter_is_unknown(cursor: CursorWrapper, person: UUID) -> None:
    (refused,) = claim_seats(cursor, [(person, ids.new_id(), ids.new_id(), None)])
    assert refused.outcome == "unknown_cohort"


def test_an_unknown_cohort_spoils_nobody_elses_claim(
    cursor: CursorWrapper, rooms: Rooms, person: UUID
) -> None:
    known = rooms.cohort(1)
    answers = claim_seats(
        cursor,
        [(person, ids.new_id(), ids.new_id(), None), (person, known, ids.new_id(), None)],
    )
    assert outcomes(answers) == ["unknown_cohort", "claimed"]


def test_a_cohort_without_limit_always_has_a_seat(
    cursor: CursorWrapper, rooms: Rooms, person: UUID
) -> None:
    cohort = rooms.cohort(None)
    answers = claim_seats(cursor, [(person, cohort, key, None) for key in new_keys(50)])
    assert set(outcomes(answers)) == {"claimed"}
    assert rooms.counted(cohort) == (0, 50)


def test_within_a_batch_the_first_to_arrive_get_the_seats(
    cursor: CursorWrapper, rooms: Rooms, person: UUID
) -> None:
    cohort, keys = rooms.cohort(2), sorted(new_keys(5), reverse=True)
    answers = claim_seats(cursor, [(person, cohort, key, None) for key in keys])
    assert outcomes(answers) == ["claimed", "claimed", "full", "full", "full"]
    assert set(Hold.objects.filter(seats=cohort).values_list("key", flat=True)) == set(keys[:2])


def test_the_cohorts_of_one_batch_are_counted_each_by_itself(
    cursor: CursorWrapper, rooms: Rooms, person: UUID
) -> None:
    small, large = rooms.cohort(1), rooms.cohort(3)
    order = [large, small, large, small, large, large]
    answers = claim_seats(cursor, [(person, at, ids.new_id(), None) for at in order])
    assert outcomes(answers) == ["claimed", "claimed", "claimed", "full", "claimed", "full"]
    assert (rooms.counted(small), rooms.counted(large)) == ((0, 1), (0, 3))


def test_holds_and_sales_of_one_batch_share_the_seats(
    cursor: CursorWrapper, rooms: Rooms, person: UUID
) -> None:
    cohort = rooms.cohort(3)
    claims = [(person, cohort, ids.new_id(), seconds) for seconds in (60, None, 60, None)]
    assert outcomes(claim_seats(cursor, claims)) == ["claimed", "claimed", "claimed", "full"]
    assert rooms.counted(cohort) == (2, 1)


def test_answers_stand_in_the_order_of_the_claims(
    cursor: CursorWrapper, rooms: Rooms, person: UUID
) -> None:
    claims = [(person, rooms.cohort(1), ids.new_id(), None) for _ in range(20)]
    answers = claim_seats(cursor, claims)
    keys = dict(Hold.objects.values_list("id", "key"))
    assert [answer.ord for answer in answers] == list(range(1, 21))
    assert [keys[answer.hold] for answer in answers if answer.hold] == [c[2] for c in claims]


@pytest.mark.parametrize("change", [{"sold": F("sold") + 1}, {"held": 1}, {"capacity": 0}])
def test_the_database_refuses_to_count_beyond_the_capacity(
    cursor: CursorWrapper, rooms: Rooms, person: UUID, change: dict[str, Any]
) -> None:
    cohort = rooms.cohort(1)
    claim_seats(cursor, [(person, cohort, ids.new_id(), None)])
    with pytest.raises(IntegrityError, match="never_oversold"), transaction.atomic():
        SeatCount.objects.filter(pk=cohort).update(**change)


@pytest.mark.parametrize("column", ["held", "sold"])
def test_the_database_refuses_to_count_below_zero(
    rooms: Rooms, cursor: CursorWrapper, column: str
) -> None:
    cohort = rooms.cohort(1)
    with pytest.raises(IntegrityError, match=column), transaction.atomic():
        SeatCount.objects.filter(pk=cohort).update(**{column: -1})


def test_the_database_refuses_a_second_live_hold_of_one_key(
    cursor: CursorWrapper, rooms: Rooms, person: UUID
) -> None:
    cohort, key = rooms.cohort(5), ids.new_id()
    claim_seats(cursor, [(person, cohort, key, None)])
    with pytest.raises(IntegrityError, match="one_live_hold_per_key"), transaction.atomic():
        Hold.objects.create(seats_id=cohort, person_id=person, key=key, state="sold")


def test_the_database_refuses_a_held_seat_without_end(rooms: Rooms, person: UUID) -> None:
    cohort = rooms.cohort(5)
    with pytest.raises(IntegrityError, match="held_seat_expires"), transaction.atomic():
        Hold.objects.create(seats_id=cohort, person_id=person, key=ids.new_id(), state="held")


def test_the_database_refuses_an_unknown_hold_state(rooms: Rooms, person: UUID) -> None:
    cohort = rooms.cohort(5)
    with pytest.raises(IntegrityError, match="hold_state_known"), transaction.atomic():
        Hold.objects.create(seats_id=cohort, person_id=person, key=ids.new_id(), state="lent")


def test_the_counter_of_a_cohort_is_updated_in_place(
    cursor: CursorWrapper, rooms: Rooms, person: UUID
) -> None:
    """No index on what changes: the update stays heap-only, which keeps a hot row cheap."""
    cohort = rooms.cohort(None)
    for key in new_keys(20):
        claim_seats(cursor, [(person, cohort, key, None)])
    with connection.cursor() as reader:
        reader.execute(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables"
            " WHERE relname = 'seats_seatcount'"
        )
        updated, in_place = reader.fetchone()
    assert updated >= 20
    assert updated - in_place <= 1
