"""Staff marks a cohort as a drop, watches its line, pauses it."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from matricula.accounts.models import Person
from matricula.flows import admit, rooms
from matricula.kernel import ids
from matricula.seats.models import SeatCount
from matricula.waitingroom.models import Room
from tests.console.addresses import COHORTS, ROOMS, change, events_of
from tests.support.factories import make_course, only_cohort
from tests.waitingroom.conftest import Drop, make_drop


@pytest.fixture
def drop(db: None) -> Drop:
    return make_drop()


def test_a_cohort_is_marked_as_a_drop(console: Client, superuser: Person) -> None:
    cohort = only_cohort(make_course())
    assert f"{ROOMS}add/?cohort={cohort}" in console.get(change(COHORTS, cohort)).content.decode()
    answer = console.post(f"{ROOMS}add/", {"cohort": cohort, "is_drop": "on", "opens_above": ""})
    assert answer.status_code == 302
    assert SeatCount.objects.get(pk=cohort).by_turn
    told = events_of(cohort)
    assert [event.type for event in told] == ["waiting_room.changed", "waiting_room.opened"]
    assert {event.actor for event in told} == {superuser.pk}


def test_a_rate_is_set_from_which_the_room_opens_by_itself(console: Client) -> None:
    cohort = only_cohort(make_course())
    console.post(f"{ROOMS}add/", {"cohort": cohort, "opens_above": "40"})
    room = Room.objects.get(pk=cohort)
    assert (room.is_drop, room.opens_above, room.opened_at) == (False, 40, None)
    assert not SeatCount.objects.get(pk=cohort).by_turn


@pytest.mark.parametrize("rate", ["0", "-3", "many", "99999999999"])
def test_a_senseless_rate_is_refused(console: Client, rate: str) -> None:
    cohort = only_cohort(make_course())
    answer = console.post(f"{ROOMS}add/", {"cohort": cohort, "opens_above": rate})
    assert answer.status_code == 200
    assert not Room.objects.filter(pk=cohort).exists()


def test_an_empty_room_closes_at_once(console: Client, drop: Drop) -> None:
    console.post(change(ROOMS, drop.cohort_id), {"opens_above": ""})
    assert drop.room.opened_at is None
    assert not SeatCount.objects.get(pk=drop.cohort_id).by_turn


def test_a_room_with_a_line_closes_after_the_last_of_it(console: Client, drop: Drop) -> None:
    drop.arrive(2)
    console.post(change(ROOMS, drop.cohort_id), {"opens_above": ""})
    assert SeatCount.objects.get(pk=drop.cohort_id).by_turn
    admit.serve(drop.cohort_id)
    rooms.close_if_empty(drop.cohort_id)
    assert not SeatCount.objects.get(pk=drop.cohort_id).by_turn


def test_a_room_is_paused_and_resumed(console: Client, superuser: Person, drop: Drop) -> None:
    drop.arrive(1)
    page = change(ROOMS, drop.cohort_id)
    assert "Pause" in console.get(page).content.decode()
    console.post(f"{ROOMS}{drop.cohort_id}/pause/")
    assert drop.room.is_paused
    assert "Resume" in console.get(page).content.decode()
    console.post(f"{ROOMS}{drop.cohort_id}/resume/")
    assert not drop.room.is_paused
    told = [event.type for event in events_of(drop.cohort_id)]
    assert told[-2:] == ["waiting_room.paused", "waiting_room.resumed"]


def test_the_list_shows_how_the_lines_do(console: Client, drop: Drop) -> None:
    drop.arrive(7)
    drop.serve(4)
    page = console.get(ROOMS).content.decode()
    assert drop.course.title in page
    row = page.split("<tbody")[-1]
    assert ">3<" in row.replace("\n", "").replace(" ", "")


def test_the_list_takes_as_many_queries_for_many_rooms(
    console: Client,
) -> None:
    console.get(ROOMS)  # from now on the session and its person are read at once
    counts = []
    for _ in range(2):
        make_drop()
        make_drop()
        with CaptureQueriesContext(connection) as captured:
            console.get(ROOMS)
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_the_figures_tell_who_waits(drop: Drop) -> None:
    drop.arrive(3)
    drop.serve(1)
    token = settings.ENVIRONMENT.metrics_token
    answer = Client(HTTP_HOST="127.0.0.1").get(
        "/metrics", headers={"Authorization": f"Bearer {token}"}
    )
    cohort = ids.to_text("coh", drop.cohort_id)
    text = answer.content.decode()
    assert f'matricula_waiting_room_waiting{{cohort="{cohort}"}} 2.0' in text
    assert (
        f'matricula_waiting_room_served_total{{cohort="{cohort}",outcome="admitted"}} 1.0' in text
    )
