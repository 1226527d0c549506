"""What a course asks of people, as programs read it."""

from __future__ import annotations

from datetime import date, time

import pytest

from matricula.accounts.models import Person
from matricula.catalog.models import Cohort, Course
from matricula.flows.enroll import Application, enroll
from matricula.kernel import ids
from tests.api.test_bad_input import problem
from tests.support.factories import make_course, make_meeting
from tests.support.people import ApiClient, client_of, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def someone() -> Person:
    return person(full_name="Lea")


@pytest.fixture
def theirs(someone: Person) -> ApiClient:
    return client_of(someone.pk)


def course_json(client: ApiClient, course: Course) -> dict[str, object]:
    found: dict[str, object] = client.get(f"/courses/{course.slug}").json()["course"]
    return found


def clashing(learner: Person) -> Course:
    mine, wanted = make_course(title="Knots"), make_course()
    for course in (mine, wanted):
        make_meeting(Cohort.objects.get(course=course), first_day=date(2037, 1, 5))
    enroll(Application(learner.pk, mine.slug))
    return wanted


def test_a_clash_is_a_schedule_conflict_with_the_other_course_and_the_time(
    theirs: ApiClient, someone: Person
) -> None:
    wanted = clashing(someone)
    found = course_json(theirs, wanted)
    assert (found["can_enroll"], found["cannot_enroll_code"]) == (False, "schedule_conflict")
    response = theirs.post("/enrollments/initialize", {"course_id": wanted.slug})
    members = problem(response, 409, "schedule_conflict")
    assert members["rule"] == "schedule"
    assert members["conflict"] == {
        "course": "Knots",
        "starts_at": "2037-01-05T18:00:00+00:00",
        "ends_at": "2037-01-05T20:00:00+00:00",
    }
    assert "Knots" in members["detail"]


def test_each_cohort_tells_what_stands_against_the_one_who_asks(
    theirs: ApiClient, someone: Person
) -> None:
    wanted = clashing(someone)
    (cohort,) = course_json(theirs, wanted)["cohorts"]  # type: ignore[misc]
    assert [entry["rule"] for entry in cohort["objections"]] == ["schedule"]
    (cohort,) = course_json(ApiClient(), wanted)["cohorts"]  # type: ignore[misc]
    assert cohort["objections"] == []


def test_meetings_are_told_by_the_clock_of_their_zone(theirs: ApiClient) -> None:
    course = make_course()
    day = date(2037, 1, 5)
    make_meeting(
        Cohort.objects.get(course=course), first_day=day, ends=time(1), zone="Asia/Kolkata"
    )
    (cohort,) = course_json(theirs, course)["cohorts"]  # type: ignore[misc]
    assert cohort["meetings"] == [
        {
            "weekdays": [],
            "first_day": "2037-01-05",
            "last_day": "2037-01-05",
            "starts": "18:00:00",
            "ends": "01:00:00",
            "zone": "Asia/Kolkata",
            "skipped": [],
            "place": "",
        }
    ]


def test_a_limited_audience_is_permission_denied_with_its_rule(theirs: ApiClient) -> None:
    course = make_course(email_domains=["corp.example"])
    assert course_json(theirs, course)["audience"]["email_domains"] == ["corp.example"]  # type: ignore[index]
    response = theirs.post("/enrollments/initialize", {"course_id": course.slug})
    assert problem(response, 403, "permission_denied")["rule"] == "email_domain"


def test_a_missing_profile_field_is_named_and_can_be_told(theirs: ApiClient) -> None:
    course = make_course(required_profile=["phone"])
    wanted = {"course_id": course.slug}
    members = problem(theirs.post("/enrollments/initialize", wanted), 403, "permission_denied")
    assert [entry["field"] for entry in members["errors"]] == ["phone"]
    assert members["actions"][0]["url"] == "/me/profile/"
    assert theirs.request("PATCH", "/me", {"phone": "+91 1"}).json()["phone"] == "+91 1"
    assert theirs.post("/enrollments/initialize", wanted).status_code == 201


def test_a_course_taken_at_the_same_time_is_asked_for(theirs: ApiClient, someone: Person) -> None:
    other, course = make_course(), make_course()
    course.corequisites.add(other)
    (part,) = course_json(theirs, course)["corequisites"]  # type: ignore[misc]
    assert (part["id"], part["met"]) == (ids.to_text("crs", other.pk), False)
    response = theirs.post("/enrollments/initialize", {"course_id": course.slug})
    problem(response, 409, "prerequisites_not_met")
    enroll(Application(someone.pk, other.slug))
    response = theirs.post("/enrollments/initialize", {"course_id": course.slug})
    assert response.status_code == 201


def test_a_date_of_birth_is_told_once(theirs: ApiClient) -> None:
    assert theirs.request("PATCH", "/me", {"birth_date": "2001-02-03"}).status_code == 200
    again = theirs.request("PATCH", "/me", {"birth_date": "1990-01-01"})
    problem(again, 409, "illegal_state")
    assert theirs.get("/me").json()["birth_date"] == "2001-02-03"


@pytest.mark.parametrize("day", ["2999-01-01", "1850-01-01"])
def test_an_impossible_date_of_birth_is_refused(theirs: ApiClient, day: str) -> None:
    response = theirs.request("PATCH", "/me", {"birth_date": day})
    members = problem(response, 422, "validation_failed")
    assert members["errors"][0]["field"] == "birth_date"
