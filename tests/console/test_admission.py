"""Staff says who may take a seat, when cohorts meet, and for whom an exception is made."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from matricula.accounts.models import LearnerGroup, Person
from matricula.catalog.models import CategoryLimit, Cohort, CohortMeeting, Course, Timetable
from matricula.enrollments.models import Enrollment, Override
from matricula.flows.enroll import Application, enroll
from matricula.kernel import clock, ids
from matricula.kernel.models import Event
from tests.console.addresses import (
    COHORTS,
    COURSES,
    ENROLLMENTS,
    GROUPS,
    LIMITS,
    OVERRIDES,
    change,
    cohort_form,
    course_form,
    events_of,
    lines,
)
from tests.console.conftest import sign_in
from tests.support.factories import make_cohort, make_course, make_person, only_cohort


@pytest.fixture
def cohort(db: None) -> Cohort:
    return make_cohort(make_course(with_cohort=False))


def meeting(**fields: object) -> dict[str, object]:
    filled = {
        "weekdays": ["1", "3"],
        "first_day": "2037-01-05",
        "last_day": "2037-03-06",
        "starts": "18:00",
        "ends": "20:00",
        "zone": "Asia/Kolkata",
        "skipped": "2037-01-26",
        "place": "Room 4",
        **fields,
    }
    return lines("meetings", 1, **{f"0__{name}": value for name, value in filled.items()})


def edit(console: Client, cohort: Cohort, **fields: object) -> int:
    form = cohort_form(cohort, course=cohort.course_id, **fields)
    return console.post(change(COHORTS, cohort.pk), form).status_code


# --- timetables -----------------------------------------------------------------------------


def test_a_weekly_meeting_is_saved_with_its_timetable_and_logged(
    console: Client, cohort: Cohort
) -> None:
    assert edit(console, cohort, **meeting()) == 302
    row = CohortMeeting.objects.get(cohort=cohort)
    assert (row.weekdays, row.skipped) == ([1, 3], [date(2037, 1, 26)])
    assert len(Timetable.objects.get(cohort=cohort).busy) == 17
    event = events_of(cohort.pk)[-1]
    assert event.data["changes"]["meetings"][0]["new"]["weekdays"] == [1, 3]


def test_one_without_weekdays_is_once(console: Client, cohort: Cohort) -> None:
    assert edit(console, cohort, **meeting(weekdays=[], last_day="", skipped="")) == 302
    assert len(Timetable.objects.get(cohort=cohort).busy) == 1


def test_a_deleted_meeting_takes_the_timetable_with_it(console: Client, cohort: Cohort) -> None:
    edit(console, cohort, **meeting())
    row = CohortMeeting.objects.get(cohort=cohort)
    gone = {**meeting(), **lines("meetings", 1, 1, **{"0__id": row.pk, "0__DELETE": "on"})}
    gone |= {"meetings-0-cohort": str(cohort.pk)}
    assert edit(console, cohort, **gone) == 302
    assert not Timetable.objects.filter(cohort=cohort).exists()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"zone": "Mars/Olympus"}, "Give a zone like"),
        ({"ends": "18:00"}, "It has to take some time"),
        ({"last_day": "2036-01-01"}, "cannot come before the first"),
        ({"last_day": "2047-01-01"}, "days after the first"),
        ({"last_day": ""}, "needs a last day"),
        ({"weekdays": ["8"]}, "Select a valid choice"),
        ({"starts": "25:00"}, "Enter a valid time"),
    ],
)
def test_an_impossible_meeting_is_refused_beside_its_field(
    console: Client, cohort: Cohort, fields: dict[str, object], words: str
) -> None:
    form = cohort_form(cohort, course=cohort.course_id, **meeting(**fields))
    answer = console.post(change(COHORTS, cohort.pk), form)
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert not CohortMeeting.objects.exists()


# --- audiences ------------------------------------------------------------------------------


def test_a_course_is_limited_to_an_audience(console: Client, db: None) -> None:
    course, group = make_course(), LearnerGroup.objects.create(name="Sailors")
    form = course_form(
        course,
        email_domains="Example.com, corp.example",
        learner_groups=[group.pk],
        least_age=18,
        required_profile=["phone"],
        most_takes=2,
    )
    assert console.post(change(COURSES, course.pk), form).status_code == 302
    course.refresh_from_db()
    assert course.email_domains == ["corp.example", "example.com"]
    assert (course.required_profile, course.most_takes) == (["phone"], 2)
    event = events_of(course.pk)[-1]
    assert event.data["changes"]["least_age"] == {"old": None, "new": 18}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"email_domains": "not a domain"}, "Give domains like"),
        ({"least_age": 18, "greatest_age": 17}, "cannot be lower than the least age"),
        ({"most_takes": 0}, "greater than or equal to 1"),
    ],
)
def test_an_impossible_audience_is_refused(
    console: Client, db: None, fields: dict[str, object], words: str
) -> None:
    course = make_course()
    answer = console.post(change(COURSES, course.pk), course_form(course, **fields))
    assert answer.status_code == 200
    assert words in answer.content.decode()


def test_people_are_added_to_a_group_by_address_and_taken_out(console: Client, db: None) -> None:
    group, someone = LearnerGroup.objects.create(name="Sailors"), make_person()
    page = change(GROUPS, group.pk)
    console.post(page, {"name": "Sailors", "add": someone.email.upper(), "remove": ""})
    assert list(group.members.all()) == [someone]
    event = events_of(group.pk)[-1]
    assert event.data["changes"]["add"] == [str(someone.pk)]
    assert someone.email not in str(event.data)
    console.post(page, {"name": "Sailors", "add": "", "remove": someone.email})
    assert not group.members.exists()


def test_an_unknown_address_is_named(console: Client, db: None) -> None:
    answer = console.post(f"{GROUPS}add/", {"name": "X", "add": "nobody@x.example", "remove": ""})
    assert "No account has: nobody@x.example" in answer.content.decode()


def test_a_limit_of_a_category_is_set(console: Client, db: None) -> None:
    assert console.post(f"{LIMITS}add/", {"category": "Knots", "most": 2}).status_code == 302
    assert CategoryLimit.objects.get().most == 2


# --- exceptions -----------------------------------------------------------------------------


def override_form(person: Person, course: Course, **fields: object) -> dict[str, object]:
    later = clock.now() + timedelta(days=2)
    return {
        "address": person.email,
        "cohort": str(only_cohort(course)),
        "rules": ["email_domain"],
        "note": "Their employer asked.",
        "expires_at_0": later.strftime("%Y-%m-%d"),
        "expires_at_1": later.strftime("%H:%M:%S"),
        **fields,
    }


def test_an_exception_lets_the_person_enroll_until_it_is_revoked(
    console: Client, superuser: Person
) -> None:
    person, course = make_person(), make_course(email_domains=["corp.example"])
    assert console.post(f"{OVERRIDES}add/", override_form(person, course)).status_code == 302
    made = Override.objects.get()
    assert (made.person_id, made.granted_by_id) == (person.pk, superuser.pk)
    assert [event.type for event in events_of(made.pk)] == ["override.granted"]
    assert "employer" not in str(Event.objects.get(subject=made.pk).data)
    enroll(Application(person.pk, course.slug))
    page = console.get(change(OVERRIDES, made.pk)).content.decode()
    assert "E-mail domain" in page
    assert console.post(f"{OVERRIDES}{made.pk}/revoke/", {}).status_code == 302
    made.refresh_from_db()
    assert made.revoked_at is not None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"address": "nobody@x.example"}, "No account has this address"),
        ({"rules": []}, "This field is required"),
        ({"rules": ["capacity"]}, "Select a valid choice"),
        ({"note": ""}, "This field is required"),
        ({"expires_at_0": "2020-01-01"}, "This moment is over"),
    ],
)
def test_an_exception_that_makes_no_sense_is_refused(
    console: Client, db: None, fields: dict[str, object], words: str
) -> None:
    form = override_form(make_person(), make_course(), **fields)
    answer = console.post(f"{OVERRIDES}add/", form)
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert not Override.objects.exists()


def test_without_the_permission_nobody_makes_or_revokes_one(
    registrar: Person, superuser: Person
) -> None:
    person, course = make_person(), make_course()
    sign_in(superuser).post(f"{OVERRIDES}add/", override_form(person, course))
    made = Override.objects.get()
    registrar.user_permissions.add(Permission.objects.get(codename="view_override"))
    client = sign_in(registrar)
    assert client.get(change(OVERRIDES, made.pk)).status_code == 200
    assert client.post(f"{OVERRIDES}add/", override_form(person, course)).status_code == 403
    assert client.post(f"{OVERRIDES}{made.pk}/revoke/", {}).status_code == 403


# --- swapping -------------------------------------------------------------------------------


def test_staff_swaps_the_cohort_of_an_enrollment(console: Client, superuser: Person) -> None:
    person, course = make_person(), make_course()
    enrollment = enroll(Application(person.pk, course.slug)).enrollment_id
    other = make_cohort(course)
    page = f"{ENROLLMENTS}{enrollment}/swap/"
    assert "Swap the cohort" in console.get(page).content.decode()
    assert console.post(page, {"cohort": str(other.pk)}).status_code == 302
    taken = Enrollment.objects.get(person=person, stage="confirmed")
    assert taken.cohort_id == other.pk
    assert {event.actor for event in events_of(taken.pk)} == {superuser.pk}


def test_a_swap_that_cannot_be_made_says_why_and_changes_nothing(console: Client, db: None) -> None:
    person, course = make_person(), make_course()
    enrollment = enroll(Application(person.pk, course.slug)).enrollment_id
    full = make_cohort(course, capacity=0)
    page = f"{ENROLLMENTS}{enrollment}/swap/"
    answer = console.post(page, {"cohort": str(full.pk)}, follow=True)
    assert "Not done." in answer.content.decode()
    assert Enrollment.objects.get(pk=enrollment).stage == "confirmed"


def test_a_cohort_of_another_course_is_no_choice(console: Client, db: None) -> None:
    person, course = make_person(), make_course()
    enrollment = enroll(Application(person.pk, course.slug)).enrollment_id
    elsewhere = only_cohort(make_course())
    answer = console.post(f"{ENROLLMENTS}{enrollment}/swap/", {"cohort": str(elsewhere)})
    assert answer.status_code == 200
    assert Enrollment.objects.get(pk=enrollment).stage == "confirmed"


def test_staff_swaps_into_another_course_by_the_cohorts_id(
    console: Client, superuser: Person
) -> None:
    person, course, other = make_person(), make_course(), make_course()
    enrollment = enroll(Application(person.pk, course.slug)).enrollment_id
    page = f"{ENROLLMENTS}{enrollment}/swap/"
    unknown = console.post(page, {"other": "coh_nothing"})
    assert b"There is no such cohort." in unknown.content
    assert b"Choose a cohort." in console.post(page, {}).content
    console.post(page, {"other": ids.to_text("coh", only_cohort(other))})
    taken = Enrollment.objects.get(person=person, stage="confirmed")
    assert taken.course_id == other.pk
