"""Whatever opens a closed cohort again, those who wait come before newcomers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from matricula.catalog.models import Cohort, Course, CourseStatus
from matricula.flows import promote, waitlist
from matricula.kernel import clock
from matricula.seats import actions as seats
from matricula.seats.models import SeatCount
from tests.waitlist.conftest import Full, assert_promises_kept, entry, state

DAY = timedelta(days=1)
Change = Callable[[Full], object]


def cohort_dates(**moved: timedelta | None) -> Change:
    """Sets these dates of the cohort, as distances from now."""

    def change(full: Full) -> object:
        at = {name: clock.now() + by if by is not None else None for name, by in moved.items()}
        return Cohort.objects.filter(pk=full.cohort).update(**at)

    return change


def status(value: CourseStatus) -> Change:
    return lambda full: Course.objects.filter(pk=full.course.pk).update(status=value)


@pytest.mark.parametrize(
    ("close", "reopen"),
    [
        (status(CourseStatus.ARCHIVED), status(CourseStatus.PUBLISHED)),
        (cohort_dates(closes_at=-timedelta(minutes=1)), cohort_dates(closes_at=DAY)),
        (cohort_dates(opens_at=DAY), cohort_dates(opens_at=-DAY)),
        (
            cohort_dates(closes_at=None, starts_at=-timedelta(minutes=1)),
            cohort_dates(starts_at=DAY),
        ),
    ],
    ids=["archived", "closed", "not open yet", "started"],
)
def test_a_newcomer_does_not_pass_who_waits(full: Full, close: Change, reopen: Change) -> None:
    waiting = full.join()
    close(full)
    full.free()
    assert promote.promote(full.cohort) == 0
    assert promote.sweep() == 0
    assert_promises_kept()
    reopen(full)
    assert full.claim() == "full"
    assert promote.sweep() == 1
    assert state(waiting) == "accepted"
    assert_promises_kept()


def test_seats_added_while_it_was_closed_go_to_who_waits(full: Full) -> None:
    waiting = full.join()
    status(CourseStatus.ARCHIVED)(full)
    seats.set_capacity(full.cohort, 2)
    promote.promote(full.cohort)
    status(CourseStatus.PUBLISHED)(full)
    assert full.claim() == "full"
    assert promote.sweep() == 1
    assert state(waiting) == "accepted"
    assert full.claim() == "full"


def test_a_list_that_keeps_no_seats_while_closed_is_mended_by_the_sweep(full: Full) -> None:
    """As earlier releases left it."""
    full.join()
    status(CourseStatus.ARCHIVED)(full)
    full.free()
    SeatCount.objects.filter(pk=full.cohort).update(queued=False)
    assert promote.sweep() == 0
    assert full.count.queued


def test_who_leaves_while_it_is_closed_keeps_no_seat(full: Full) -> None:
    place = full.join()
    status(CourseStatus.ARCHIVED)(full)
    full.free()
    promote.promote(full.cohort)
    person = entry(place).person_id
    waitlist.leave(person, place, actor_id=person)
    status(CourseStatus.PUBLISHED)(full)
    assert full.claim() == "enrolled"
