"""Serving the line: in order, by the rules, until the seats are out."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext

from matricula.catalog.models import CoursePrice, CourseStatus
from matricula.enrollments.admission import Rule
from matricula.enrollments.models import Enrollment
from matricula.enrollments.states import Stage
from matricula.flows import admit, doctor, expire, overrides, rooms
from matricula.flows.enroll import Application, enroll
from matricula.kernel import clock, correlation, ids
from matricula.kernel.models import Event
from matricula.seats import actions as seats
from matricula.seats.models import Hold, SeatCount
from matricula.waitingroom import queries
from matricula.waitingroom.models import Ticket
from tests.support.factories import complete, make_course, make_people, make_person
from tests.waitingroom.conftest import Drop, make_drop, told
from tests.waitingroom.test_tickets import give_up


def test_the_first_to_arrive_get_the_seats(drop: Drop) -> None:
    drop.arrive(5)
    assert drop.serve() == 5
    assert drop.states() == ["admitted"] * 3 + ["refused"] * 2
    assert SeatCount.objects.get(pk=drop.cohort_id).sold == 3


def test_who_is_admitted_is_enrolled_and_told(drop: Drop) -> None:
    (ticket,) = drop.arrive(1)
    drop.serve()
    row = Enrollment.objects.get(pk=ticket)
    assert (row.stage, row.confirmed_at is not None) == (Stage.CONFIRMED, True)
    assert told(ticket)[2:] == ["enrollment.confirmed", "access.granted"]


def test_who_comes_too_late_is_told_that_it_is_full(drop: Drop) -> None:
    tickets = drop.arrive(4)
    drop.serve()
    row = Enrollment.objects.get(pk=tickets[3])
    assert (row.stage, row.reason) == (Stage.FAILED, admit.FULL)
    last = Event.objects.filter(subject=row.pk).latest("subject_seq")
    assert (last.type, last.data["code"]) == ("enrollment.failed", "course_full")
    assert Ticket.objects.get(pk=row.pk).code == "course_full"


def test_what_follows_carries_the_correlation_id_of_the_request(drop: Drop) -> None:
    with correlation.following("asked-for-by-me"):
        (ticket,) = drop.arrive(1)
    drop.serve()
    ids = Event.objects.filter(subject=ticket).values_list("correlation_id", flat=True)
    assert set(ids) == {"asked-for-by-me"}


def test_a_paid_seat_is_held_from_the_moment_its_owner_is_told(db: None) -> None:
    drop = make_drop(capacity=1, price=100_000)
    tickets = drop.arrive(2)
    drop.serve()
    row = Enrollment.objects.get(pk=tickets[0])
    assert (row.stage, told(row.pk)[-1]) == (Stage.VALIDATED, "enrollment.held")
    assert Hold.objects.get(key=row.pk).expires_at == row.hold_expires_at
    assert drop.states() == ["admitted", "refused"]


def test_who_was_admitted_goes_on_to_the_checkout(db: None) -> None:
    drop = make_drop(capacity=1, price=100_000)
    (ticket,) = drop.arrive(1)
    drop.serve()
    person = Enrollment.objects.get(pk=ticket).person_id
    receipt = enroll(Application(person, drop.course.slug))
    assert (receipt.enrollment_id, receipt.stage) == (ticket, Stage.PAYMENT_PENDING)
    again = enroll(Application(person, drop.course.slug))
    assert (again.order_id, again.stage) == (receipt.order_id, Stage.PAYMENT_PENDING)
    assert doctor.examine() == []


def test_a_held_seat_that_nobody_comes_for_goes_back(db: None) -> None:
    drop = make_drop(capacity=1, price=100_000)
    (ticket,) = drop.arrive(1)
    drop.serve()
    Hold.objects.filter(key=ticket).update(expires_at="2020-01-01T00:00:00Z")
    assert expire.expire_due() == 1
    assert Enrollment.objects.get(pk=ticket).stage == Stage.EXPIRED
    assert doctor.examine() == []


def test_the_rules_are_asked_again_at_the_turn(db: None) -> None:
    first = make_course()
    drop = make_drop(capacity=5)
    people = [person.pk for person in make_people(2)]
    drop.ask(people)
    drop.course.prerequisites.add(first)
    complete_for = Enrollment.objects.get(person=people[1], course=drop.course).person
    complete(complete_for, first)
    drop.serve()
    assert drop.states() == ["refused", "admitted"]
    assert set(Ticket.objects.values_list("code", flat=True)) == {"prerequisites_not_met", ""}


def test_a_course_withdrawn_meanwhile_admits_nobody(drop: Drop) -> None:
    drop.arrive(2)
    type(drop.course).objects.filter(pk=drop.course.pk).update(status=CourseStatus.ARCHIVED)
    drop.serve()
    assert drop.states() == ["refused", "refused"]


def test_who_came_in_time_is_served_after_registration_is_over(drop: Drop) -> None:
    drop.arrive(1)
    drop.course.cohorts.update(closes_at="2020-01-02T00:00:00Z", opens_at="2020-01-01T00:00:00Z")
    drop.serve()
    assert drop.states() == ["admitted"]


def test_who_left_is_passed_over(drop: Drop) -> None:
    tickets = drop.arrive(5)
    give_up(tickets[0])
    give_up(tickets[2])
    drop.serve()
    assert drop.states() == ["left", "admitted", "left", "admitted", "admitted"]


def test_a_line_that_everybody_left_is_served(drop: Drop) -> None:
    for ticket in drop.arrive(2):
        give_up(ticket)
    assert drop.serve() == 0
    assert drop.room.served_up_to == 2


def test_a_paused_room_takes_tickets_and_lets_nobody_in(drop: Drop) -> None:
    drop.arrive(1)
    rooms.pause(drop.cohort_id, True)
    drop.arrive(1)
    assert (drop.serve(), drop.states()) == (0, ["waiting", "waiting"])
    rooms.pause(drop.cohort_id, False)
    assert (drop.serve(), drop.states()) == (2, ["admitted", "admitted"])


def test_a_long_line_is_served_in_bounded_transactions(db: None) -> None:
    drop = make_drop(capacity=25)
    drop.arrive(60)
    served = []
    while count := drop.serve(limit=10):
        served.append(count)
    assert served == [10] * 6
    assert drop.states() == ["admitted"] * 25 + ["refused"] * 35
    assert (drop.room.admitted, drop.room.refused) == (25, 35)
    assert doctor.examine() == []


def test_a_batch_takes_as_many_queries_however_large(db: None) -> None:
    counts = []
    for size in (2, 40):
        drop = make_drop(capacity=100)
        drop.arrive(size)
        with CaptureQueriesContext(connection) as captured:
            drop.serve()
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_seats_that_come_free_are_for_whoever_arrives_next(drop: Drop) -> None:
    tickets = drop.arrive(4)
    drop.serve()
    give_up(tickets[0])
    drop.arrive(1)
    drop.serve()
    assert drop.states() == ["admitted"] * 3 + ["refused", "admitted"]


def test_an_unlimited_course_admits_everybody(db: None) -> None:
    drop = make_drop(capacity=None)
    drop.arrive(12)
    drop.serve()
    assert set(drop.states()) == {"admitted"}


def test_a_course_that_became_paid_meanwhile_holds_the_seat(drop: Drop) -> None:
    (ticket,) = drop.arrive(1)
    CoursePrice.objects.create(course=drop.course, currency="INR", amount_minor=100_000)
    drop.serve()
    assert Enrollment.objects.get(pk=ticket).stage == Stage.VALIDATED


def test_more_seats_meanwhile_admit_more(drop: Drop) -> None:
    drop.arrive(4)
    seats.set_capacity(drop.cohort_id, 4)
    drop.serve()
    assert drop.states() == ["admitted"] * 4


def test_who_has_no_ticket_has_no_place(db: None) -> None:
    assert queries.place_of(ids.new_id()) is None


def test_a_crowd_is_served_in_order_in_bounded_transactions(db: None) -> None:
    """Ten thousand are served by `bench p5`."""
    drop = make_drop(capacity=100)
    people = [person.pk for person in make_people(1_200)]
    drop.ask(people)
    served = []
    while count := drop.serve():
        served.append(count)
    assert (max(served), sum(served)) == (admit.BATCH, len(people))
    assert drop.states() == ["admitted"] * 100 + ["refused"] * 1_100
    admitted = Event.objects.filter(type="enrollment.confirmed", person__in=people[:100])
    assert admitted.count() == 100
    assert doctor.examine() == []


def test_what_staff_excused_is_noted_on_whoever_is_admitted_by_it(db: None) -> None:
    drop = make_drop(2, email_domains=["corp.example"])
    excused, refused = (person.pk for person in make_people(2))
    overrides.grant(
        excused,
        drop.cohort_id,
        [Rule.EMAIL_DOMAIN],
        note="Talked to them.",
        expires_at=clock.now() + timedelta(hours=1),
        actor_id=make_person(is_staff=True).pk,
    )
    let_in, sent_away = drop.ask([excused, refused])
    drop.serve()
    assert drop.states() == ["admitted", "refused"]
    assert told(let_in.enrollment_id)[-1] == "override.used"
    assert told(sent_away.enrollment_id)[-1] == "enrollment.failed"
