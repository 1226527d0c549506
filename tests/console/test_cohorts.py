"""Editing cohorts and their capacity."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, OperationalError, connection
from django.test import Client

from matricula.accounts.models import Person
from matricula.catalog.models import Cohort
from matricula.seats import actions as seats
from matricula.seats.models import SeatCount
from tests.console.addresses import COHORTS, change, cohort_form, events_of
from tests.support.claims import Wish, enroll_people
from tests.support.factories import make_cohort, make_course, make_people


def take_seats(cohort: Cohort, *, sold: int = 0, held: int = 0) -> None:
    """So many people enroll."""
    wishes = [
        Wish(person.pk, cohort.course_id, cohort.pk, hold_seconds=600 if place < held else None)
        for place, person in enumerate(make_people(sold + held))
    ]
    with connection.cursor() as cursor:
        enroll_people(cursor, wishes)


@pytest.fixture
def cohort(db: None) -> Cohort:
    return make_cohort(make_course(with_cohort=False), capacity=10)


def capacity_of(cohort: Cohort) -> int | None:
    return SeatCount.objects.get(cohort=cohort).capacity


@pytest.mark.parametrize(
    ("fields", "capacity"),
    [({"capacity": 25}, 25), ({"seats_limit": "unlimited", "capacity": ""}, None)],
)
def test_a_new_cohort_gets_the_capacity_chosen(
    console: Client, superuser: Person, fields: dict[str, object], capacity: int | None
) -> None:
    course = make_course(with_cohort=False)
    form = cohort_form(course=course.pk, **fields)
    assert console.post(f"{COHORTS}add/", form).status_code == 302
    cohort = Cohort.objects.get(course=course)
    assert capacity_of(cohort) == capacity
    (event,) = events_of(cohort.pk)
    assert (event.type, event.actor) == ("cohort.created", superuser.pk)
    assert event.data["changes"]["capacity"] == {"old": None, "new": capacity}
    assert event.data["changes"]["course"] == {"old": None, "new": str(course.pk)}
    assert "Autumn" not in str(event.data)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"seats_limit": "", "capacity": ""}, "This field is required"),
        ({"capacity": ""}, "or choose No limit"),
        ({"capacity": "-1"}, "greater than or equal to 0"),
        ({"capacity": "99999999999"}, "less than or equal to"),
        ({"capacity": "many"}, "Enter a whole number"),
    ],
)
def test_a_new_cohort_needs_a_sound_choice(
    console: Client, fields: dict[str, object], words: str
) -> None:
    course = make_course(with_cohort=False)
    answer = console.post(f"{COHORTS}add/", cohort_form(course=course.pk, **fields))
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert not Cohort.objects.filter(course=course).exists()


def test_capacity_is_changed_through_the_seats_room(
    console: Client, cohort: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    real = seats.set_capacity

    def watched(*given: object) -> None:
        asked.append(given)
        real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(seats, "set_capacity", watched)
    form = cohort_form(cohort, capacity=12)
    assert console.post(change(COHORTS, cohort.pk), form).status_code == 302
    assert asked == [(cohort.pk, 12)]
    event = events_of(cohort.pk)[-1]
    assert "capacity" in event.data["fields"]
    assert event.data["changes"]["capacity"] == {"old": 10, "new": 12}


def test_too_small_a_capacity_is_a_form_error_that_says_what_blocks(
    console: Client, cohort: Cohort
) -> None:
    take_seats(cohort, sold=2, held=1)
    form = cohort_form(cohort, name="Renamed", capacity=2)
    answer = console.post(change(COHORTS, cohort.pk), form)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "2 seats are sold and 1 are held. The smallest possible capacity is 3." in page
    assert f"/console/seats/hold/?cohort={cohort.pk}&amp;state=held" in page
    assert 'value="2"' in page
    assert capacity_of(cohort) == 10
    cohort.refresh_from_db()
    assert cohort.name != "Renamed"
    assert events_of(cohort.pk) == []


def test_the_smallest_possible_capacity_is_accepted(console: Client, cohort: Cohort) -> None:
    take_seats(cohort, sold=2, held=1)
    console.post(change(COHORTS, cohort.pk), cohort_form(cohort, capacity=3))
    assert capacity_of(cohort) == 3


def test_a_window_that_ends_before_it_begins_is_explained(console: Client, cohort: Cohort) -> None:
    dates = {"opens_at_0": "2030-01-02", "opens_at_1": "00:00"}
    dates |= {"closes_at_0": "2030-01-01", "closes_at_1": "00:00"}
    answer = console.post(change(COHORTS, cohort.pk), cohort_form(cohort, **dates))
    assert "Registration has to close after it opens." in answer.content.decode()


def test_a_cohort_stays_with_its_course(console: Client, cohort: Cohort) -> None:
    other = make_course(with_cohort=False)
    console.post(change(COHORTS, cohort.pk), cohort_form(cohort, course=other.pk))
    cohort.refresh_from_db()
    assert cohort.course_id != other.pk


def test_a_cohort_nobody_enrolled_in_can_be_deleted(console: Client, cohort: Cohort) -> None:
    answer = console.post(f"{COHORTS}{cohort.pk}/delete/", {"post": "yes"})
    assert answer.status_code == 302
    assert not Cohort.objects.filter(pk=cohort.pk).exists()
    assert events_of(cohort.pk)[-1].type == "cohort.deleted"


def test_a_cohort_with_enrollments_stays_and_says_why(console: Client, cohort: Cohort) -> None:
    take_seats(cohort, sold=2)
    for answer in (
        console.get(f"{COHORTS}{cohort.pk}/delete/"),
        console.post(f"{COHORTS}{cohort.pk}/delete/", {"post": "yes"}),
    ):
        assert "It has 2 enrollments, 2 of them live." in answer.content.decode()
    assert Cohort.objects.filter(pk=cohort.pk).exists()
    assert events_of(cohort.pk) == []


FAILURES = (
    (OperationalError("could not get the lock"), 503, "Very busy right now"),
    (IntegrityError("event_numbered_per_subject"), 409, "Nothing was saved"),
)


@pytest.mark.parametrize("expected", FAILURES)
def test_a_database_error_is_a_clear_page(
    console: Client,
    cohort: Cohort,
    monkeypatch: pytest.MonkeyPatch,
    expected: tuple[Exception, int, str],
) -> None:
    failure, status, words = expected

    def fail(*_given: object) -> None:
        raise failure

    monkeypatch.setattr(seats, "set_capacity", fail)
    answer = console.post(change(COHORTS, cohort.pk), cohort_form(cohort))
    assert answer.status_code == status
    assert words in answer.content.decode()
    assert "Traceback" not in answer.content.decode()
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]


def test_registration_cannot_open_after_it_ends(console: Client, cohort: Cohort) -> None:
    form = cohort_form(
        name=cohort.name,
        opens_at_0="2026-03-02",
        opens_at_1="09:00",
        starts_at_0="2026-03-01",
        starts_at_1="09:00",
    )
    answer = console.post(change(COHORTS, cohort.pk), form)
    assert answer.status_code == 200
    assert "or say when it closes" in answer.content.decode()
