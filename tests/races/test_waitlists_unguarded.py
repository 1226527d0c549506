"""The negative controls of `test_waitlists.py`: the same races without the locks go wrong."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.db.models import QuerySet

from matricula.enrollments.models import Enrollment
from matricula.flows import accept, expire, promote, waitlist
from matricula.flows.accept import Acceptance
from matricula.seats import actions as seats
from matricula.seats.models import SeatCount
from matricula.waitlist.models import Entry, Offer
from tests.races.conftest import Track
from tests.races.test_waitlists import give_up, join, offered, place_of, promises, state
from tests.support.crowds import during


@pytest.fixture(autouse=True)
def _no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever changes a list reads it as it was, instead of waiting for who changes it now."""
    monkeypatch.setattr(promote, "lock_people", lambda _people: None)
    monkeypatch.setattr(waitlist, "lock_person", lambda _person: None)
    monkeypatch.setattr(accept, "lock_person", lambda _person: None)
    monkeypatch.setattr(seats, "lock_counters", lambda _cohorts: None)
    monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, **_: rows)


def owner_of(entry_id: UUID) -> UUID:
    return Entry.objects.values_list("person", flat=True).get(pk=entry_id)


def test_a_seat_given_twice_is_told_twice(track: Track) -> None:
    place, (owner,) = place_of(track, 1)
    first = join(track, place)
    join(track, place)
    give_up(owner)
    during(track.url, lambda: promote.promote(place[1]), lambda: promote.promote(place[1])).result()
    assert state(first) == "accepted"
    assert any(found.startswith("waitlist_states") for found in promises(track))


def test_an_offer_that_lapses_is_accepted_all_the_same(track: Track) -> None:
    _, waiting, person, offer = offered(track)
    during(track.url, expire.expire_due, lambda: accept.accept(Acceptance(offer, person))).result()
    assert (state(waiting), Offer.objects.get(pk=offer).state) == ("lapsed", "accepted")
    assert Enrollment.objects.filter(person=person).exists()


def test_who_has_left_is_offered_the_seat_all_the_same(track: Track) -> None:
    place, (owner,) = place_of(track, 1, price=100_000)
    waiting, behind = join(track, place), join(track, place)
    person = owner_of(waiting)
    give_up(owner)
    during(
        track.url,
        lambda: waitlist.leave(person, waiting, actor_id=person),
        lambda: promote.promote(place[1]),
    ).result()
    assert (state(waiting), state(behind)) == ("offered", "waiting")
    assert any(found.startswith("waitlist_lengths") for found in promises(track))


def test_capacity_is_lowered_below_what_is_being_given(track: Track) -> None:
    track.run("ALTER TABLE seats_seatcount DROP CONSTRAINT never_oversold")
    place, owners = place_of(track, 2)
    join(track, place)
    give_up(owners[0])
    during(
        track.url, lambda: promote.promote(place[1]), lambda: seats.set_capacity(place[1], 1)
    ).result()
    assert SeatCount.objects.get(pk=place[1]).sold == 2
    assert any(found.startswith("oversold") for found in promises(track))


def test_a_gap_is_promised_to_a_party_twice(track: Track) -> None:
    place, owners = place_of(track, 4, price=100_000)
    first, second = join(track, place, 2), join(track, place, 2)
    for owner in owners[:2]:
        give_up(owner)
    outcome = during(
        track.url, lambda: promote.promote(place[1]), lambda: promote.promote(place[1])
    )
    assert isinstance(outcome.exception(), AssertionError)  # the database has no seat to hold
    assert (state(first), state(second)) == ("offered", "waiting")
