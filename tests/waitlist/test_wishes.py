"""Waiting for one seat in place of another, and leaving other lists once in."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from matricula.catalog.models import Cohort, Course
from matricula.enrollments import errors
from matricula.enrollments.models import Enrollment
from matricula.flows import cancel, promote, waitlist, waitlist_staff
from matricula.flows.enroll import Application, enroll
from matricula.flows.swap import swap
from matricula.flows.waitlist import Wish
from matricula.kernel import clock
from matricula.kernel.errors import IllegalState, NotFound, ValidationFailed
from matricula.orders.models import OrderLine
from matricula.seats.models import SeatCount
from matricula.waitlist.errors import SeatsLeft
from tests.support.factories import make_cohort, make_person
from tests.support.paying import checkout
from tests.support.sandbox import Sandbox
from tests.waitlist.conftest import (
    Full,
    assert_promises_kept,
    entry,
    full_course,
    offers,
    state,
    states,
    told,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def person(db: None) -> UUID:
    return make_person().pk


def wait_in_place_of(person: UUID, full: Full, enrollment: UUID, party_size: int = 1) -> UUID:
    return full.join(party_size, person, replaces=enrollment)


def other_intake(full: Full, capacity: int = 5) -> UUID:
    """A second cohort of the course, with seats."""
    return make_cohort(full.course, capacity=capacity).pk


def enrolled(person: UUID, cohort: UUID) -> UUID:
    return enroll(Application(person, cohort_id=cohort)).enrollment_id


def live(person: UUID, course: Course) -> list[UUID]:
    rows = Enrollment.objects.filter(person=person, course=course, stage="confirmed")
    return list(rows.values_list("cohort", flat=True))


def sold(cohort: UUID) -> int:
    return SeatCount.objects.get(pk=cohort).sold


def test_whose_turn_comes_is_swapped_and_has_one_seat(full: Full, person: UUID) -> None:
    first = other_intake(full)
    mine = enrolled(person, first)
    place = wait_in_place_of(person, full, mine)
    assert live(person, full.course) == [first]
    full.free()
    assert promote.promote(full.cohort) == 1
    assert live(person, full.course) == [full.cohort]
    assert (state(place), sold(first), sold(full.cohort)) == ("accepted", 0, 1)
    assert told(mine)[-2:] == ["enrollment.cancelled", "access.revoked"]
    assert told(place) == ["waitlist.joined", "waitlist.accepted"]
    assert_promises_kept()


def test_the_seat_given_up_goes_to_who_waits_for_that(full: Full, person: UUID) -> None:
    first = other_intake(full, capacity=1)
    mine = enrolled(person, first)
    Cohort.objects.filter(pk=first).update(waitlist_enabled=True)
    behind = waitlist.join(Wish(make_person().pk, full.course.slug, first))[0].entry.id
    wait_in_place_of(person, full, mine)
    full.free()
    promote.promote(full.cohort)
    assert promote.promote(first) == 1
    assert state(behind) == "accepted"
    assert_promises_kept()


def test_what_was_paid_pays_for_the_other_seat_and_nothing_is_asked(sandbox: Sandbox) -> None:
    lab = Course.objects.get(slug="evening-lab")
    other = make_cohort(lab, capacity=1, waitlist_enabled=True)
    owner, buyer = make_person().pk, checkout(sandbox, "evening-lab")
    buyer.hand_back(buyer.pay())
    taken = enroll(Application(owner, cohort_id=other.pk)).enrollment_id
    wish = Wish(buyer.person_id, lab.slug, other.pk, replaces=buyer.enrollment_id)
    place = waitlist.join(wish)[0].entry.id
    cancel.cancel(taken, owner, actor_id=owner)
    promote.promote(other.pk)
    assert (state(place), offers(place)) == ("accepted", [])
    line = OrderLine.objects.get(order=buyer.order_id)
    assert line.enrollment_id == entry(place).enrollment_id
    assert line.enrollment.cohort_id == other.pk
    assert_promises_kept()


def test_who_cannot_be_swapped_keeps_the_seat_and_the_place_and_is_told_why(
    sandbox: Sandbox,
) -> None:
    """What was paid for is swapped until it starts."""
    lab = Course.objects.get(slug="evening-lab")
    first = Cohort.objects.get(course=lab)
    other = make_cohort(lab, capacity=1, waitlist_enabled=True)
    owner, buyer = make_person().pk, checkout(sandbox, "evening-lab")
    buyer.hand_back(buyer.pay())
    taken = enroll(Application(owner, cohort_id=other.pk)).enrollment_id
    wish = Wish(buyer.person_id, lab.slug, other.pk, replaces=buyer.enrollment_id)
    place = waitlist.join(wish)[0].entry.id
    behind = waitlist.join(Wish(make_person().pk, lab.slug, other.pk))[0].entry.id
    Cohort.objects.filter(pk=first.pk).update(starts_at=clock.now() - timedelta(minutes=1))
    cancel.cancel(taken, owner, actor_id=owner)
    promote.promote(other.pk)
    assert states([place, behind]) == ["waiting", "offered"]
    assert "until it starts" in str(entry(place).why_skipped)
    assert live(buyer.person_id, lab) == [first.pk]


def test_order_is_kept_between_those_who_swap_and_the_others(db: None) -> None:
    full = full_course(4)
    first = other_intake(full)
    people = [make_person().pk for _ in range(2)]
    places = [full.join()]
    places += [wait_in_place_of(person, full, enrolled(person, first)) for person in people]
    places += [full.join()]
    full.free(3)
    promote.promote(full.cohort)
    assert states(places) == ["accepted", "accepted", "accepted", "waiting"]
    assert_promises_kept()


def test_a_seat_swapped_by_hand_meanwhile_is_the_one_given_up(full: Full, person: UUID) -> None:
    first, second = other_intake(full), other_intake(full)
    mine = enrolled(person, first)
    wait_in_place_of(person, full, mine)
    swap(mine, person, second, actor_id=person)
    full.free()
    promote.promote(full.cohort)
    assert live(person, full.course) == [full.cohort]
    assert (sold(first), sold(second)) == (0, 0)


def test_whose_seat_has_ended_meanwhile_waits_like_everybody(paid: Full) -> None:
    lab, person = paid, make_person().pk
    with_seat = full_course(1)
    enrollment = with_seat.owners[0]
    wish = Wish(enrollment[0], lab.course.slug, lab.cohort, replaces=enrollment[1])
    with pytest.raises(IllegalState, match="does not cost what you paid"):
        waitlist.join(wish)
    free = full_course(1)
    mine = enrolled(person, other_intake(free))
    place = wait_in_place_of(person, free, mine)
    cancel.cancel(mine, person, actor_id=person)
    free.free()
    promote.promote(free.cohort)
    assert state(place) == "accepted"
    assert live(person, free.course) == [free.cohort]


def test_staff_gives_the_seat_by_hand_by_the_same_swap(full: Full, person: UUID) -> None:
    ahead = full.join()
    mine = enrolled(person, first := other_intake(full))
    place = wait_in_place_of(person, full, mine)
    full.free()
    waitlist_staff.give_seat(place, actor_id=make_person(is_staff=True).pk)
    assert states([ahead, place]) == ["waiting", "accepted"]
    assert (live(person, full.course), sold(first)) == ([full.cohort], 0)
    assert_promises_kept()


def test_anothers_seat_is_not_given_up(full: Full, person: UUID) -> None:
    theirs = enrolled(make_person().pk, other_intake(full))
    with pytest.raises(NotFound):
        wait_in_place_of(person, full, theirs)


def test_a_party_is_not_swapped_into(db: None) -> None:
    full = full_course(3)
    person = make_person().pk
    mine = enrolled(person, other_intake(full))
    with pytest.raises(ValidationFailed, match="Only one seat"):
        wait_in_place_of(person, full, mine, party_size=2)


def test_with_a_seat_left_one_is_led_to_the_swap(full: Full, person: UUID) -> None:
    mine = enrolled(person, other_intake(full))
    full.free()
    with pytest.raises(SeatsLeft) as refused:
        wait_in_place_of(person, full, mine)
    assert refused.value.guidance.actions[0].url.endswith("/swap/")


def test_without_giving_a_seat_up_one_does_not_wait_for_a_second(full: Full, person: UUID) -> None:
    enrolled(person, other_intake(full))
    with pytest.raises(errors.AlreadyEnrolled):
        full.join(person=person)


# --- several lists --------------------------------------------------------------------------


def waits(person: UUID, full: Full, *, leaves_others: bool = False) -> UUID:
    wish = Wish(person, full.course.slug, full.cohort, leaves_others=leaves_others)
    return waitlist.join(wish)[0].entry.id


def test_who_is_in_leaves_the_lists_they_wanted_to_leave(full: Full, person: UUID) -> None:
    second = full_course()
    chosen, other = waits(person, full, leaves_others=True), waits(person, second)
    full.free()
    promote.promote(full.cohort)
    assert waitlist.leave_others() == 1
    assert states([chosen, other]) == ["accepted", "left"]
    assert not second.count.queued
    assert waitlist.leave_others() == 0
    assert_promises_kept()


def test_who_did_not_ask_for_it_stays_in_other_lists(full: Full, person: UUID) -> None:
    second = full_course()
    waits(person, full)
    other = waits(person, second, leaves_others=True)
    full.free()
    promote.promote(full.cohort)
    assert waitlist.leave_others() == 0
    assert state(other) == "waiting"


def test_a_list_joined_after_one_was_in_is_kept(full: Full, person: UUID) -> None:
    waits(person, full, leaves_others=True)
    full.free()
    promote.promote(full.cohort)
    waits(person, full_course())
    assert waitlist.leave_others() == 0


def test_who_is_in_gets_no_second_seat_before_they_have_left(full: Full, person: UUID) -> None:
    second = full_course()
    waits(person, full, leaves_others=True)
    other, behind = waits(person, second), second.join()
    full.free()
    promote.promote(full.cohort)
    second.free()
    promote.promote(second.cohort)
    assert states([other, behind]) == ["left", "accepted"]
    assert told(other) == ["waitlist.joined", "waitlist.left"]
    assert live(person, second.course) == []
    assert_promises_kept()


def test_a_seat_that_is_not_paid_for_yet_ends_no_other_waiting(paid: Full, person: UUID) -> None:
    second = full_course()
    waits(person, paid, leaves_others=True)
    other = waits(person, second)
    paid.free()
    promote.promote(paid.cohort)
    assert waitlist.leave_others() == 0
    assert state(other) == "waiting"


def test_a_wish_is_changed_while_one_waits_and_not_after(full: Full, person: UUID) -> None:
    place = waits(person, full)
    waitlist.change_wish(person, place, replaces=None, leaves_others=True)
    assert entry(place).leaves_others
    assert told(place)[-1] == "waitlist.changed"
    full.free()
    promote.promote(full.cohort)
    with pytest.raises(IllegalState):
        waitlist.change_wish(person, place, replaces=None, leaves_others=False)
