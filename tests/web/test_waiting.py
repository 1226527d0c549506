"""The pages of a drop: before it opens, in front of the line, in it, and after the turn."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

import pytest
from django.test import Client

from matricula.accounts.models import Person
from matricula.catalog.models import Cohort
from matricula.enrollments.models import Enrollment
from matricula.flows import admit, rooms
from matricula.flows.enroll import Application, enroll
from matricula.kernel import clock, ids
from tests.support.factories import make_course, make_people, make_person, only_cohort

pytestmark = pytest.mark.django_db
PAID = "full-stack-development"


def drop(slug: str = "hot-drop") -> UUID:
    cohort = Cohort.objects.get(course__slug=slug)
    rooms.set_room(cohort.pk, is_drop=True, opens_above=None)
    return cohort.pk


def crowd(slug: str, count: int) -> None:
    for person in make_people(count):
        enroll(Application(person.pk, slug))


def waiting_page(member: Client, learner: Person, slug: str = "hot-drop") -> tuple[str, str]:
    """The learner joins the line; the address of the waiting page, and the page."""
    answer = member.post(f"/courses/{slug}/enroll/")
    assert answer.status_code == 303
    path = answer.headers["Location"]
    return path, member.get(path).content.decode()


def test_the_course_page_of_a_drop_offers_to_join_the_line(member: Client) -> None:
    drop()
    crowd("hot-drop", 2)
    page = member.get("/courses/hot-drop/").content.decode()
    assert 'data-enroll-state="available"' in page
    assert "Join the Line" in page
    assert "2 people are in line." in page
    assert "Add to cart" not in page


def test_before_it_opens_the_course_page_counts_down(member: Client) -> None:
    cohort = drop()
    opens_at = clock.now() + timedelta(hours=2, minutes=30)
    Cohort.objects.filter(pk=cohort).update(opens_at=opens_at)
    page = member.get("/courses/hot-drop/").content.decode()
    assert 'data-enroll-state="registration_closed"' in page
    assert "Opens in 2 hours" in page
    assert "being here early gives no advantage" in page
    seconds = re.search(r'data-opens-in="(\d+)"', page)
    assert seconds
    assert 8900 < int(seconds[1]) <= 9000


def test_before_it_opens_nobody_joins(member: Client) -> None:
    cohort = drop()
    Cohort.objects.filter(pk=cohort).update(opens_at=clock.now() + timedelta(minutes=1))
    assert member.post("/courses/hot-drop/enroll/").status_code == 409
    assert not Enrollment.objects.filter(cohort=cohort).exists()


def test_the_confirmation_says_how_the_line_works(member: Client) -> None:
    drop()
    page = member.get("/courses/hot-drop/enroll/").content.decode()
    assert "Seats are given in order of arrival" in page
    assert "Join the line" in page


def test_joining_leads_to_the_waiting_page(member: Client, learner: Person) -> None:
    drop()
    crowd("hot-drop", 2)
    path, page = waiting_page(member, learner)
    assert "You are in line" in page
    assert "<strong data-position>3</strong>" in page
    assert "2 people are ahead of you." in page
    assert "Leave the line" in page
    assert f'href="{path}">Refresh' in page
    assert "data-live-every=" in page


def test_joining_twice_is_one_place(member: Client, learner: Person) -> None:
    drop()
    first, _ = waiting_page(member, learner)
    again, _ = waiting_page(member, learner)
    assert first == again
    assert Enrollment.objects.filter(person=learner).count() == 1


def test_the_page_says_when_there_are_more_people_than_seats(
    member: Client, learner: Person
) -> None:
    course = make_course(capacity=1)
    rooms.set_room(only_cohort(course), is_drop=True, opens_above=None)
    crowd(course.slug, 1)
    _, page = waiting_page(member, learner, course.slug)
    assert "More people are ahead of you than there are seats." in page


def test_a_paused_line_is_called_paused(member: Client, learner: Person) -> None:
    cohort = drop()
    rooms.pause(cohort, True)
    _, page = waiting_page(member, learner)
    assert "let nobody in at the moment. Your place is kept." in page


def test_after_the_turn_the_page_says_enrolled(member: Client, learner: Person) -> None:
    cohort = drop()
    path, _ = waiting_page(member, learner)
    admit.serve(cohort)
    page = member.get(path).content.decode()
    assert "You are enrolled" in page
    assert "data-live-every" not in page


def test_who_came_too_late_reads_why_and_what_else(member: Client, learner: Person) -> None:
    course = make_course(capacity=1)
    cohort = only_cohort(course)
    rooms.set_room(cohort, is_drop=True, opens_above=None)
    crowd(course.slug, 1)
    path, _ = waiting_page(member, learner, course.slug)
    admit.serve(cohort)
    page = member.get(path).content.decode()
    assert admit.FULL in page
    assert "You could take instead" in page


def test_leaving_asks_first_and_then_leaves(member: Client, learner: Person) -> None:
    drop()
    path, _ = waiting_page(member, learner)
    assert "Leave the line?" in member.get(f"{path}cancel/").content.decode()
    answer = member.post(f"{path}cancel/", follow=True)
    assert "You have left the line." in answer.content.decode()
    assert Enrollment.objects.get(person=learner).stage == "cancelled"


def test_a_paid_drop_joins_without_paying(member: Client, learner: Person) -> None:
    drop(PAID)
    page = member.get(f"/courses/{PAID}/enroll/").content.decode()
    assert "only when your turn comes" in page
    _, page = waiting_page(member, learner, PAID)
    assert "leads on to the payment" in page


def test_after_the_turn_a_paid_seat_leads_to_its_checkout(member: Client, learner: Person) -> None:
    cohort = drop(PAID)
    path, _ = waiting_page(member, learner, PAID)
    admit.serve(cohort)
    page = member.get(path).content.decode()
    assert "A seat is held for you" in page
    assert f'href="/courses/{PAID}/enroll/">Continue to payment' in page
    assert "Held for you until" in page
    form = member.get(f"/courses/{PAID}/enroll/").content.decode()
    assert "3,538.82" in form


def test_a_guest_is_asked_to_sign_in_for_a_drop(client: Client) -> None:
    drop(PAID)
    page = client.get(f"/courses/{PAID}/").content.decode()
    assert 'data-enroll-state="login_required"' in page
    assert "Buy without an account" not in page


def test_somebody_elses_waiting_page_is_not_found(member: Client) -> None:
    drop()
    receipt = enroll(Application(make_person().pk, "hot-drop"))
    reference = ids.to_text("enr", receipt.enrollment_id)
    assert member.get(f"/enrollments/{reference}/").status_code == 404
