"""Whatever people write stays text: in elements, attributes, scripts' data, addresses and mail.

One hostile text goes into every field that learners and staff can fill in, and every page that
could show it is read as a browser reads it.
"""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from matricula.accounts.models import LearnerGroup, Person
from matricula.catalog.models import Cohort, Course
from matricula.enrollments.models import Enrollment
from matricula.flows import recommend, support, tell, waitlist
from matricula.flows.cancel import cancel
from matricula.flows.enroll import Application, enroll
from matricula.flows.support import Question
from matricula.kernel import ids
from matricula.kernel.models import Event
from matricula.notifications.models import Delivery
from matricula.seats.models import SeatCount
from matricula.support.states import Channel
from tests.console import addresses as console
from tests.security.conftest import browser
from tests.support.factories import make_cohort, make_course, make_meeting
from tests.support.paying import checkout
from tests.support.people import person
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.django_db
# Ends attributes, titles, scripts and comments; then an element that would run.
HOSTILE = "\"'--></title></script><img class=pwned src=x onerror=p()>"
assert len(HOSTILE) <= 60  # the shortest field: a course's category
# Scripts come from here, and the gateway's on the payment page.
OURS = ("/", *(settings.ENVIRONMENT.razorpay.origins if settings.ENVIRONMENT.razorpay else ()))


class Reading(HTMLParser):
    """Notes what a browser would take for elements of the attacker's."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.data_blocks: list[str] = []
        self._in_data = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._in_data = tag == "script" and given.get("type", "").endswith("json")
        if tag == "script" and not self._in_data and not given.get("src", "").startswith(OURS):
            self.found.append(f"script {given}")
        for name, value in given.items():
            if name.startswith("on") or (name == "class" and value == "pwned"):
                self.found.append(f"{tag} {name}")
            if name in {"href", "src", "action", "formaction"} and re.match(
                r"\s*(javascript|data|vbscript):", value, re.IGNORECASE
            ):
                self.found.append(f"{tag} {name}={value[:40]}")

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._in_data = False

    def handle_data(self, data: str) -> None:
        if self._in_data:
            self.data_blocks.append(data)


def read(html: str) -> Reading:
    reading = Reading()
    reading.feed(html)
    return reading


def assert_harmless(client: Client, path: str, *, shows: bool = True) -> str:
    """The page shows the text as text. Returns its HTML."""
    response = client.get(path)
    html: str = response.content.decode()
    assert response.status_code < 500, path
    reading = read(html)
    assert not reading.found, (path, reading.found)
    for block in reading.data_blocks:
        json.loads(block)
    if shows:
        assert response.status_code == 200, (path, response.status_code)
        assert "pwned" in html, f"{path} does not show the text: this test looks at nothing"
    return html


@pytest.fixture
def course() -> Course:
    """A course whose every text is hostile, and another like it that recommends it."""
    texts: dict[str, Any] = {
        "title": HOSTILE,
        "summary": HOSTILE,
        "description": f"{HOSTILE}\n\njavascript:alert(1)",
        "category": HOSTILE,
        "instructor_name": HOSTILE,
        "language": "<b>",
    }
    needed = make_course(**texts)
    made = make_course(**texts, capacity=3)
    cohort = Cohort.objects.get(course=made)
    Cohort.objects.filter(pk=cohort.pk).update(name=HOSTILE, waitlist_enabled=True)
    make_meeting(cohort, place=HOSTILE)
    make_cohort(made, name=f"{HOSTILE}2")
    made.corequisites.add(needed)
    made.learner_groups.add(LearnerGroup.objects.create(name=HOSTILE))
    recommend.learn_likeness()
    recommend.open_beside.cache_clear()
    recommend.reasons_beside.cache_clear()
    return made


@pytest.fixture
def open_course(course: Course) -> Course:
    """The same without anything that keeps people from it."""
    course.corequisites.clear()
    course.learner_groups.clear()
    return course


@pytest.fixture
def villain() -> Person:
    return person(full_name=HOSTILE, phone="</script>", with_password=True)


def test_the_test_finds_what_it_looks_for() -> None:
    assert read(f"<p>{HOSTILE}</p>").found == ["img class", "img onerror"]
    assert read(f'<a title="{HOSTILE}">').found
    assert read('<a href=" JavaScript:x">').found
    assert read("<script>p()</script>").found
    assert not read(f"<p>{HOSTILE.replace('<', '&lt;')}</p>").found


def test_in_the_catalog_and_on_the_course_page(guest: Client, course: Course) -> None:
    assert_harmless(guest, "/")
    assert_harmless(guest, f"/?category={HOSTILE}&search={HOSTILE}")
    assert_harmless(guest, f"/courses/{course.slug}/")
    assert_harmless(guest, f"/courses/{course.slug}/art.svg", shows=False)
    assert_harmless(guest, f"/embed/?course={course.slug}")


def test_structured_data_says_the_text_and_nothing_else(guest: Client, course: Course) -> None:
    html = assert_harmless(guest, f"/courses/{course.slug}/")
    (block,) = read(html).data_blocks
    assert json.loads(block)["name"] == HOSTILE


def test_on_the_way_to_a_free_seat(villain: Person, open_course: Course) -> None:
    client, page = browser(villain), f"/courses/{open_course.slug}/"
    assert_harmless(client, page)
    assert_harmless(client, f"{page}enroll/")
    enrollment = enroll(Application(villain.pk, open_course.slug)).enrollment_id
    status = f"/enrollments/{ids.to_text('enr', enrollment)}/"
    for path in (
        status,
        f"{status}cancel/",
        f"{status}swap/",
        "/me/",
        f"/learn/{open_course.slug}/",
    ):
        assert_harmless(client, path)
    for path in ("/me/profile/", "/accounts/email/"):
        assert_harmless(client, path, shows=path == "/me/profile/")
    cancel(enrollment, villain.pk, actor_id=villain.pk, reason=HOSTILE)
    assert_harmless(client, status)


def test_on_the_way_to_a_paid_seat(villain: Person, open_course: Course, sandbox: Sandbox) -> None:
    open_course.prices.create(currency="INR", amount_minor=100_000)  # type: ignore[attr-defined]
    client, page = browser(villain), f"/courses/{open_course.slug}/"
    assert_harmless(client, f"{page}enroll/?coupon={HOSTILE}&tax_id={HOSTILE}&state={HOSTILE}")
    assert_harmless(browser(), f"{page}guest/?coupon={HOSTILE}&email={HOSTILE}")
    client.post("/cart/add/", {"course": open_course.slug})
    assert_harmless(client, f"/cart/?coupon={HOSTILE}")
    buyer = checkout(sandbox, open_course.slug, who=villain.pk)
    assert_harmless(client, f"/pay/{ids.to_text('pay', buyer.payment.pk)}/")
    assert_harmless(client, f"/orders/{ids.to_text('ord', buyer.order_id)}/")
    assert_harmless(client, "/orders/")


def test_on_a_waitlist(villain: Person, open_course: Course) -> None:
    Cohort.objects.filter(course=open_course).update(waitlist_enabled=True)
    SeatCount.objects.filter(cohort__course=open_course).update(capacity=0)
    client = browser(villain)
    assert_harmless(client, f"/courses/{open_course.slug}/waitlist/")
    waitlist.join(waitlist.Wish(villain.pk, open_course.slug))
    assert_harmless(client, f"/courses/{open_course.slug}/waitlist/")
    assert_harmless(client, "/me/")


def test_in_support_and_in_forms_that_come_back(villain: Person, guest: Client) -> None:
    client = browser(villain)
    assert_harmless(client, f"/support/?ref={HOSTILE}&about={HOSTILE}", shows=False)
    asked = support.ask(villain.pk, Question(content=HOSTILE, channel=Channel.FORM))
    reference = ids.to_text("sup", asked.conversation_id)
    assert_harmless(client, f"/support/{reference}/")
    for path, fields in (
        ("/support/", {"content": "", "email": HOSTILE, "full_name": HOSTILE}),
        ("/accounts/signup/", {"email": HOSTILE, "full_name": HOSTILE, "password1": "x"}),
        ("/accounts/login/", {"login": HOSTILE, "password": "x", "next": HOSTILE}),
        ("/accounts/password/reset/", {"email": HOSTILE}),
    ):
        html = guest.post(path, fields).content.decode()
        assert not read(html).found, path


@pytest.mark.parametrize("path", ["/nowhere/{}", "/courses/{}/", "/enrollments/{}/", "/?cursor={}"])
def test_on_pages_about_what_is_not_there(guest: Client, member: Client, path: str) -> None:
    for client in (guest, member):
        assert_harmless(client, path.format(HOSTILE), shows=False)


def test_in_mail(villain: Person, open_course: Course) -> None:
    enroll(Application(villain.pk, open_course.slug))
    told = Event.objects.filter(person=villain.pk, type__in=tell.TOLD_TYPES)
    rows = told.values_list("seq", flat=True)
    assert tell.tell(list(rows)) > 0
    for delivery in Delivery.objects.filter(person=villain.pk):
        assert "\n" not in delivery.subject
        assert "pwned" in delivery.content["html"]
        assert not read(delivery.content["html"]).found


def test_in_the_console(villain: Person, open_course: Course) -> None:
    staff = browser(person(is_staff=True, is_superuser=True, full_name=HOSTILE))
    enrollment = enroll(Application(villain.pk, open_course.slug)).enrollment_id
    support.ask(villain.pk, Question(content=HOSTILE, channel=Channel.FORM))
    assert Enrollment.objects.filter(pk=enrollment).exists()
    for listing in console.LISTS:
        assert_harmless(staff, listing, shows=False)
    assert_harmless(staff, "/console/")
    for listing, key in (
        (console.COURSES, open_course.pk),
        (console.PEOPLE, villain.pk),
        (console.ENROLLMENTS, enrollment),
        (console.COHORTS, Cohort.objects.filter(course=open_course)[0].pk),
    ):
        assert_harmless(staff, console.change(listing, key))
