"""The course page: what it says of the course, and the six states of its enroll control."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from matricula.accounts.models import Person
from matricula.catalog.queries import find_course
from matricula.edges.web import suggested
from matricula.flows import recommend
from matricula.flows.enroll import Application, enroll
from matricula.kernel import clock
from tests.support.factories import complete, make_cohort, make_course, make_person

pytestmark = pytest.mark.django_db

CONTROL = re.compile(
    r'<a class="[^"]*" data-enroll-state="(\w+)" href="([^"]+)"[^>]*>(.*?)</a>', re.DOTALL
)


def control_of(client: Client, slug: str) -> tuple[str, str, str]:
    """State, address and words of the page's one control."""
    response = client.get(f"/courses/{slug}/")
    assert response.status_code == 200
    found = CONTROL.findall(response.content.decode())
    assert len(found) == 1
    state, url, inside = found[0]
    return state, url, re.sub(r"<svg.*?</svg>", "", inside, flags=re.DOTALL).strip()


def test_a_guest_is_led_to_sign_in_and_straight_back(guest: Client) -> None:
    assert control_of(guest, "hot-drop") == (
        "login_required",
        "/accounts/login/?next=%2Fcourses%2Fhot-drop%2Fenroll%2F",
        "Login to Enroll",
    )


def test_a_member_can_enroll_now(member: Client) -> None:
    assert control_of(member, "hot-drop") == (
        "available",
        "/courses/hot-drop/enroll/",
        "Enroll Now",
    )


def test_an_enrolled_member_is_led_into_the_course(member: Client, learner: Person) -> None:
    enroll(Application(learner.pk, course="hot-drop"))
    assert control_of(member, "hot-drop") == (
        "already_enrolled",
        "/learn/hot-drop/",
        "Already Enrolled",
    )


def test_a_full_course_says_so_and_names_others(guest: Client) -> None:
    enroll(Application(make_person().pk, course="tiny-seminar"))
    assert control_of(guest, "tiny-seminar") == (
        "course_full",
        "/courses/tiny-seminar/waitlist/",
        "Course Full",
    )
    html = guest.get("/courses/tiny-seminar/").content.decode()
    assert 'id="why"' in html
    assert "You could take instead" in html


def test_what_could_be_taken_instead_says_why(guest: Client) -> None:
    enroll(Application(make_person().pk, course="tiny-seminar"))
    offered = guest.get("/courses/tiny-seminar/").context["alternatives"]
    assert {other.why for other in offered} == {"On a similar subject"}


def test_what_is_not_recommended_is_of_the_category_or_at_least_open(db: None) -> None:
    full = make_course(category="Falconry")
    near = make_course(category="Falconry")
    whole = {one.slug: one.why for one in suggested.instead_of(find_course(full.pk), None)}
    assert whole[near.slug] == "In the same category"
    assert {why for slug, why in whole.items() if slug != near.slug} == {"Open for enrollment"}


def test_nobody_is_offered_a_course_that_cannot_be_taken(guest: Client) -> None:
    enroll(Application(make_person().pk, course="tiny-seminar"))
    offered = guest.get("/courses/tiny-seminar/").context["alternatives"]
    taken = {"last-spring", "coming-soon", "tiny-seminar"}
    assert len(offered) == 2
    assert not {card.slug for card in offered} & taken


def test_a_closed_course_says_when_it_closed(guest: Client) -> None:
    assert control_of(guest, "last-spring") == (
        "registration_closed",
        "#why",
        "Registration Closed",
    )
    assert "Registration closed on" in guest.get("/courses/last-spring/").content.decode()


def test_a_course_that_is_not_open_yet_says_when_it_opens(guest: Client) -> None:
    course = make_course(with_cohort=False)
    opens_at = clock.now() + timedelta(days=3)
    make_cohort(course, opens_at=opens_at, closes_at=opens_at + timedelta(days=9))
    assert control_of(guest, course.slug)[0] == "registration_closed"
    html = guest.get(f"/courses/{course.slug}/").content.decode()
    assert f"Registration opens on {opens_at.day} " in html


def test_a_coming_course_is_not_available(member: Client) -> None:
    assert control_of(member, "coming-soon") == ("not_available", "#why", "Not Available")
    assert "being prepared" in member.get("/courses/coming-soon/").content.decode()


def test_a_paid_course_says_why_it_cannot_be_had_where_nobody_can_pay(
    member: Client, without_payment: None
) -> None:
    assert control_of(member, "full-stack-development")[0] == "not_available"
    html = member.get("/courses/full-stack-development/").content.decode()
    assert "online payment is not set up here yet" in html
    assert "₹2,000.00" in html  # what one saves


def test_prerequisites_are_shown_as_met_or_not(member: Client, learner: Person) -> None:
    needed = make_course(title="The Basics")
    course = make_course(prerequisites=(needed,))
    page = f"/courses/{course.slug}/"
    assert control_of(member, course.slug)[0] == "not_available"
    html = member.get(page).content.decode()
    assert "not completed yet" in html
    assert "Complete first: The Basics." in html

    complete(learner, needed)
    assert control_of(member, course.slug)[0] == "available"
    assert "not completed yet" not in member.get(page).content.decode()


def test_a_guest_is_shown_prerequisites_without_a_verdict(guest: Client) -> None:
    html = guest.get("/courses/advanced-data-engineering/").content.decode()
    assert "Basic Programming" in html
    assert "not completed yet" not in html


def test_only_a_choice_of_intakes_can_be_chosen_from(member: Client) -> None:
    course = make_course(capacity=3)
    assert "?cohort=coh_" not in member.get(f"/courses/{course.slug}/").content.decode()
    make_cohort(course, capacity=1, name="Second")
    make_cohort(course, capacity=0, name="Full one")
    html = member.get(f"/courses/{course.slug}/").content.decode()
    assert html.count("?cohort=coh_") == 2


def test_an_unknown_course_is_not_found_with_a_way_on(guest: Client) -> None:
    response = guest.get("/courses/nothing-of-the-kind/")
    assert response.status_code == 404
    assert "Browse all courses" in response.content.decode()


def test_a_draft_is_not_found(guest: Client) -> None:
    course = make_course(status="draft")
    assert guest.get(f"/courses/{course.slug}/").status_code == 404
    assert guest.get(f"/courses/{course.slug}/enroll/").status_code == 302
    # ... and the login page it leads to says nothing of it


def test_a_paid_course_says_before_the_click_what_is_paid_in_all_and_given_back(
    guest: Client,
) -> None:
    html = guest.get("/courses/full-stack-development/").content.decode()
    assert "₹3,538.82 with taxes in Karnataka, India" in html
    assert "CGST 9 %" in html
    assert "100 % back within 2 days of paying" in html
    assert "Your seat is held for" in html


def test_what_nothing_is_to_be_paid_for_shows_no_breakdown(member: Client, learner: Person) -> None:
    enroll(Application(learner.pk, course="basic-programming"))
    assert member.get("/courses/basic-programming/").context["cost"] is None


def test_the_seat_meter_shows_the_taken_seats_of_all(guest: Client) -> None:
    enroll(Application(make_person().pk, course="hot-drop"))
    meter = guest.get("/courses/hot-drop/").context["meter"]
    assert (meter.taken, meter.capacity) == (1, 500)
    assert guest.get("/courses/basic-programming/").context["meter"] is None
    assert guest.get("/courses/last-spring/").context["meter"] is None


def test_the_page_takes_few_queries(
    member: Client, guest: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recommend, "_minute", lambda: 0)
    free, paid = "/courses/basic-programming/", "/courses/full-stack-development/"
    for path in (free, paid):
        guest.get(path)  # the minute's first look at what is recommended
    member.get(free)  # whose the session is
    for client, path, most in ((guest, free, 2), (member, free, 6), (guest, paid, 7)):
        with CaptureQueriesContext(connection) as queries:
            client.get(path)
        assert len(queries) <= most, [query["sql"][:90] for query in queries]


def test_art_is_the_same_each_time_and_differs_between_courses(guest: Client) -> None:
    one = guest.get("/courses/basic-programming/art.svg")
    assert one.headers["Content-Type"] == "image/svg+xml"
    assert "max-age=31536000" in one.headers["Cache-Control"]
    assert guest.get("/courses/basic-programming/art.svg").content == one.content
    assert guest.get("/courses/hot-drop/art.svg").content != one.content
    assert guest.post("/courses/hot-drop/art.svg").status_code == 405


def test_art_asks_the_database_nothing(member: Client) -> None:
    with CaptureQueriesContext(connection) as queries:
        member.get("/courses/basic-programming/art.svg")
    assert len(queries) == 0
