"""Swaps against each other, against the last seat and against cancelling: nobody loses both seats,
nobody has both, and no cohort holds more than it has room for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from uuid import UUID

import psycopg
import pytest

from matricula.catalog.models import Course
from matricula.enrollments.models import Enrollment
from matricula.flows import cancel
from matricula.flows import swap as flow
from matricula.flows.enroll import Application, enroll
from matricula.flows.swap import swap
from matricula.kernel.errors import DomainError
from matricula.seats import actions as seats
from tests.races.conftest import Track
from tests.support.crowds import all_at_once, during
from tests.support.factories import make_cohort, make_course, only_cohort

ROUNDS = 4


def live(person: UUID) -> list[UUID]:
    rows = Enrollment.objects.filter(person=person, stage="confirmed")
    return list(rows.values_list("cohort_id", flat=True))


def enrolled(person: UUID, cohort: UUID) -> UUID:
    return enroll(Application(person, cohort_id=cohort)).enrollment_id


def swapping(person: UUID, enrollment: UUID, cohort: UUID) -> Callable[[], str]:
    def work() -> str:
        try:
            swap(enrollment, person, cohort, actor_id=person)
        except DomainError as error:
            return error.code
        return "swapped"

    return work


def cancelling(person: UUID, enrollment: UUID) -> Callable[[], str]:
    def work() -> str:
        try:
            cancel.cancel(enrollment, person, actor_id=person)
        except DomainError as error:
            return error.code
        return "cancelled"

    return work


def two_cohorts(capacity: int) -> tuple[Course, UUID, UUID]:
    course = make_course(capacity=capacity)
    return course, only_cohort(course), make_cohort(course, capacity=capacity).pk


@pytest.mark.parametrize("room", [1, 2])
def test_swaps_that_cross_don_t_wait_for_each_other_and_lose_nobody(
    track: Track, room: int
) -> None:
    """With a seat left in each both succeed; in two full cohorts neither does."""
    _course, left, right = two_cohorts(room)
    one, two = track.crowd(2)
    works = [
        swapping(one, enrolled(one, left), right),
        swapping(two, enrolled(two, right), left),
    ]
    outcomes = all_at_once(track.url, works)
    assert not any(isinstance(outcome, Exception) for outcome in outcomes), outcomes
    assert set(outcomes) == ({"swapped"} if room == 2 else {"course_full"})
    assert [len(live(person)) for person in (one, two)] == [1, 1]
    assert track.broken_promises() == []


def test_the_last_seat_is_swapped_into_once(track: Track) -> None:
    course, first, last = two_cohorts(1)
    seats.set_capacity(first, 8)
    people = track.crowd(8)
    works = [swapping(person, enrolled(person, first), last) for person in people]
    assert Counter(all_at_once(track.url, works)) == {"swapped": 1, "course_full": 7}
    assert [len(live(person)) for person in people] == [1] * 8
    assert track.sold(last) == 1
    assert track.broken_promises() == []
    assert course.pk


def test_a_double_click_swaps_once(track: Track) -> None:
    _course, first, other = two_cohorts(5)
    (person,) = track.crowd(1)
    work = swapping(person, enrolled(person, first), other)
    assert all_at_once(track.url, [work] * 6) == ["swapped"] * 6
    assert live(person) == [other]
    assert (track.sold(first), track.sold(other)) == (0, 1)
    assert track.broken_promises() == []


def test_a_swap_and_a_cancel_leave_one_seat_at_most(track: Track) -> None:
    """Whichever is first: a seat that was cancelled is not swapped, one that was swapped is not
    cancelled any more."""
    _course, first, other = two_cohorts(50)
    for person in track.crowd(ROUNDS):
        enrollment = enrolled(person, first)
        outcomes = all_at_once(
            track.url, [swapping(person, enrollment, other), cancelling(person, enrollment)]
        )
        assert sorted(map(str, outcomes)) in (
            ["cancelled", "illegal_state"],
            ["illegal_state", "swapped"],
        )
        assert len(live(person)) == (1 if "swapped" in outcomes else 0)
    assert track.broken_promises() == []


def test_a_cancel_that_is_not_committed_yet_is_waited_for(track: Track) -> None:
    _course, first, other = two_cohorts(5)
    (person,) = track.crowd(1)
    enrollment = enrolled(person, first)
    future = during(track.url, cancelling(person, enrollment), swapping(person, enrollment, other))
    assert future.result() == "illegal_state"
    assert live(person) == []
    assert (track.sold(first), track.sold(other)) == (0, 0)
    assert track.broken_promises() == []


def test_without_the_counters_lock_swaps_that_cross_run_into_each_other(
    track: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: each claims first what the other will release."""
    monkeypatch.setattr(flow.seats, "lock_counters", lambda _cohorts: None)
    _course, left, right = two_cohorts(100)
    works = []
    people = track.crowd(24)
    for number, person in enumerate(people):
        here, there = (left, right) if number % 2 else (right, left)
        works.append(swapping(person, enrolled(person, here), there))
    outcomes = all_at_once(track.url, works)
    assert any(is_deadlock(outcome) for outcome in outcomes), outcomes
    assert all(len(live(person)) == 1 for person in people)  # and still nobody loses both


def is_deadlock(outcome: object) -> bool:
    cause = getattr(outcome, "__cause__", None)
    return isinstance(cause, psycopg.errors.DeadlockDetected)
