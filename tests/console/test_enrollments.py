"""Enrollments, holds and events: read, searched, and an enrollment cancelled."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client

from matricula.accounts.models import Person
from matricula.catalog.models import Cohort
from matricula.edges.console import base, events
from matricula.enrollments.models import Enrollment
from matricula.flows import cancel
from matricula.kernel import correlation, ids
from matricula.kernel.events import NewEvent, append
from matricula.seats.models import Hold
from tests.console.addresses import ENROLLMENTS, EVENTS, HOLDS, change, events_of
from tests.console.conftest import sign_in
from tests.support.claims import Wish, enroll_people
from tests.support.factories import make_course, make_person, only_cohort


def enrolled(person: Person, *, hold_seconds: int | None = None) -> Enrollment:
    """The person in a course of its own."""
    course = make_course()
    wish = Wish(person.pk, course.pk, only_cohort(course), hold_seconds=hold_seconds)
    with connection.cursor() as cursor:
        enroll_people(cursor, [wish])
    return Enrollment.objects.get(pk=wish.enrollment)


@pytest.fixture
def enrollment(db: None) -> Enrollment:
    return enrolled(make_person(full_name="Asha Example"))


def cancel_page(enrollment: Enrollment) -> str:
    return f"{ENROLLMENTS}{enrollment.pk}/cancel/"


def keys_of_records(enrollment: Enrollment) -> list[tuple[str, UUID | int]]:
    return [
        (ENROLLMENTS, enrollment.pk),
        (HOLDS, Hold.objects.get(key=enrollment.pk).pk),
        (EVENTS, events_of(enrollment.pk)[0].pk),
    ]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_records_are_shown_and_never_edited(
    console: Client, enrollment: Enrollment, place: int
) -> None:
    listing, key = keys_of_records(enrollment)[place]
    assert console.get(change(listing, key)).status_code == 200
    assert console.post(change(listing, key), {"stage": "refunded"}).status_code == 403
    assert console.get(f"{listing}add/").status_code == 403
    assert console.post(f"{listing}{key}/delete/", {"post": "yes"}).status_code == 403
    assert "action" not in console.get(listing).context["cl"].list_display


def test_an_enrollment_shows_its_seat_and_its_story(
    console: Client, enrollment: Enrollment
) -> None:
    page = console.get(change(ENROLLMENTS, enrollment.pk)).content.decode()
    assert "enrollment.requested" in page
    assert "access.granted" in page
    assert "Sold (" in page
    assert ids.to_text("enr", enrollment.pk) in page


@pytest.mark.parametrize("term", ["email", "enr", "usr", "uuid", "upper"])
def test_enrollments_are_found_by_address_and_id(
    console: Client, enrollment: Enrollment, term: str
) -> None:
    enrolled(make_person())
    person = enrollment.person
    terms = {
        "email": person.email,
        "upper": f" {person.email.upper()} ",
        "enr": ids.to_text("enr", enrollment.pk),
        "usr": ids.to_text("usr", person.pk),
        "uuid": str(enrollment.pk),
    }
    found = console.get(ENROLLMENTS, {"q": terms[term]}).context["cl"]
    assert [row.pk for row in found.result_list] == [enrollment.pk]


@pytest.mark.parametrize(
    "query",
    [
        {"q": "enr_nonsense"},
        {"q": "' OR 1=1 --"},
        {"course": "not-an-id"},
        {"cohort": "not-an-id"},
        {"stage__exact": "nonsense"},
    ],
)
def test_a_search_for_nothing_finds_nothing(
    console: Client, enrollment: Enrollment, query: dict[str, str]
) -> None:
    found = console.get(ENROLLMENTS, query)
    assert found.status_code == 200
    assert list(found.context["cl"].result_list) == []


def test_filters_by_course_and_cohort(console: Client, enrollment: Enrollment) -> None:
    enrolled(make_person())
    for query in ({"course": enrollment.course_id}, {"cohort": enrollment.cohort_id}):
        found = console.get(ENROLLMENTS, query).context["cl"]
        assert [row.pk for row in found.result_list] == [enrollment.pk]


@pytest.mark.parametrize("listing", [ENROLLMENTS, HOLDS, EVENTS])
@pytest.mark.parametrize(
    "query", ["?p=99999", "?p=x", "?o=9.-3", "?nonsense=1", "?all=1", "?before=x", "?before=0"]
)
def test_a_strange_address_is_no_crash(console: Client, listing: str, query: str) -> None:
    assert console.get(listing + query).status_code in {200, 302, 400}


# --- cancelling -----------------------------------------------------------------------------


def test_cancelling_asks_first(console: Client, enrollment: Enrollment) -> None:
    page = console.get(cancel_page(enrollment)).content.decode()
    assert "Asha Example" in page
    assert "Access to the course ends at once." in page
    enrollment.refresh_from_db()
    assert enrollment.stage == "confirmed"


def test_cancelling_gives_the_seat_back_in_the_name_of_staff(
    console: Client, superuser: Person, enrollment: Enrollment
) -> None:
    answer = console.post(cancel_page(enrollment), {"reason": "Asked by telephone"})
    assert answer["Location"] == change(ENROLLMENTS, enrollment.pk)
    enrollment.refresh_from_db()
    assert (enrollment.stage, enrollment.reason) == ("cancelled", "Asked by telephone")
    cohort = Cohort.objects.select_related("seats").get(pk=enrollment.cohort_id)
    assert cohort.seats.sold == 0
    told = events_of(enrollment.pk)[-2:]
    assert [event.type for event in told] == ["enrollment.cancelled", "access.revoked"]
    assert {event.actor for event in told} == {superuser.pk}


def test_cancelling_needs_a_reason(console: Client, enrollment: Enrollment) -> None:
    answer = console.post(cancel_page(enrollment), {"reason": "  "})
    assert answer.status_code == 200
    assert "This field is required" in answer.content.decode()
    enrollment.refresh_from_db()
    assert enrollment.stage == "confirmed"


def test_cancelling_twice_says_so_and_changes_nothing(
    console: Client, enrollment: Enrollment
) -> None:
    cancel.cancel(enrollment.pk, enrollment.person_id, actor_id=enrollment.person_id)
    told = len(events_of(enrollment.pk))
    answer = console.post(cancel_page(enrollment), {"reason": "again"}, follow=True)
    assert "Not cancelled." in answer.content.decode()
    assert len(events_of(enrollment.pk)) == told


def test_what_has_ended_offers_no_cancelling(console: Client, enrollment: Enrollment) -> None:
    page = change(ENROLLMENTS, enrollment.pk)
    assert cancel_page(enrollment) in console.get(page).content.decode()
    cancel.cancel(enrollment.pk, enrollment.person_id, actor_id=enrollment.person_id)
    assert cancel_page(enrollment) not in console.get(page).content.decode()


def test_cancelling_needs_its_permission(registrar: Person, enrollment: Enrollment) -> None:
    answer = sign_in(registrar).post(cancel_page(enrollment), {"reason": "mine"})
    assert answer.status_code == 403
    enrollment.refresh_from_db()
    assert enrollment.stage == "confirmed"


@pytest.mark.parametrize("key", ["00000000-0000-0000-0000-000000000000", "nonsense"])
def test_cancelling_nothing_is_no_crash(console: Client, key: str) -> None:
    assert console.get(f"{ENROLLMENTS}{key}/cancel/").status_code == 302


# --- holds and events -----------------------------------------------------------------------


def test_holds_open_with_who_holds_what_until_when(console: Client, enrollment: Enrollment) -> None:
    held = enrolled(make_person(), hold_seconds=600)
    answer = console.get(HOLDS)
    assert [row.key for row in answer.context["cl"].result_list] == [held.pk]
    assert held.person.email in answer.content.decode()
    sold = console.get(HOLDS, {"state": "sold"}).context["cl"]
    assert enrollment.pk in {row.key for row in sold.result_list}


def test_events_are_found_by_subject_correlation_and_type(
    console: Client, enrollment: Enrollment
) -> None:
    subject = ids.to_text("enr", enrollment.pk)
    with correlation.following("the-test-itself"):
        cancel.cancel(enrollment.pk, enrollment.person_id, actor_id=enrollment.person_id)
    for query in ({"q": subject}, {"q": "the-test-itself"}, {"type": "access.granted"}):
        answer = console.get(EVENTS, query)
        assert subject in answer.content.decode()
    numbers = [
        row.subject_seq for row in console.get(EVENTS, {"q": subject}).context["cl"].result_list
    ]
    assert numbers == [5, 4, 3, 2, 1]


def test_older_events_are_reached_step_by_step(
    console: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "STRETCH", 2)
    subject = ids.new_id()
    append([NewEvent(type=f"test.step{step}", subject=subject) for step in range(4)])
    first = console.get(EVENTS)
    assert [row.type for row in first.context["cl"].result_list] == ["test.step3", "test.step2"]
    older = console.get(f"{EVENTS}?{first.context['older']}")
    assert [row.type for row in older.context["cl"].result_list] == ["test.step1", "test.step0"]


def test_lists_count_no_further_than_they_must(
    console: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "MOST_COUNTED", 2)
    append([NewEvent(type="test.counted", subject=ids.new_id()) for _ in range(4)])
    assert console.get(EVENTS).context["cl"].result_count == 2


@pytest.mark.parametrize("listing", [ENROLLMENTS, HOLDS, EVENTS])
def test_no_list_counts_its_table(
    console: Client, enrollment: Enrollment, listing: str, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(20) as asked:
        console.get(listing)
    counts = [query["sql"] for query in asked.captured_queries if "COUNT(" in query["sql"]]
    assert counts
    assert all("LIMIT" in sql for sql in counts)
