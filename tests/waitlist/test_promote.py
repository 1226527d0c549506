"""A seat comes free, and who waits gets it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.utils.translation import override

from matricula.accounts.models import Person
from matricula.catalog.models import Cohort
from matricula.enrollments.models import Enrollment
from matricula.flows import expire, promote
from matricula.kernel import clock
from matricula.kernel.models import Event
from matricula.seats import actions as seats
from matricula.seats.models import Hold
from matricula.waitlist.models import Entry
from tests.support.factories import complete, make_course
from tests.waitlist.conftest import (
    Full,
    assert_promises_kept,
    entry,
    full_course,
    offers,
    run_out,
    state,
    states,
    told,
)


def test_a_freed_seat_of_a_free_course_goes_to_the_first_who_waits(full: Full) -> None:
    first, second = full.join(), full.join()
    full.free()
    assert promote.promote(full.cohort) == 1
    assert states([first, second]) == ["accepted", "waiting"]
    assert told(first) == ["waitlist.joined", "waitlist.accepted"]
    enrollment = Enrollment.objects.get(pk=entry(first).enrollment_id)
    assert (enrollment.stage, enrollment.person_id) == ("confirmed", entry(first).person_id)
    assert_promises_kept()


def test_a_freed_seat_of_a_paid_course_is_offered_to_the_first_who_waits(paid: Full) -> None:
    first, second = paid.join(), paid.join()
    paid.free()
    promote.promote(paid.cohort)
    assert states([first, second]) == ["offered", "waiting"]
    (offer,) = offers(first)
    hold = Hold.objects.get(key=offer.pk)
    assert hold.state == "held"
    assert hold.expires_at is not None
    assert timedelta(hours=23) < hold.expires_at - clock.now() <= timedelta(hours=24)
    assert_promises_kept()


def test_whatever_frees_a_seat_owes_the_queue_its_turn(full: Full) -> None:
    full.join()
    full.free()
    (owed,) = Event.objects.filter(type="seats.freed")
    assert owed.data == {"cohort": str(full.cohort)}


def test_nothing_is_owed_where_nobody_waits(full: Full) -> None:
    full.free()
    assert not Event.objects.filter(type="seats.freed").exists()


def test_more_seats_owe_the_queue_its_turn(full: Full) -> None:
    waiting = [full.join() for _ in range(3)]
    seats.set_capacity(full.cohort, 3)
    assert Event.objects.filter(type="seats.freed").count() == 1
    promote.promote(full.cohort)
    assert states(waiting) == ["accepted", "accepted", "waiting"]


def test_newcomers_are_refused_until_those_who_wait_have_their_seats(full: Full) -> None:
    full.join()
    full.free()
    assert full.claim() == "full"
    promote.promote(full.cohort)
    seats.set_capacity(full.cohort, 2)
    assert full.claim() == "enrolled"
    assert_promises_kept()


def test_an_offer_that_runs_out_moves_on(paid: Full) -> None:
    first, second = paid.join(), paid.join()
    paid.free()
    promote.promote(paid.cohort)
    run_out(*(offer.pk for offer in offers(first)))
    assert expire.expire_due() == 1
    promote.promote(paid.cohort)
    assert states([first, second]) == ["lapsed", "offered"]
    assert told(first)[-1] == "waitlist.lapsed"
    assert_promises_kept()


def test_who_may_not_take_the_seat_keeps_the_place_and_is_told_why_once(full: Full) -> None:
    first, second = full.join(), full.join()
    full.course.prerequisites.add(required := make_course())
    allowed = entry(second).person_id
    complete(Person.objects.get(pk=allowed), required)
    full.free()
    promote.promote(full.cohort)
    promote.promote(full.cohort)
    assert states([first, second]) == ["waiting", "accepted"]
    assert entry(first).skipped_code == "prerequisites_not_met"
    assert required.title in str(entry(first).why_skipped)
    assert told(first) == ["waitlist.joined", "waitlist.skipped"]
    assert_promises_kept()


def test_who_was_passed_over_reads_the_reason_in_their_language(full: Full) -> None:
    waiting = full.join()
    full.course.prerequisites.add(required := make_course())
    full.free()
    promote.promote(full.cohort)
    with override("fr"):
        assert str(entry(waiting).why_skipped) == (
            f"Un cours requis manque. Terminez d\u2019abord : {required.title}."
        )
    assert "A required course is missing. Complete first" in str(entry(waiting).why_skipped)


def test_a_reason_written_down_as_a_sentence_is_still_read(full: Full) -> None:
    waiting = full.join()
    Entry.objects.filter(pk=waiting).update(
        skipped_code="prerequisites_not_met", skipped_reason="A required course is missing."
    )
    assert str(entry(waiting).why_skipped) == "A required course is missing."


def test_who_may_not_take_a_seat_does_not_keep_it_from_newcomers(full: Full) -> None:
    closed = entry(full.join()).person_id
    Person.objects.filter(pk=closed).update(is_active=False)
    full.join()
    full.course.prerequisites.add(make_course())
    full.free()
    promote.promote(full.cohort)
    assert not full.count.queued
    assert full.claim() == "enrolled"
    assert_promises_kept()


def test_who_was_passed_over_is_looked_at_again(full: Full) -> None:
    waiting = full.join()
    full.course.prerequisites.add(required := make_course())
    full.free()
    promote.promote(full.cohort)
    full.course.prerequisites.remove(required)
    with clock.using(lambda: _later(timedelta(minutes=6))):
        assert promote.sweep() == 1
    assert state(waiting) == "accepted"
    assert_promises_kept()


def _later(by: timedelta) -> datetime:
    return datetime.now(UTC) + by


def test_nobody_is_promoted_once_the_cohort_has_started(full: Full) -> None:
    waiting = full.join()
    started = clock.now() - timedelta(hours=1)
    Cohort.objects.filter(pk=full.cohort).update(starts_at=started, closes_at=None)
    full.free()
    assert promote.promote(full.cohort) == 0
    assert state(waiting) == "waiting"
    assert promote.sweep() == 0


def test_many_seats_go_to_many_in_order(db: None) -> None:
    full = full_course(3)
    waiting = [full.join() for _ in range(8)]
    seats.set_capacity(full.cohort, 8)
    assert promote.promote(full.cohort) == 5
    assert states(waiting) == ["accepted"] * 5 + ["waiting"] * 3


def test_a_party_gets_all_its_seats_or_none(db: None) -> None:
    full = full_course(4, price=100_000)
    party = full.join(3)
    full.free(2)
    promote.promote(full.cohort)
    assert (state(party), offers(party)) == ("waiting", [])
    assert entry(party).saving_since is not None
    full.free(1)
    promote.promote(full.cohort)
    assert [offer.number for offer in offers(party)] == [1, 2, 3]
    assert_promises_kept()


def test_smaller_places_go_past_a_party_no_more_often_than_it_has_seats(db: None) -> None:
    full = full_course(6)
    party, others = full.join(2), [full.join() for _ in range(3)]
    for _ in range(3):
        full.free()
        promote.promote(full.cohort)
    assert states(others) == ["accepted", "accepted", "waiting"]
    assert (state(party), entry(party).passed) == ("waiting", 2)
    full.free()
    promote.promote(full.cohort)
    assert state(party) == "offered"
    assert_promises_kept()


def test_in_a_free_course_who_joined_for_a_party_is_in_at_once(db: None) -> None:
    full = full_course(2)
    party = full.join(2)
    full.free(2)
    promote.promote(full.cohort)
    assert state(party) == "offered"
    assert entry(party).enrollment_id is not None
    assert [offer.number for offer in offers(party)] == [2]
    assert_promises_kept()


def test_seats_are_saved_for_a_party_for_a_day_and_then_go_to_whoever_comes(db: None) -> None:
    full = full_course(2, price=100_000)
    party = full.join(2)
    full.free(1)
    promote.promote(full.cohort)
    assert full.claim() == "full"
    with clock.using(lambda: _later(timedelta(hours=25))):
        promote.promote(full.cohort)
        assert full.claim() == "enrolled"
        assert state(party) == "waiting"
    with clock.using(lambda: _later(timedelta(hours=49))):
        full.free(1)
        promote.sweep()
        assert full.claim() == "full"
