"""The doctor sees when a line is not what it promises."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from matricula.enrollments.models import Enrollment
from matricula.flows import doctor
from matricula.kernel import events
from matricula.kernel.events import NewEvent
from matricula.seats.models import SeatCount
from matricula.waitingroom.models import Line, Room, Ticket
from tests.waitingroom.conftest import Drop


def lose_a_ticket(drop: Drop) -> str:
    (enrollment,) = drop.arrive(1)
    Ticket.objects.filter(pk=enrollment).update(state="left", decided_at=Now())
    return str(enrollment)


def forget_a_ticket(drop: Drop) -> str:
    (enrollment,) = drop.arrive(1)
    Enrollment.objects.filter(pk=enrollment).update(stage="cancelled")
    return str(enrollment)


def skip_a_number(drop: Drop) -> str:
    Line.objects.filter(pk=drop.cohort_id).update(last_number=5)
    return str(drop.cohort_id)


def pass_somebody_over(drop: Drop) -> str:
    drop.arrive(2)
    Room.objects.filter(pk=drop.cohort_id).update(served_up_to=1)
    return str(drop.cohort_id)


def give_freely(drop: Drop) -> str:
    SeatCount.objects.filter(pk=drop.cohort_id).update(by_turn=False)
    return str(drop.cohort_id)


def serve_out_of_turn(drop: Drop) -> str:
    """The second of two is let in first."""
    first, second = drop.arrive(2)
    for enrollment in (second, first):
        Ticket.objects.filter(pk=enrollment).update(state="admitted", decided_at=Now())
        events.append([NewEvent("enrollment.confirmed", enrollment)])
    return "ticket 2 was decided before ticket 1"


def number_out_of_turn(drop: Drop) -> str:
    """Two tickets change places after they were queued."""
    first, second = drop.arrive(2)
    for number, enrollment in ((7, first), (1, second), (2, first)):
        Ticket.objects.filter(pk=enrollment).update(number=number)
    return "ticket 2 was queued as 1"


def stand_still(drop: Drop) -> str:
    drop.arrive(1)
    Ticket.objects.update(taken_at=Now() - timedelta(minutes=2))
    return str(drop.cohort_id)


Broken = Callable[[Drop], str]
BROKEN: list[tuple[str, Broken]] = [
    ("tickets", lose_a_ticket),
    ("tickets", forget_a_ticket),
    ("tickets", skip_a_number),
    ("tickets", pass_somebody_over),
    ("tickets", give_freely),
    ("turns", serve_out_of_turn),
    ("turns", number_out_of_turn),
    ("stalled_lines", stand_still),
]


@pytest.mark.parametrize(("check", "break_it"), BROKEN)
def test_each_broken_promise_is_named(drop: Drop, check: str, break_it: Broken) -> None:
    named = break_it(drop)
    found = [finding for finding in doctor.examine() if finding.check == check]
    assert found
    assert any(named in finding.detail for finding in found)


def test_a_line_at_work_is_sound(drop: Drop) -> None:
    drop.arrive(5)
    drop.serve(2)
    assert doctor.examine() == []


def test_a_paused_line_may_wait(drop: Drop) -> None:
    stand_still(drop)
    Room.objects.filter(pk=drop.cohort_id).update(is_paused=True)
    assert doctor.examine() == []
