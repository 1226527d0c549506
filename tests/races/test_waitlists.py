"""Waitlists under races: a seat freed twice at once, an offer accepted while it lapses, cancelling
and capacity against promotion, two parties and one gap. Without the guard the race shows.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.db.models.functions import Now

from matricula.catalog.models import Cohort, Course, CourseStatus
from matricula.enrollments.models import Enrollment
from matricula.flows import accept, cancel, expire, promote, waitlist
from matricula.flows.accept import Acceptance
from matricula.flows.waitlist import Wish
from matricula.seats import actions as seats
from matricula.seats.errors import CapacityTooSmall
from matricula.seats.models import Hold, SeatCount
from matricula.waitlist.errors import OfferEnded
from matricula.waitlist.models import Entry, Offer
from tests.races.conftest import Track
from tests.races.test_seat_changes import claim, give
from tests.support.crowds import all_at_once, changed, during, text_of
from tests.support.factories import make_course, only_cohort

CLAIMS = text_of("seats/sql/claims.sql")
NO_GATE = changed(CLAIMS, "CASE WHEN s.queued THEN 0", "CASE WHEN false THEN 0")


def place_of(
    track: Track, capacity: int, *, price: int | None = None
) -> tuple[tuple[UUID, UUID], list[tuple[UUID, UUID]]]:
    """A full course with a waitlist, and who has its seats: person and enrollment."""
    course = make_course(capacity=capacity, price=price)
    place = (course.pk, only_cohort(course))
    Cohort.objects.filter(pk=place[1]).update(waitlist_enabled=True)
    return place, [(person, give(person, place)) for person in track.crowd(capacity)]


def join(track: Track, place: tuple[UUID, UUID], size: int = 1) -> UUID:
    (person,) = track.crowd(1)
    standing, _ = waitlist.join(Wish(person, place[0], place[1], size))
    return standing.entry.id


def state(entry_id: UUID) -> str:
    return Entry.objects.values_list("state", flat=True).get(pk=entry_id)


def promises(track: Track) -> list[str]:
    return [found for found in track.broken_promises() if not found.startswith("unsent")]


def give_up(owner: tuple[UUID, UUID]) -> None:
    cancel.cancel(owner[1], owner[0], actor_id=owner[0])


def test_the_last_seat_freed_twice_at_once_is_given_once(track: Track) -> None:
    place, (owner,) = place_of(track, 1)
    first, second = join(track, place), join(track, place)
    give_up(owner)
    served = all_at_once(track.url, [lambda: promote.promote(place[1])] * 4)
    assert sorted(served, key=str) == [0, 0, 0, 1]
    assert (state(first), state(second)) == ("accepted", "waiting")
    assert promises(track) == []


def test_a_newcomer_who_claims_while_a_seat_is_freed_does_not_get_it(track: Track) -> None:
    place, (owner,) = place_of(track, 1)
    waiting, (newcomer,) = join(track, place), track.crowd(1)
    second = during(track.url, lambda: give_up(owner), lambda: claim(place, newcomer))
    assert second.result() == "full"
    assert promote.promote(place[1]) == 1
    assert state(waiting) == "accepted"
    assert promises(track) == []


def test_without_the_flag_under_the_lock_a_newcomer_gets_it(track: Track) -> None:
    track.install(NO_GATE)
    place, (owner,) = place_of(track, 1)
    waiting, (newcomer,) = join(track, place), track.crowd(1)
    second = during(track.url, lambda: give_up(owner), lambda: claim(place, newcomer))
    assert second.result() == "enrolled"
    promote.promote(place[1])
    assert state(waiting) == "waiting"


def closed_with_a_free_seat(track: Track) -> tuple[tuple[UUID, UUID], UUID]:
    """An archived course with a free seat, and who waits for it."""
    place, (owner,) = place_of(track, 1)
    waiting = join(track, place)
    Course.objects.filter(pk=place[0]).update(status=CourseStatus.ARCHIVED)
    give_up(owner)
    promote.promote(place[1])
    return place, waiting


def publish(place: tuple[UUID, UUID]) -> None:
    Course.objects.filter(pk=place[0]).update(status=CourseStatus.PUBLISHED)


def test_a_newcomer_who_claims_while_a_course_opens_again_does_not_get_the_seat(
    track: Track,
) -> None:
    place, waiting = closed_with_a_free_seat(track)
    (newcomer,) = track.crowd(1)
    second = during(track.url, lambda: publish(place), lambda: claim(place, newcomer))
    assert second.result() == "full"
    assert promote.sweep() == 1
    assert state(waiting) == "accepted"
    assert promises(track) == []


def test_without_a_queue_that_stands_while_closed_a_newcomer_gets_the_seat(track: Track) -> None:
    place, waiting = closed_with_a_free_seat(track)
    SeatCount.objects.filter(pk=place[1]).update(queued=False)
    (newcomer,) = track.crowd(1)
    second = during(track.url, lambda: publish(place), lambda: claim(place, newcomer))
    assert second.result() == "enrolled"
    promote.sweep()
    assert state(waiting) == "waiting"


def test_who_joins_while_the_last_who_waits_is_served_keeps_newcomers_out(track: Track) -> None:
    place, (owner,) = place_of(track, 1)
    first, (joining, newcomer) = join(track, place), track.crowd(2)
    give_up(owner)
    wish = Wish(joining, place[0], place[1])
    during(track.url, lambda: promote.promote(place[1]), lambda: waitlist.join(wish)).result()
    assert state(first) == "accepted"
    seats.set_capacity(place[1], 2)
    assert claim(place, newcomer) == "full"
    assert promote.promote(place[1]) == 1
    assert promises(track) == []


def let_run_out(entry_id: UUID) -> UUID:
    (offer,) = Offer.objects.filter(entry=entry_id)
    Hold.objects.filter(key=offer.pk).update(expires_at=Now() - timedelta(seconds=5))
    return offer.pk


def offered(track: Track) -> tuple[tuple[UUID, UUID], UUID, UUID, UUID]:
    """A seat offered whose time is over; the place, the entry, its person and the offer."""
    place, (owner,) = place_of(track, 1, price=100_000)
    waiting = join(track, place)
    give_up(owner)
    promote.promote(place[1])
    person = Entry.objects.values_list("person", flat=True).get(pk=waiting)
    return place, waiting, person, let_run_out(waiting)


def test_an_offer_accepted_first_is_not_swept_away(track: Track) -> None:
    _, waiting, person, offer = offered(track)
    second = during(track.url, lambda: accept.accept(Acceptance(offer, person)), expire.expire_due)
    assert second.result() == 0
    assert state(waiting) == "accepted"
    assert promises(track) == []


def test_an_offer_swept_first_cannot_be_accepted(track: Track) -> None:
    place, waiting, person, offer = offered(track)
    second = during(track.url, expire.expire_due, lambda: accept.accept(Acceptance(offer, person)))
    with pytest.raises(OfferEnded):
        second.result()
    assert state(waiting) == "lapsed"
    assert not Enrollment.objects.filter(person=person).exists()
    assert SeatCount.objects.get(pk=place[1]).held == 0
    assert promises(track) == []


def test_two_who_accept_at_once_have_one_enrollment(track: Track) -> None:
    _, _, person, offer = offered(track)
    got = all_at_once(track.url, [lambda: accept.accept(Acceptance(offer, person))] * 4)
    made = [receipt for receipt in got if not isinstance(receipt, Exception)]
    assert len([receipt for receipt in made if receipt.is_new]) == 1
    assert Enrollment.objects.filter(person=person).count() == 1
    assert all(isinstance(receipt, OfferEnded) for receipt in got if receipt not in made)
    assert promises(track) == []


def test_leaving_while_the_seat_is_given_ends_one_way(track: Track) -> None:
    place, (owner,) = place_of(track, 1, price=100_000)
    waiting = join(track, place)
    behind = join(track, place)
    person = Entry.objects.values_list("person", flat=True).get(pk=waiting)
    give_up(owner)
    during(
        track.url,
        lambda: waitlist.leave(person, waiting, actor_id=person),
        lambda: promote.promote(place[1]),
    ).result()
    promote.promote(place[1])
    assert (state(waiting), state(behind)) == ("left", "offered")
    assert promises(track) == []


def test_a_promotion_first_is_left_with_what_was_offered(track: Track) -> None:
    place, (owner,) = place_of(track, 1, price=100_000)
    waiting, behind = join(track, place), join(track, place)
    person = Entry.objects.values_list("person", flat=True).get(pk=waiting)
    give_up(owner)
    during(
        track.url,
        lambda: promote.promote(place[1]),
        lambda: waitlist.leave(person, waiting, actor_id=person),
    ).result()
    promote.promote(place[1])
    assert (state(waiting), state(behind)) == ("left", "offered")
    assert SeatCount.objects.get(pk=place[1]).held == 1
    assert promises(track) == []


def test_capacity_is_not_lowered_below_what_is_being_given(track: Track) -> None:
    place, owners = place_of(track, 2)
    waiting = join(track, place)
    give_up(owners[0])
    second = during(
        track.url, lambda: promote.promote(place[1]), lambda: seats.set_capacity(place[1], 1)
    )
    with pytest.raises(CapacityTooSmall):
        second.result()
    assert state(waiting) == "accepted"
    assert promises(track) == []


def test_capacity_lowered_first_leaves_nothing_to_give(track: Track) -> None:
    place, owners = place_of(track, 2)
    waiting = join(track, place)
    give_up(owners[0])
    second = during(
        track.url, lambda: seats.set_capacity(place[1], 1), lambda: promote.promote(place[1])
    )
    assert second.result() == 0
    assert state(waiting) == "waiting"
    assert promises(track) == []


def test_two_parties_and_one_gap_are_not_both_served(track: Track) -> None:
    place, owners = place_of(track, 4)
    first, second = join(track, place, 2), join(track, place, 2)
    give_up(owners[0])
    all_at_once(track.url, [lambda: promote.promote(place[1])] * 3)
    assert (state(first), state(second)) == ("waiting", "waiting")
    give_up(owners[1])
    served = all_at_once(track.url, [lambda: promote.promote(place[1])] * 3)
    assert sorted(served, key=str) == [0, 0, 1]
    assert (state(first), state(second)) == ("offered", "waiting")
    assert promises(track) == []


def test_a_crowd_that_cancels_joins_and_is_promoted_keeps_every_promise(track: Track) -> None:
    place, owners = place_of(track, 6)
    waiting = [join(track, place) for _ in range(4)]
    joiners = track.crowd(4)
    newcomers = track.crowd(4)
    works = [lambda owner=owner: give_up(owner) for owner in owners[:4]]
    works += [lambda p=p: waitlist.join(Wish(p, place[0], place[1])) for p in joiners]
    works += [lambda p=p: claim(place, p) for p in newcomers]
    works += [lambda: promote.promote(place[1])] * 3
    outcomes = all_at_once(track.url, works)
    assert [o for o in outcomes if isinstance(o, Exception)] == []
    promote.promote(place[1])
    assert [state(entry) for entry in waiting] == ["accepted"] * 4
    assert outcomes[8:12] == ["full"] * 4
    assert promises(track) == []
