"""What a person has: the list of their courses and each course's home."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from matricula.accounts.models import Person
from matricula.enrollments.models import Enrollment
from matricula.enrollments.queries import PAGE
from matricula.flows.cancel import cancel
from matricula.flows.enroll import Application, enroll
from matricula.kernel import clock
from tests.support.factories import make_course, make_person

pytestmark = pytest.mark.django_db


def test_a_guest_signs_in_first(guest: Client) -> None:
    assert guest.get("/me/").headers["Location"] == "/accounts/login/?next=/me/"
    assert guest.get("/learn/hot-drop/").status_code == 302


def test_somebody_new_is_shown_where_to_begin(member: Client) -> None:
    assert "Nothing here yet" in member.get("/me/").content.decode()


def test_running_and_ended_courses_stand_apart(member: Client, learner: Person) -> None:
    ended = enroll(Application(learner.pk, course="tiny-seminar"))
    cancel(ended.enrollment_id, learner.pk, actor_id=learner.pk)
    enroll(Application(learner.pk, course="hot-drop"))
    enroll(Application(make_person().pk, course="basic-programming"))
    page = member.get("/me/")
    assert [entry.record.course_slug for entry in page.context["running"]] == ["hot-drop"]
    assert [entry.record.course_slug for entry in page.context["ended"]] == ["tiny-seminar"]


def test_a_long_list_goes_on_another_page(member: Client, learner: Person) -> None:
    for _ in range(PAGE + 1):
        enroll(Application(learner.pk, course=make_course().slug))
    with CaptureQueriesContext(connection) as queries:
        page = member.get("/me/")
    assert len(queries) <= 9  # with the waitlists, the latest orders, and what is unread
    assert len(page.context["running"]) == PAGE
    older = member.get(page.context["older_url"])
    assert len(older.context["running"]) == 1
    assert member.get("/me/?before=nonsense").status_code == 404


def test_the_course_opens_for_the_enrolled(member: Client, learner: Person) -> None:
    enroll(Application(learner.pk, course="hot-drop"))
    html = member.get("/learn/hot-drop/").content.decode()
    assert "Lessons arrive here" in html
    assert "Jane Smith" in html


def test_it_stays_shut_for_others_and_says_why(member: Client, learner: Person) -> None:
    response = member.get("/learn/hot-drop/")
    assert response.status_code == 403
    assert "You are not enrolled in this course." in response.content.decode()
    assert 'href="/courses/hot-drop/"' in response.content.decode()

    enroll(Application(learner.pk, course="hot-drop"))
    Enrollment.objects.filter(person=learner).update(
        access_expires_at=clock.now() - timedelta(minutes=1)
    )
    response = member.get("/learn/hot-drop/")
    assert response.status_code == 403
    assert "The time of access is over." in response.content.decode()


def test_an_unknown_course_is_not_found(member: Client) -> None:
    assert member.get("/learn/nothing-of-the-kind/").status_code == 404
