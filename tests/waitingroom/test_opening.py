"""A room opens and closes by itself, by how fast seats go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from unittest.mock import patch

import pytest
from django.conf import settings

from matricula.flows import rooms
from matricula.flows.enroll import Application, enroll
from matricula.flows.rooms import CALM_LOOKS, Watch
from matricula.kernel.models import Event
from matricula.seats.models import SeatCount
from tests.support.factories import make_course, make_people, only_cohort
from tests.waitingroom.conftest import Drop


class Ticks:
    """Time as a look sees it: one second goes by between two looks."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ticks() -> Iterator[Ticks]:
    ticks = Ticks()
    with patch("matricula.flows.rooms.time.monotonic", ticks):
        yield ticks


@pytest.fixture
def watched(db: None) -> Drop:
    """A course that opens its waiting room when more than three seats go in a second."""
    course = make_course(capacity=100)
    cohort = only_cohort(course)
    rooms.set_room(cohort, is_drop=False, opens_above=3)
    return Drop(course, cohort)


def take(drop: Drop, count: int) -> None:
    for person in make_people(count):
        enroll(Application(person.pk, drop.course.slug))


def look(watch: Watch, ticks: Ticks) -> None:
    ticks.now += 1
    watch.look()


def is_by_turn(drop: Drop) -> bool:
    return SeatCount.objects.get(pk=drop.cohort_id).by_turn


def test_a_rush_opens_the_room(watched: Drop, ticks: Ticks) -> None:
    watch = Watch()
    look(watch, ticks)
    take(watched, 4)
    look(watch, ticks)
    assert is_by_turn(watched)
    event = Event.objects.get(subject=watched.cohort_id, type="waiting_room.opened")
    assert (event.actor, event.data) == (None, {"rate": 4})


def test_a_trickle_does_not(watched: Drop, ticks: Ticks) -> None:
    watch = Watch()
    look(watch, ticks)
    for _ in range(4):
        take(watched, 3)
        look(watch, ticks)
    assert not is_by_turn(watched)


def test_what_was_taken_before_the_first_look_is_no_rush(watched: Drop, ticks: Ticks) -> None:
    take(watched, 20)
    watch = Watch()
    look(watch, ticks)
    look(watch, ticks)
    assert not is_by_turn(watched)


def test_after_the_rush_people_take_tickets(watched: Drop, ticks: Ticks) -> None:
    rooms.open_by_itself(watched.cohort_id, 9)
    take(watched, 2)
    assert watched.states() == ["waiting", "waiting"]


def test_a_calm_room_closes_again(watched: Drop, ticks: Ticks) -> None:
    rooms.open_by_itself(watched.cohort_id, 9)
    watch = Watch()
    for _ in range(CALM_LOOKS + 1):
        look(watch, ticks)
    assert not is_by_turn(watched)
    assert Event.objects.filter(subject=watched.cohort_id, type="waiting_room.closed").exists()


def test_a_room_in_demand_stays_open(watched: Drop, ticks: Ticks) -> None:
    rooms.open_by_itself(watched.cohort_id, 9)
    watch = Watch()
    for place in range(CALM_LOOKS + 2):
        if place % 10 == 0:
            take(watched, 3)
            watched.serve()
        look(watch, ticks)
    assert is_by_turn(watched)


def test_a_calm_room_with_a_line_waits_for_it(watched: Drop, ticks: Ticks) -> None:
    rooms.open_by_itself(watched.cohort_id, 9)
    take(watched, 1)
    watch = Watch()
    for _ in range(CALM_LOOKS + 1):
        look(watch, ticks)
    assert is_by_turn(watched)
    watched.serve()
    look(watch, ticks)
    assert not is_by_turn(watched)


def test_what_staff_opened_stays_open(drop: Drop, ticks: Ticks) -> None:
    watch = Watch()
    for _ in range(CALM_LOOKS + 1):
        look(watch, ticks)
    assert is_by_turn(drop)


def test_a_room_that_may_no_longer_open_closes(watched: Drop, ticks: Ticks) -> None:
    rooms.open_by_itself(watched.cohort_id, 9)
    take(watched, 1)
    rooms.set_room(watched.cohort_id, is_drop=False, opens_above=None)
    assert is_by_turn(watched)
    watched.serve()
    look(Watch(), ticks)
    assert not is_by_turn(watched)


@pytest.fixture
def unmarked(db: None, monkeypatch: pytest.MonkeyPatch) -> Drop:
    """A course without a room, where more than three seats a second open one by themselves."""
    everywhere = replace(settings.ENVIRONMENT, rooms_open_above=3)
    monkeypatch.setattr(settings, "ENVIRONMENT", everywhere)
    course = make_course(capacity=100)
    return Drop(course, only_cohort(course))


def test_a_rush_opens_a_room_where_staff_has_set_up_none(unmarked: Drop, ticks: Ticks) -> None:
    watch = Watch()
    look(watch, ticks)
    take(unmarked, 4)
    look(watch, ticks)
    assert is_by_turn(unmarked)
    assert unmarked.room.opens_above == 3
    take(unmarked, 1)
    assert unmarked.states() == ["waiting"]


def test_such_a_room_closes_when_it_is_calm(unmarked: Drop, ticks: Ticks) -> None:
    watch = Watch()
    look(watch, ticks)
    take(unmarked, 4)
    for _ in range(CALM_LOOKS + 2):
        look(watch, ticks)
    assert not is_by_turn(unmarked)


def test_a_trickle_opens_none(unmarked: Drop, ticks: Ticks) -> None:
    watch = Watch()
    look(watch, ticks)
    take(unmarked, 3)
    look(watch, ticks)
    assert not is_by_turn(unmarked)


def test_what_staff_has_said_of_a_room_stands(unmarked: Drop, ticks: Ticks) -> None:
    rooms.set_room(unmarked.cohort_id, is_drop=False, opens_above=None)
    watch = Watch()
    look(watch, ticks)
    take(unmarked, 9)
    look(watch, ticks)
    assert not is_by_turn(unmarked)
