"""Taking tickets: who gets one, in which order, and where it stands."""

from __future__ import annotations

from datetime import timedelta

import pytest

from matricula.catalog.models import Cohort
from matricula.enrollments.errors import RegistrationNotOpen
from matricula.enrollments.models import Enrollment
from matricula.enrollments.states import Stage
from matricula.flows import admit, cancel
from matricula.flows.enroll import Application, enroll
from matricula.kernel import clock
from matricula.pricing.errors import CouponInvalid
from matricula.seats.errors import CourseFull
from matricula.seats.models import Hold
from matricula.waitingroom import queries
from matricula.waitingroom.models import Ticket
from tests.support.factories import make_people, make_person
from tests.waitingroom.conftest import Drop, make_drop, told


def test_enrolling_in_a_drop_takes_a_ticket_and_no_seat(drop: Drop) -> None:
    receipt = enroll(Application(make_person().pk, drop.course.slug))
    assert (receipt.stage, receipt.is_new) == (Stage.REQUESTED, True)
    assert Ticket.objects.get(pk=receipt.enrollment_id).number == 1
    assert not Hold.objects.filter(key=receipt.enrollment_id).exists()


def test_a_ticket_tells_that_it_was_asked_for_and_queued(drop: Drop) -> None:
    (enrollment_id,) = drop.arrive(1)
    assert told(enrollment_id) == ["enrollment.requested", "enrollment.queued"]


def test_numbers_follow_the_order_of_arrival(drop: Drop) -> None:
    first, second = drop.arrive(3), drop.arrive(2)
    rows = Ticket.objects.filter(line=drop.cohort_id).order_by("number")
    assert list(rows.values_list("enrollment", flat=True)) == first + second
    assert list(rows.values_list("number", flat=True)) == [1, 2, 3, 4, 5]


def test_asking_again_gives_the_same_ticket(drop: Drop) -> None:
    person = make_person().pk
    first = enroll(Application(person, drop.course.slug))
    again = enroll(Application(person, drop.course.slug))
    assert (again.enrollment_id, again.is_new) == (first.enrollment_id, False)
    assert drop.states() == ["waiting"]


def test_a_second_request_that_missed_the_first_gets_the_same_ticket(drop: Drop) -> None:
    person = make_person().pk
    (first,), (again,) = drop.ask([person]), drop.ask([person])
    assert (again.outcome, again.enrollment_id) == ("already", first.enrollment_id)
    assert drop.states() == ["waiting"]


def test_no_ticket_is_taken_before_registration_opens(drop: Drop) -> None:
    opens_at = clock.now() + timedelta(hours=1)
    Cohort.objects.filter(pk=drop.cohort_id).update(opens_at=opens_at)
    with pytest.raises(RegistrationNotOpen):
        enroll(Application(make_person().pk, drop.course.slug))
    assert drop.states() == []


def test_the_clock_of_the_database_opens_the_line(drop: Drop) -> None:
    """Whatever a process's own clock says."""
    opens_at = clock.now() + timedelta(hours=1)
    Cohort.objects.filter(pk=drop.cohort_id).update(opens_at=opens_at)
    with clock.using(lambda: opens_at), pytest.raises(RegistrationNotOpen):
        enroll(Application(make_person().pk, drop.course.slug))
    assert drop.states() == []


def test_no_ticket_is_taken_after_registration_is_over(drop: Drop) -> None:
    Cohort.objects.filter(pk=drop.cohort_id).update(closes_at=clock.now() - timedelta(minutes=1))
    (answer,) = drop.ask([make_person().pk])
    assert answer.outcome == "over"
    assert not Enrollment.objects.filter(course=drop.course).exists()


def test_nobody_lines_up_for_what_is_full(drop: Drop) -> None:
    drop.arrive(3)
    drop.serve()
    with pytest.raises(CourseFull):
        enroll(Application(make_person().pk, drop.course.slug))


def test_a_useless_coupon_is_told_before_the_wait(drop: Drop) -> None:
    with pytest.raises(CouponInvalid):
        enroll(Application(make_person().pk, drop.course.slug, coupon_code="SAVE50"))
    assert drop.states() == []


def test_several_lines_are_joined_in_one_call(db: None) -> None:
    drops = [make_drop(), make_drop()]
    people = [person.pk for person in make_people(4)]
    answers = admit.queue(
        [
            admit.Request(person, drops[at % 2].course.pk, drops[at % 2].cohort_id)
            for at, person in enumerate(people)
        ]
    )
    assert [answer.number for answer in answers] == [1, 1, 2, 2]


# --- where a ticket stands ------------------------------------------------------------------


def positions(enrollment_ids: list) -> list[int | None]:  # type: ignore[type-arg]
    places = [queries.place_of(enrollment_id) for enrollment_id in enrollment_ids]
    return [place.position if place else None for place in places]


def test_positions_count_those_ahead(drop: Drop) -> None:
    assert positions(drop.arrive(4)) == [1, 2, 3, 4]


def test_positions_move_up_as_the_line_is_served(drop: Drop) -> None:
    tickets = drop.arrive(5)
    drop.serve(2)
    assert positions(tickets) == [None, None, 1, 2, 3]


def test_positions_move_up_as_people_leave(drop: Drop) -> None:
    tickets = drop.arrive(4)
    give_up(tickets[1])
    assert positions(tickets) == [1, None, 2, 3]


def test_those_who_left_before_the_served_part_are_not_counted_twice(drop: Drop) -> None:
    tickets = drop.arrive(6)
    give_up(tickets[0])
    give_up(tickets[3])
    drop.serve(2)
    assert positions(tickets) == [None, None, 1, None, 2, 3]


def give_up(enrollment_id: object) -> None:
    row = Enrollment.objects.get(pk=enrollment_id)
    cancel.cancel(row.pk, row.person_id, actor_id=row.person_id)


def test_leaving_cancels_and_says_so(drop: Drop) -> None:
    (ticket,) = drop.arrive(1)
    give_up(ticket)
    assert Enrollment.objects.get(pk=ticket).stage == Stage.CANCELLED
    assert told(ticket)[-1] == "enrollment.cancelled"
    assert drop.states() == ["left"]


def test_who_left_may_come_back_to_the_end_of_the_line(drop: Drop) -> None:
    tickets = drop.arrive(2)
    person = Enrollment.objects.get(pk=tickets[0]).person_id
    give_up(tickets[0])
    receipt = enroll(Application(person, drop.course.slug))
    assert Ticket.objects.get(pk=receipt.enrollment_id).number == 3
