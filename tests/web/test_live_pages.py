"""What the server gives the scripts that keep a page in step."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from matricula.accounts.models import Person
from matricula.enrollments.models import Enrollment
from matricula.flows.enroll import Application, enroll
from matricula.kernel import events, ids
from tests.support.factories import make_person
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.django_db
PAID = "full-stack-development"


def place(person: Person, course: str) -> tuple[str, Enrollment]:
    """A fresh enrollment, and the address of its status page."""
    receipt = enroll(Application(person.pk, course=course))
    path = f"/enrollments/{ids.to_text('enr', receipt.enrollment_id)}/"
    return path, Enrollment.objects.get(pk=receipt.enrollment_id)


def test_the_status_page_names_its_events_and_the_last_it_shows(
    member: Client, learner: Person
) -> None:
    path, row = place(learner, PAID)
    last = events.of_subject(row.pk)[-1].number
    html = member.get(path).content.decode()
    assert f'data-live="{ids.to_text("enr", row.pk)}" data-live-after="{last}"' in html
    assert "data-live-over" not in html


def test_what_has_ended_is_not_listened_to(member: Client, learner: Person) -> None:
    path, _row = place(learner, "hot-drop")
    assert "data-live-over" in member.get(path).content.decode()


def test_a_fragment_does_not_spend_what_was_said_to_the_person(
    member: Client, learner: Person
) -> None:
    path, _row = place(learner, PAID)
    member.post(f"{path}more-time/")
    assert "held longer now" not in member.get(path, headers={"x-fragment": "1"}).content.decode()
    assert "held longer now" in member.get(path).content.decode()


def test_more_time_is_asked_for_on_the_status_page(member: Client, learner: Person) -> None:
    path, row = place(learner, PAID)
    seconds = re.search(r'data-seconds="(\d+)"', member.get(path).content.decode())
    assert seconds
    assert 0 < int(seconds[1]) <= 1800
    answer = member.post(f"{path}more-time/")
    assert (answer.status_code, answer.headers["Location"]) == (303, path)
    before = row.hold_expires_at
    row.refresh_from_db()
    assert before is not None
    assert row.hold_expires_at is not None
    assert row.hold_expires_at > before


def test_more_time_is_refused_in_words_once_it_ended(member: Client, learner: Person) -> None:
    path, _row = place(learner, "hot-drop")
    answer = member.post(f"{path}more-time/", follow=True)
    assert "There is no held seat to extend." in answer.content.decode()


def test_more_time_is_its_owners_alone(guest: Client, member: Client) -> None:
    path, _row = place(make_person(), PAID)
    assert guest.post(f"{path}more-time/").status_code == 302
    assert member.post(f"{path}more-time/").status_code == 404
    assert member.get(f"{path}more-time/").status_code == 405


def test_the_payment_page_hears_of_its_enrollment(
    member: Client, learner: Person, sandbox: Sandbox
) -> None:
    path, row = place(learner, PAID)
    pay_url = re.search(r'href="(/pay/[^"]+)"', member.get(path).content.decode())
    assert pay_url
    html = member.get(pay_url[1]).content.decode()
    assert f'data-live="{ids.to_text("enr", row.pk)}"' in html
    assert 'data-live-state="ready"' in html
