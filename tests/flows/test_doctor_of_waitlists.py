"""The doctor's checks of waitlists, each broken once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from matricula.enrollments.models import Enrollment
from matricula.flows import doctor, promote
from matricula.kernel.models import Event
from matricula.seats import actions as seats
from matricula.seats.models import SeatCount
from matricula.waitlist.models import Entry, Offer, Queue, Stretch
from tests.support.plans import without_triggers
from tests.waitlist.conftest import Full, full_course

Broken = Callable[[Full], str]  # a full course that somebody waits for; what must be named


def forget_a_place(full: Full) -> str:
    Queue.objects.filter(pk=full.cohort).update(length=0)
    return str(full.cohort)


def let_newcomers_in(full: Full) -> str:
    SeatCount.objects.filter(pk=full.cohort).update(queued=False)
    return str(full.cohort)


def refuse_newcomers_for_nobody(full: Full) -> str:
    Entry.objects.filter(cohort=full.cohort).update(is_counted=False)
    return str(full.cohort)


def miscount_a_stretch(full: Full) -> str:
    Stretch.objects.filter(cohort=full.cohort).update(seats=7)
    return str(full.cohort)


def lose_a_stretch(full: Full) -> str:
    Stretch.objects.filter(cohort=full.cohort).delete()
    return str(full.cohort)


def leave_seats_unlooked_at(full: Full) -> str:
    """A seat came free two minutes ago, and another just now."""
    Queue.objects.filter(pk=full.cohort).update(looked_at=Now() - timedelta(minutes=9))
    full.free()
    with without_triggers():
        Event.objects.filter(type="seats.freed").update(at=Now() - timedelta(minutes=2))
    seats.set_capacity(full.cohort, 2)
    return str(full.cohort)


def look_away_from_free_seats(full: Full) -> str:
    """The seat was free when the list was looked at, two minutes ago."""
    full.free()
    with without_triggers():
        Event.objects.filter(type="seats.freed").update(at=Now() - timedelta(minutes=3))
    Queue.objects.filter(pk=full.cohort).update(looked_at=Now() - timedelta(minutes=2))
    return str(full.cohort)


def never_look(full: Full) -> str:
    full.free()
    with without_triggers():
        Event.objects.filter(type="seats.freed").update(at=Now() - timedelta(minutes=2))
    Queue.objects.filter(pk=full.cohort).update(looked_at=None)
    return str(full.cohort)


def lose_an_offer(full: Full) -> str:
    full.free()
    promote.promote(full.cohort)
    entry = Entry.objects.get(cohort=full.cohort)
    Offer.objects.filter(entry=entry).update(state="lapsed")
    return str(entry.pk)


def stay_where_one_wanted_to_leave(full: Full) -> str:
    entry, other = Entry.objects.get(cohort=full.cohort), full_course()
    chosen = other.join(person=entry.person_id)
    Entry.objects.filter(pk=chosen).update(leaves_others=True)
    other.free()
    promote.promote(other.cohort)
    long_ago = Now() - timedelta(minutes=2)
    Entry.objects.filter(pk=entry.pk).update(joined_at=Now() - timedelta(minutes=3))
    Entry.objects.filter(pk=chosen).update(ended_at=long_ago)
    Enrollment.objects.filter(person=entry.person_id).update(confirmed_at=long_ago)
    return str(entry.pk)


def change_silently(full: Full) -> str:
    entry = Entry.objects.get(cohort=full.cohort)
    Entry.objects.filter(pk=entry.pk).update(state="left")
    return str(entry.pk)


BROKEN: list[tuple[str, Broken]] = [
    ("waitlist_lengths", forget_a_place),
    ("waitlist_gate", let_newcomers_in),
    ("waitlist_gate", refuse_newcomers_for_nobody),
    ("waitlist_stretches", miscount_a_stretch),
    ("waitlist_stretches", lose_a_stretch),
    ("waitlist_turns", leave_seats_unlooked_at),
    ("waitlist_turns", look_away_from_free_seats),
    ("waitlist_turns", never_look),
    ("waitlist_offers", lose_an_offer),
    ("waitlist_wishes", stay_where_one_wanted_to_leave),
    ("waitlist_states", change_silently),
]
MENDED = {"waitlist_lengths", "waitlist_gate", "waitlist_stretches"}


@pytest.fixture
def waited_for(db: None) -> Full:
    full = full_course(1, price=100_000)
    full.join()
    return full


def named(part: object) -> str:
    return getattr(part, "__name__", str(part))


def test_a_list_that_is_sound_has_no_findings(waited_for: Full) -> None:
    assert doctor.examine() == []


@pytest.mark.parametrize("looked", [None, timedelta(minutes=9)], ids=["never", "long ago"])
def test_a_seat_that_came_free_a_moment_ago_is_no_finding(
    waited_for: Full, looked: timedelta | None
) -> None:
    looked_at = None if looked is None else Now() - looked
    Queue.objects.filter(pk=waited_for.cohort).update(looked_at=looked_at)
    waited_for.free()
    assert doctor.examine() == []


@pytest.mark.parametrize(("check", "break_it"), BROKEN, ids=named)
def test_each_broken_promise_of_a_list_is_named(
    waited_for: Full, check: str, break_it: Broken
) -> None:
    wanted = break_it(waited_for)
    (finding,) = [found for found in doctor.examine() if found.check == check]
    assert wanted in finding.detail


@pytest.mark.parametrize(
    ("check", "break_it"), [case for case in BROKEN if case[0] in MENDED], ids=named
)
def test_what_can_be_derived_is_mended(waited_for: Full, check: str, break_it: Broken) -> None:
    break_it(waited_for)
    (finding,) = [found for found in doctor.examine(repair=True) if found.check == check]
    assert finding.repaired
    assert doctor.examine() == []
