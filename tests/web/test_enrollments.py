"""The status page of an enrollment, and cancelling it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from matricula.accounts.models import Person
from matricula.enrollments.models import Enrollment
from matricula.enrollments.states import Stage
from matricula.flows.enroll import Application, enroll
from matricula.kernel import clock, ids
from tests.support.factories import make_course, make_person

pytestmark = pytest.mark.django_db


def enrolled(person: Person, course: str = "hot-drop") -> str:
    """The address of a fresh enrollment's status page."""
    receipt = enroll(Application(person.pk, course=course))
    return f"/enrollments/{ids.to_text('enr', receipt.enrollment_id)}/"


def test_the_page_says_where_it_stands_and_how_it_came_there(
    member: Client, learner: Person
) -> None:
    html = member.get(enrolled(learner)).content.decode()
    assert 'data-enrollment-status="enrolled"' in html
    assert "You are enrolled" in html
    assert "You asked for a seat." in html
    assert "Your seat was confirmed." in html
    assert "The course was opened for you." in html
    assert "Refresh" in html
    assert 'href="/learn/hot-drop/"' in html


def test_it_is_its_owners_alone(guest: Client, member: Client) -> None:
    path = enrolled(make_person())
    for address in (path, f"{path}cancel/"):
        assert guest.get(address).status_code == 302
        assert member.get(address).status_code == 404
        assert member.post(f"{path}cancel/").status_code == 404
    assert Enrollment.objects.filter(stage=Stage.CANCELLED).count() == 0


@pytest.mark.parametrize(
    "reference", ["enr_01h455vb4pex5vsknk084sn02q", "nonsense", "crs_01h455vb4pex5vsknk084sn02q"]
)
def test_a_wrong_id_is_not_found(member: Client, reference: str) -> None:
    assert member.get(f"/enrollments/{reference}/").status_code == 404
    assert member.get(f"/enrollments/{reference}/cancel/").status_code == 404


def test_cancelling_asks_first_then_gives_the_seat_back(member: Client, learner: Person) -> None:
    path = enrolled(learner, "tiny-seminar")
    assert "Cancel this enrollment?" in member.get(f"{path}cancel/").content.decode()
    assert Enrollment.objects.get(person=learner).stage == Stage.CONFIRMED

    response = member.post(f"{path}cancel/", {"reason": "No time <b>now</b>"})
    assert response.status_code == 303
    assert response.headers["Location"] == path
    html = member.get(path).content.decode()
    assert "This enrollment is cancelled" in html
    assert "No time &lt;b&gt;now&lt;/b&gt;" in html
    assert "Enroll again" in html
    assert "Access to the course ended." in html
    enroll(Application(make_person().pk, course="tiny-seminar"))  # the one seat is free again


def test_cancelling_twice_cancels_once(member: Client, learner: Person) -> None:
    path = enrolled(learner)
    member.post(f"{path}cancel/")
    assert member.post(f"{path}cancel/").status_code == 303
    assert "had ended already" in member.get(path).content.decode()
    assert member.get(f"{path}cancel/").headers["Location"] == path


def test_a_very_long_reason_is_no_failure(member: Client, learner: Person) -> None:
    path = enrolled(learner)
    assert member.post(f"{path}cancel/", {"reason": "x" * 5000}).status_code == 303


@pytest.mark.parametrize(
    ("stage", "heading"),
    [
        (Stage.VALIDATED, "A seat is held for you"),
        (Stage.PAYMENT_PENDING, "Your enrollment is under way"),
        (Stage.FAILED, "This enrollment failed"),
        (Stage.EXPIRED, "This enrollment expired"),
        (Stage.REFUNDED, "This enrollment was refunded"),
    ],
)
def test_every_state_has_words(member: Client, learner: Person, stage: Stage, heading: str) -> None:
    path = enrolled(learner, make_course().slug)
    Enrollment.objects.filter(person=learner).update(
        stage=stage, confirmed_at=None, hold_expires_at=clock.now() + timedelta(minutes=20)
    )
    assert heading in member.get(path).content.decode()
