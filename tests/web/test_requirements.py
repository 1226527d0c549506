"""What a course asks of people, on its page and in its refusals; and the profile some need."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.test import Client

from matricula.accounts.models import LearnerGroup, Person
from matricula.catalog.models import CategoryLimit, Cohort, Course
from matricula.flows.enroll import Application, enroll
from matricula.kernel.models import Event
from tests.support.factories import make_cohort, make_course, make_meeting

pytestmark = pytest.mark.django_db


def text_of(client: Client, path: str) -> str:
    response = client.get(path, follow=True)
    return str(response.content.decode())


def page_of(client: Client, course: Course) -> str:
    return text_of(client, f"/courses/{course.slug}/")


def clashing(learner: Person) -> tuple[Course, Course]:
    """A course that the learner is enrolled in, and one that meets at the same time."""
    mine, wanted = make_course(title="Knots"), make_course(title="Splices")
    for course in (mine, wanted):
        make_meeting(Cohort.objects.get(course=course), place="Room 4")
    enroll(Application(learner.pk, mine.slug))
    return mine, wanted


def test_a_guest_reads_what_is_asked_for_without_a_verdict(guest: Client) -> None:
    course = make_course(
        email_domains=["example.com"], least_age=18, required_profile=["phone"], most_takes=1
    )
    html = page_of(guest, course)
    for words in (
        "A confirmed e-mail address at example.com",
        "At least 18 years old when it starts",
        "In your profile: your phone number",
        "Can be taken once",
        "to see how you stand",
    ):
        assert words in html
    assert "not yet" not in html


def test_a_member_reads_what_is_missing_before_clicking(member: Client) -> None:
    group = LearnerGroup.objects.create(name="Sailors")
    course = make_course()
    course.learner_groups.add(group)
    html = page_of(member, course)
    assert 'data-enroll-state="not_available"' in html
    assert "Membership in a group" in html
    assert "ask the organizers to add you" in html


def test_a_member_of_the_group_can_enroll(member: Client, learner: Person) -> None:
    group = LearnerGroup.objects.create(name="Sailors")
    group.members.add(learner)
    course = make_course()
    course.learner_groups.add(group)
    assert 'data-enroll-state="available"' in page_of(member, course)


def test_a_corequisite_is_named_with_where_to_find_it(member: Client) -> None:
    other, course = make_course(title="Knots"), make_course()
    course.corequisites.add(other)
    html = page_of(member, course)
    assert "not enrolled yet" in html
    assert f'href="/courses/{other.slug}/"' in html


def test_the_timetable_stands_beside_its_intake(guest: Client) -> None:
    course = make_course()
    day = date(2037, 1, 5)
    make_meeting(
        Cohort.objects.get(course=course),
        first_day=day,
        last_day=day + timedelta(days=60),
        weekdays=[1, 3],
        skipped=[date(2037, 1, 26)],
        zone="Asia/Kolkata",
        place="Room 4",
    )
    assert (
        "Monday, Wednesday, 18:00 to 20:00 (Asia/Kolkata); 5 January 2037 to 6 March 2037; "
        "not on 26 January 2037; Room 4"
    ) in page_of(guest, course)


def test_a_clash_is_shown_before_clicking_and_refused_after(
    member: Client, learner: Person
) -> None:
    mine, wanted = clashing(learner)
    html = page_of(member, wanted)
    assert "Clashes with Knots" in html
    assert "It meets at the same time as Knots" in html
    response = member.post(f"/courses/{wanted.slug}/enroll/")
    assert response.status_code == 409
    assert f'href="/courses/{mine.slug}/"' in response.content.decode()


def test_an_intake_that_fits_is_chosen_over_one_that_clashes(
    member: Client, learner: Person
) -> None:
    _mine, wanted = clashing(learner)
    make_cohort(wanted, name="Another time")
    html = text_of(member, f"/courses/{wanted.slug}/enroll/")
    assert "Another time" in html
    member.post(f"/courses/{wanted.slug}/enroll/")
    found = Cohort.objects.get(enrollment__person=learner, course=wanted)
    assert found.name == "Another time"


def test_a_full_category_is_refused_with_the_way_to_ones_courses(
    member: Client, learner: Person
) -> None:
    CategoryLimit.objects.create(category="Knots", most=1)
    enroll(Application(learner.pk, make_course(category="Knots").slug))
    html = page_of(member, make_course(category="Knots"))
    assert "At most 1 of Knots at the same time" in html
    assert 'href="/me/"' in html


# --- the profile ----------------------------------------------------------------------------


def test_the_page_leads_to_the_profile_and_back(member: Client, learner: Person) -> None:
    course = make_course(required_profile=["phone"])
    way = f"/me/profile/?next=%2Fcourses%2F{course.slug}%2F"
    assert way in page_of(member, course)
    form = {"full_name": "Lea", "phone": "1", "birth_date": "", "next": f"/courses/{course.slug}/"}
    response = member.post("/me/profile/", form)
    assert response.headers["Location"] == f"/courses/{course.slug}/"
    assert 'data-enroll-state="available"' in page_of(member, course)


def test_what_was_changed_is_in_the_log_and_what_it_holds_is_not(
    member: Client, learner: Person
) -> None:
    member.post("/me/profile/", {"full_name": "Lea", "phone": "123", "birth_date": "2001-02-03"})
    event = Event.objects.get(subject=learner.pk, type="person.changed")
    assert event.data == {"fields": ["birth_date", "full_name", "phone"]}
    assert (event.person, event.actor) == (learner.pk, learner.pk)


@pytest.mark.parametrize("day", ["1800-01-01", "yesterday", "2999-01-01", "2001-02-30"])
def test_an_impossible_date_of_birth_is_refused_beside_its_field(member: Client, day: str) -> None:
    response = member.post("/me/profile/", {"full_name": "Lea", "birth_date": day})
    assert response.status_code == 422
    assert 'class="errorlist"' in response.content.decode()


def test_a_date_of_birth_is_told_once(member: Client, learner: Person) -> None:
    Person.objects.filter(pk=learner.pk).update(birth_date=date(2010, 1, 1))
    member.post("/me/profile/", {"full_name": "Lea", "phone": "", "birth_date": "1990-01-01"})
    learner.refresh_from_db()
    assert learner.birth_date == date(2010, 1, 1)


@pytest.mark.parametrize("back", ["https://evil.example", "//evil.example", "javascript:x"])
def test_the_profile_leads_nowhere_else(member: Client, back: str) -> None:
    response = member.post("/me/profile/", {"full_name": "Lea", "phone": "", "next": back})
    assert response.headers["Location"] == "/me/profile/"


def test_a_guest_signs_in_first(guest: Client) -> None:
    assert guest.get("/me/profile/").status_code == 302


def test_a_name_too_long_is_refused(member: Client) -> None:
    response = member.post("/me/profile/", {"full_name": "x" * 151, "phone": ""})
    assert response.status_code == 422
