"""The page that exchanges one intake for another."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from matricula.accounts.models import Person
from matricula.catalog.models import Course
from matricula.enrollments.models import Enrollment
from matricula.flows.enroll import Application, enroll
from matricula.kernel import clock, ids
from tests.support.factories import make_cohort, make_course, only_cohort
from tests.support.paying import checkout
from tests.support.people import person
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def course(db: None) -> Course:
    return make_course()


@pytest.fixture
def mine(learner: Person, course: Course) -> str:
    receipt = enroll(Application(learner.pk, cohort_id=only_cohort(course)))
    return f"/enrollments/{ids.to_text('enr', receipt.enrollment_id)}/"


def text_of(client: Client, path: str) -> str:
    return str(client.get(path).content.decode())


def test_the_status_page_leads_to_it_when_there_is_another_intake(
    member: Client, course: Course, mine: str
) -> None:
    assert "swap/" not in text_of(member, mine)
    make_cohort(course)
    assert f'href="{mine}swap/"' in text_of(member, mine)


def test_it_offers_what_can_be_had_and_nothing_else(
    member: Client, course: Course, mine: str
) -> None:
    make_cohort(course, name="Evenings")
    make_cohort(course, name="Full one", capacity=0)
    make_cohort(course, name="Closed one", closes_at=clock.now() - timedelta(minutes=1))
    html = text_of(member, f"{mine}swap/")
    assert "What you paid" not in html
    assert "Evenings" in html
    assert "Full one" not in html
    assert "Closed one" not in html


def test_swapping_leads_to_the_new_enrollment_and_the_old_one_leads_there_too(
    member: Client, learner: Person, course: Course, mine: str
) -> None:
    other = make_cohort(course, name="Evenings")
    response = member.post(f"{mine}swap/", {"cohort": ids.to_text("coh", other.pk)}, follow=True)
    html = response.content.decode()
    assert "Swapped. This is your seat now." in html
    assert "Evenings" in html
    new = Enrollment.objects.get(person=learner, stage="confirmed")
    assert f"/enrollments/{ids.to_text('enr', new.pk)}/" in text_of(member, mine)


def test_sent_without_a_choice_it_asks_for_one(member: Client, course: Course, mine: str) -> None:
    make_cohort(course)
    response = member.post(f"{mine}swap/", {})
    assert response.status_code == 422
    assert "Choose an intake first." in response.content.decode()


def test_a_cohort_that_filled_up_meanwhile_is_refused_and_the_seat_kept(
    member: Client, course: Course, mine: str
) -> None:
    full = make_cohort(course, capacity=0)
    response = member.post(f"{mine}swap/", {"cohort": ids.to_text("coh", full.pk)})
    assert response.status_code == 409
    assert "You are enrolled" in text_of(member, mine)


def test_with_nothing_to_swap_into_it_says_so(member: Client, mine: str) -> None:
    assert "No other intake has a seat for you" in text_of(member, f"{mine}swap/")


@pytest.mark.parametrize("cohort", ["coh_1", "nonsense", "coh_01h455vb4pex5vsknk084sn02q"])
def test_an_unknown_cohort_is_not_found(member: Client, mine: str, cohort: str) -> None:
    assert member.post(f"{mine}swap/", {"cohort": cohort}).status_code == 404


def test_anothers_is_not_found(course: Course, mine: str) -> None:
    stranger = Client(HTTP_HOST="127.0.0.1")
    stranger.force_login(person())
    assert stranger.get(f"{mine}swap/").status_code == 404
    assert stranger.post(f"{mine}swap/", {"cohort": "coh_1"}).status_code == 404


def waited_for(course: Course, **fields: object) -> str:
    cohort = make_cohort(course, capacity=0, waitlist_enabled=True, **fields)
    return ids.to_text("coh", cohort.pk)


def test_for_a_full_intake_one_can_wait_and_keep_the_seat_meanwhile(
    member: Client, learner: Person, course: Course, mine: str
) -> None:
    reference = waited_for(course, name="Full one")
    url = f"/courses/{course.slug}/waitlist/?cohort={reference}&amp;replaces={mine.split('/')[2]}"
    assert f'href="{url}"' in text_of(member, f"{mine}swap/")
    joining = text_of(member, url.replace("&amp;", "&"))
    assert "You keep the seat you have until this one is yours" in joining
    assert "What you paid" not in joining
    form = {"cohort": reference, "replaces": mine.split("/")[2], "party_size": "1"}
    response = member.post(f"/courses/{course.slug}/waitlist/", form, follow=True)
    assert "is swapped for this one. Until then you keep it." in response.content.decode()
    assert Enrollment.objects.get(person=learner).stage == "confirmed"


def test_anothers_seat_cannot_be_named(member: Client, course: Course) -> None:
    theirs = enroll(Application(person().pk, cohort_id=only_cohort(course))).enrollment_id
    reference = waited_for(course)
    form = {"cohort": reference, "replaces": ids.to_text("enr", theirs), "party_size": "1"}
    url = f"/courses/{course.slug}/waitlist/"
    assert member.post(url, form).status_code == 404
    assert member.get(url, form).status_code == 404


def test_the_page_says_what_to_do_for_another_course(
    member: Client, course: Course, mine: str
) -> None:
    assert "For another course, cancel this enrollment" in text_of(member, f"{mine}swap/")


def test_what_was_paid_is_said_to_stay_where_something_was(sandbox: Sandbox) -> None:
    buyer = checkout(sandbox)
    buyer.hand_back(buyer.pay())
    bought = Course.objects.get(slug="full-stack-development")
    make_cohort(bought, name="Evenings")
    reference, mine = waited_for(bought, name="Full"), ids.to_text("enr", buyer.enrollment_id)
    browser = Client(HTTP_HOST="127.0.0.1")
    browser.force_login(Person.objects.get(pk=buyer.person_id))
    waiting = f"/courses/{bought.slug}/waitlist/?cohort={reference}&replaces={mine}"
    for page in (f"/enrollments/{mine}/swap/", waiting):
        assert "What you paid stays as it is." in text_of(browser, page)
