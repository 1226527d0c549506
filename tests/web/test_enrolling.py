"""From the course page to a seat, and everything that can stand in between."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.test import Client

from matricula.accounts.models import Person
from matricula.catalog.models import Cohort
from matricula.enrollments.models import Enrollment
from matricula.flows.cancel import cancel
from matricula.flows.enroll import Application, enroll
from matricula.kernel import clock, ids
from tests.support.factories import make_cohort, make_course, make_person, only_cohort

pytestmark = pytest.mark.django_db


def live_id(learner: Person, slug: str) -> UUID:
    return Enrollment.objects.get(person=learner, course__slug=slug, stage="confirmed").pk


def status_path(enrollment_id: UUID) -> str:
    return f"/enrollments/{ids.to_text('enr', enrollment_id)}/"


def test_the_confirmation_shows_what_is_agreed_to(member: Client, learner: Person) -> None:
    html = member.get("/courses/hot-drop/enroll/").content.decode()
    assert "Hot Drop" in html
    assert "Next intake" in html
    assert "Free" in html
    assert "You can cancel at any time" in html
    assert learner.email in html
    assert not Enrollment.objects.filter(person=learner).exists()


def test_confirming_takes_the_seat_and_shows_it(member: Client, learner: Person) -> None:
    response = member.post("/courses/hot-drop/enroll/")
    assert response.status_code == 303
    assert response.headers["Location"] == status_path(live_id(learner, "hot-drop"))
    html = member.get(response.headers["Location"]).content.decode()
    assert "Enrolled Successfully!" in html
    assert "You are enrolled" in html


def test_confirming_twice_books_once(member: Client, learner: Person) -> None:
    first = member.post("/courses/hot-drop/enroll/")
    second = member.post("/courses/hot-drop/enroll/")
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["Location"] == second.headers["Location"]
    assert Enrollment.objects.filter(person=learner).count() == 1
    assert "Nothing was booked twice." in member.get(second.headers["Location"]).content.decode()


def test_the_confirmation_of_a_booked_course_leads_to_its_status(
    member: Client, learner: Person
) -> None:
    enroll(Application(learner.pk, course="hot-drop"))
    response = member.get("/courses/hot-drop/enroll/")
    assert response.headers["Location"] == status_path(live_id(learner, "hot-drop"))


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_guest_signs_in_first_and_comes_back(guest: Client, method: str) -> None:
    response = getattr(guest, method)("/courses/hot-drop/enroll/")
    assert response.status_code == 302
    assert response.headers["Location"] == "/accounts/login/?next=/courses/hot-drop/enroll/"


def test_a_full_course_fails_with_alternatives_and_a_reference(member: Client) -> None:
    enroll(Application(make_person().pk, course="tiny-seminar"))
    response = member.post("/courses/tiny-seminar/enroll/", headers={"X-Correlation-Id": "abc-123"})
    html = response.content.decode()
    assert response.status_code == 409
    assert "This course is full" in html
    assert "You could take instead" in html
    assert "On a similar subject · ₹1,000.00 · 2 seats left" in html
    assert "Enrollment Failed - Try Again" in html
    assert "Back to Tiny Seminar" in html
    assert "abc-123" in html


@pytest.mark.parametrize(
    ("slug", "status"),
    [
        ("last-spring", 409),
        ("coming-soon", 409),
        ("advanced-data-engineering", 409),
    ],
)
def test_a_refusal_is_a_page_on_both_ways_in(member: Client, slug: str, status: int) -> None:
    for response in (
        member.get(f"/courses/{slug}/enroll/"),
        member.post(f"/courses/{slug}/enroll/"),
    ):
        assert response.status_code == status
        assert f'href="/courses/{slug}/"' in response.content.decode()


def test_the_chosen_intake_is_the_one_booked(member: Client, learner: Person) -> None:
    course = make_course()
    later = make_cohort(course, starts_at=clock.now() + timedelta(days=40), name="Later")
    reference = ids.to_text("coh", later.pk)
    html = member.get(f"/courses/{course.slug}/enroll/?cohort={reference}").content.decode()
    assert f'value="{reference}" checked' in html
    member.post(f"/courses/{course.slug}/enroll/", {"cohort": reference})
    assert Enrollment.objects.get(person=learner).cohort_id == later.pk


def test_an_intake_that_filled_up_is_named_on_the_confirmation(member: Client) -> None:
    course = make_course()
    full = make_cohort(course, capacity=0, name="Full one")
    path = f"/courses/{course.slug}/enroll/?cohort={ids.to_text('coh', full.pk)}"
    assert "cannot be joined any more" in member.get(path).content.decode()


@pytest.mark.parametrize("reference", ["nonsense", "coh_01h455vb4pex5vsknk084sn02q", "%00", "coh_"])
def test_a_foreign_intake_is_not_found(member: Client, reference: str) -> None:
    other = ids.to_text("coh", only_cohort(make_course()))
    for cohort in (reference, other):
        assert member.get("/courses/hot-drop/enroll/", {"cohort": cohort}).status_code in {400, 404}
        response = member.post("/courses/hot-drop/enroll/", {"cohort": cohort})
        assert response.status_code == 404


def test_after_cancelling_one_can_enroll_again(member: Client, learner: Person) -> None:
    member.post("/courses/tiny-seminar/enroll/")
    first = live_id(learner, "tiny-seminar")
    cancel(first, learner.pk, actor_id=learner.pk)
    member.post("/courses/tiny-seminar/enroll/")
    assert live_id(learner, "tiny-seminar") != first


def test_a_form_without_its_token_changes_nothing(learner: Person) -> None:
    client = Client(HTTP_HOST="127.0.0.1", enforce_csrf_checks=True)
    client.force_login(learner)
    response = client.post("/courses/hot-drop/enroll/")
    assert response.status_code == 403
    assert "This form is no longer valid" in response.content.decode()
    assert not Enrollment.objects.filter(person=learner).exists()


def test_a_course_without_intakes_cannot_be_enrolled_in(member: Client) -> None:
    course = make_course(with_cohort=False)
    assert Cohort.objects.filter(course=course).count() == 0
    response = member.post(f"/courses/{course.slug}/enroll/")
    assert response.status_code == 409
