"""Cancelling, expiring, extending and resizing, against one another and against claims.

Each race is held at its narrowest point: one side has changed its rows and not committed yet, the
other is on its way.
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.db.models import QuerySet

from matricula.enrollments.models import Enrollment
from matricula.enrollments.states import Stage
from matricula.flows import cancel, doctor, expire, extend
from matricula.kernel import clock
from matricula.kernel.errors import IllegalState
from matricula.seats import actions as seats
from matricula.seats.errors import CapacityTooSmall, HoldEnded
from matricula.seats.models import Hold, SeatCount
from tests.races.conftest import Track
from tests.support.claims import Wish, enroll_people, outcomes
from tests.support.crowds import AT_THE_GATE, Gate, all_at_once, beside, changed, during, text_of

CLAIMS = text_of("seats/sql/claims.sql")
NO_LOCK_AT_CLAIM = changed(
    CLAIMS, "             ORDER BY c.cohort_id\n               FOR NO KEY UPDATE) s;", ") s;"
)
NO_LOCK_AT_CHANGE = changed(
    changed(CLAIMS, "      ORDER BY c.cohort_id\n        FOR NO KEY UPDATE;", ";"),
    "             ORDER BY c.cohort_id\n               FOR NO KEY UPDATE) s;\n\n    IF",
    ") s;\n\n    IF",
)


def give(person: UUID, place: tuple[UUID, UUID], seconds: int | None = None) -> UUID:
    """Enrolls the person, or holds a seat for them; the enrollment's id."""
    wish = Wish(person, *place, hold_seconds=seconds)
    with connection.cursor() as cursor:
        assert outcomes(enroll_people(cursor, [wish])) == [("held" if seconds else "enrolled")]
    return wish.enrollment


def let_run_out(enrollment: UUID) -> None:
    Hold.objects.filter(key=enrollment).update(expires_at=clock.now() - timedelta(seconds=5))


def counted(cohort: UUID) -> tuple[int, int]:
    return SeatCount.objects.values_list("held", "sold").get(pk=cohort)


def claim(place: tuple[UUID, UUID], person: UUID) -> str:
    with connection.cursor() as cursor:
        return enroll_people(cursor, [Wish(person, *place)])[0].outcome


def test_a_claim_waits_for_a_cancellation_and_gets_the_seat(track: Track) -> None:
    place, (leaving, coming) = track.course(1), track.crowd(2)
    enrollment = give(leaving, place)
    second = during(
        track.url,
        lambda: cancel.cancel(enrollment, leaving, actor_id=leaving),
        lambda: claim(place, coming),
    )
    assert second.result() == "enrolled"
    assert track.broken_promises() == []


def test_a_claim_that_takes_no_lock_misses_the_seat_given_back(track: Track) -> None:
    track.install(NO_LOCK_AT_CLAIM)
    place, (leaving, coming) = track.course(1), track.crowd(2)
    enrollment = give(leaving, place)
    second = during(
        track.url,
        lambda: cancel.cancel(enrollment, leaving, actor_id=leaving),
        lambda: claim(place, coming),
    )
    assert second.result() == "full"


def test_two_cancellations_of_one_enrollment_give_its_seat_back_once(track: Track) -> None:
    place, people = track.course(5), track.crowd(3)
    enrollment, *_ = [give(person, place) for person in people]

    def leave() -> object:
        return cancel.cancel(enrollment, people[0], actor_id=people[0])

    assert isinstance(during(track.url, leave, leave).exception(), IllegalState)
    assert counted(place[1]) == (0, 2)
    assert track.broken_promises() == []


def test_two_releases_of_one_seat_give_it_back_once(track: Track) -> None:
    place, people = track.course(5), track.crowd(3)
    key, *_ = [give(person, place) for person in people]
    second = during(track.url, lambda: seats.release([key]), lambda: seats.release([key]))
    assert second.result() == []
    assert counted(place[1]) == (0, 2)


def test_releases_that_take_no_lock_give_one_seat_back_twice(track: Track) -> None:
    track.install(NO_LOCK_AT_CHANGE)
    place, people = track.course(5), track.crowd(3)
    key, *_ = [give(person, place) for person in people]
    second = during(track.url, lambda: seats.release([key]), lambda: seats.release([key]))
    assert second.result() == [key]
    assert counted(place[1]) == (0, 1)
    assert any(text.startswith("seat_counts") for text in track.broken_promises())


def test_a_hold_that_is_being_extended_does_not_expire(track: Track) -> None:
    place, (person,) = track.course(1), track.crowd(1)
    enrollment = give(person, place, 600)
    let_run_out(enrollment)
    second = during(track.url, lambda: extend.extend_hold(enrollment, person), expire.expire_due)
    assert second.result() == 0
    assert Hold.objects.get(key=enrollment).state == "held"
    assert Enrollment.objects.get(pk=enrollment).stage == Stage.VALIDATED
    assert track.broken_promises() == []


def test_an_extension_that_takes_no_counter_lock_is_overrun_by_the_sweep(track: Track) -> None:
    place, (person,) = track.course(1), track.crowd(1)
    enrollment = give(person, place, 600)
    let_run_out(enrollment)
    until = clock.now() + timedelta(hours=1)
    second = during(
        track.url,
        lambda: Hold.objects.filter(key=enrollment).update(expires_at=until),
        expire.expire_due,
    )
    assert second.result() == 1
    ended = Hold.objects.get(key=enrollment)
    assert (ended.state, ended.expires_at) == ("expired", until)


def test_a_hold_that_is_expiring_cannot_be_extended(track: Track) -> None:
    place, (person,) = track.course(1), track.crowd(1)
    enrollment = give(person, place, 600)
    let_run_out(enrollment)
    second = during(track.url, expire.expire_due, lambda: extend.extend_hold(enrollment, person))
    assert isinstance(second.exception(), HoldEnded)
    assert Enrollment.objects.get(pk=enrollment).stage == Stage.EXPIRED
    assert track.broken_promises() == []


def test_a_seat_that_is_being_sold_does_not_expire(track: Track) -> None:
    place, (person,) = track.course(1), track.crowd(1)
    key = give(person, place, 600)
    let_run_out(key)
    second = during(track.url, lambda: seats.sell([key]), lambda: seats.expire([key]))
    assert second.result() == []
    assert (Hold.objects.get(key=key).state, counted(place[1])) == ("sold", (0, 1))


def test_without_the_lock_a_seat_that_is_being_sold_is_counted_back(track: Track) -> None:
    track.install(NO_LOCK_AT_CHANGE)
    place, (person, other) = track.course(2), track.crowd(2)
    key, _ = give(person, place, 600), give(other, place, 600)
    let_run_out(key)
    second = during(track.url, lambda: seats.sell([key]), lambda: seats.expire([key]))
    assert second.result() == [key]
    assert any(text.startswith("seat_counts") for text in track.broken_promises())


def test_two_sweeps_at_once_give_each_seat_back_once(track: Track) -> None:
    place, people = track.course(9), track.crowd(5)
    for key in [give(person, place, 600) for person in people]:
        let_run_out(key)
    answers = all_at_once(track.url, [expire.expire_due] * 4)
    assert sum(answer for answer in answers if isinstance(answer, int)) == len(people)
    assert counted(place[1]) == (0, 0)
    assert track.broken_promises() == []


def test_a_capacity_cannot_be_lowered_below_a_claim_under_way(track: Track) -> None:
    place, (person,) = track.course(1), track.crowd(1)
    second = during(track.url, lambda: give(person, place), lambda: seats.set_capacity(place[1], 0))
    assert isinstance(second.exception(), CapacityTooSmall)
    assert track.broken_promises() == []


def test_a_capacity_set_without_lock_and_check_is_below_what_is_sold(
    track: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, **_: rows)
    track.run("ALTER TABLE seats_seatcount DROP CONSTRAINT never_oversold")
    place, (person,) = track.course(1), track.crowd(1)
    second = during(track.url, lambda: give(person, place), lambda: seats.set_capacity(place[1], 0))
    assert second.exception() is None
    assert any(text.startswith("oversold") for text in track.broken_promises())


def test_a_claim_waits_for_the_new_capacity(track: Track) -> None:
    place, (person, other) = track.course(2), track.crowd(2)
    give(person, place)
    second = during(track.url, lambda: seats.set_capacity(place[1], 1), lambda: claim(place, other))
    assert second.result() == "full"
    assert track.broken_promises() == []


def test_a_claim_without_lock_and_check_oversells_the_new_capacity(track: Track) -> None:
    track.install(NO_LOCK_AT_CLAIM)
    track.run("ALTER TABLE seats_seatcount DROP CONSTRAINT never_oversold")
    place, (person, other) = track.course(2), track.crowd(2)
    give(person, place)
    second = during(track.url, lambda: seats.set_capacity(place[1], 1), lambda: claim(place, other))
    assert second.result() == "enrolled"
    assert any(text.startswith("oversold") for text in track.broken_promises())


def test_a_repair_and_a_claim_at_the_same_counter_both_succeed(track: Track) -> None:
    track.install(
        changed(
            CLAIMS,
            "    RETURN QUERY\n    WITH claim AS (",
            f"    {AT_THE_GATE}\n    RETURN QUERY\n    WITH claim AS (",
        )
    )
    place, (person,) = track.course(5), track.crowd(1)
    SeatCount.objects.filter(pk=place[1]).update(held=3)
    gate = Gate(track.url)
    with ExitStack() as stack:
        claimed = stack.enter_context(beside(track.url, lambda: claim(place, person)))
        repaired = stack.enter_context(beside(track.url, lambda: doctor.examine(repair=True)))
        gate.open()
    assert claimed.result() == "enrolled"
    assert [finding.check for finding in repaired.result()] == ["seat_counts"]
    assert counted(place[1]) == (0, 1)
