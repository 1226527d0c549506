"""Many requests served together: each gets what it would have got alone."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from pytest_django import DjangoAssertNumQueries

from matricula.catalog.models import Cohort
from matricula.enrollments.errors import (
    AlreadyEnrolled,
    PrerequisitesNotMet,
    RegistrationClosed,
    RegistrationNotOpen,
)
from matricula.enrollments.models import Enrollment
from matricula.flows.applications import (
    AlreadyAnswered,
    Application,
    Keyed,
    Outcome,
    Receipt,
    Request,
    Unfinished,
)
from matricula.flows.enroll import enroll, enroll_many
from matricula.kernel import clock, ids
from matricula.kernel.errors import AuthenticationRequired, IdempotencyMismatch, NotFound
from matricula.seats.errors import CourseFull
from tests.support.factories import make_course, make_people, make_person

pytestmark = pytest.mark.django_db


def keyed(key: str, fingerprint: str = "the request") -> Keyed:
    return Keyed(key, fingerprint, write=lambda receipt: f"body of {receipt.enrollment_id}")


def asking(course: str | UUID, person: UUID | None = None, sent: Keyed | None = None) -> Request:
    return Request(Application(person or make_person().pk, course), sent)


def windowed(**window: object) -> str:
    course = make_course()
    Cohort.objects.filter(course=course).update(**window)
    return course.slug


def test_each_gets_their_own_outcome() -> None:
    here, there = make_course(), make_course()
    enrolled, answered, mismatched = (make_person().pk for _ in range(3))
    enroll(Application(enrolled, here.slug))
    enroll(Application(answered, here.slug), keyed("k"))
    enroll(Application(mismatched, here.slug), keyed("k", "another request"))
    demanding = make_course()
    demanding.prerequisites.add(there)
    now = clock.now()
    wanted: list[tuple[Request, type[Outcome]]] = [
        (asking(here.slug), Receipt),
        (asking(make_course(price=100_00).slug), Unfinished),
        (asking(here.slug, enrolled), AlreadyEnrolled),
        (asking(here.slug, answered, keyed("k")), AlreadyAnswered),
        (asking(here.slug, mismatched, keyed("k")), IdempotencyMismatch),
        (asking(make_course(capacity=0).slug), CourseFull),
        (asking(windowed(opens_at=now + timedelta(hours=1))), RegistrationNotOpen),
        (asking(windowed(closes_at=now - timedelta(hours=1))), RegistrationClosed),
        (asking(demanding.slug), PrerequisitesNotMet),
        (asking("no-such-course"), NotFound),
        (asking(here.slug, ids.new_id()), AuthenticationRequired),
        (asking(there.slug, sent=keyed("new")), Receipt),
    ]
    outcomes = enroll_many([request for request, _ in wanted])
    assert [type(outcome) for outcome in outcomes] == [kind for _, kind in wanted]


def test_the_last_seats_go_to_those_who_came_first() -> None:
    course = make_course(capacity=2)
    requests = [asking(course.slug) for _ in range(4)]
    outcomes = enroll_many(requests)
    assert [isinstance(outcome, Receipt) for outcome in outcomes] == [True, True, False, False]
    held = Enrollment.objects.filter(course=course).values_list("pk", flat=True)
    assert set(held) == {request.enrollment_id for request in requests[:2]}


def test_those_who_find_it_full_are_shown_what_each_could_take() -> None:
    full = make_course(capacity=0, category="Knots")
    near, far = (make_course(category="Knots", title=title) for title in ("A near", "B far"))
    one, other = make_people(2)
    enroll(Application(other.pk, near.slug))
    outcomes = enroll_many([asking(full.slug, one.pk), asking(full.slug, other.pk)])
    shown = [
        [way["slug"] for way in outcome.guidance.alternatives]
        for outcome in outcomes
        if isinstance(outcome, CourseFull)
    ]
    assert shown[0] == [near.slug, far.slug]
    assert near.slug not in shown[1]
    assert shown[1][0] == far.slug


def test_many_take_as_many_queries_as_one(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    courses = [make_course() for _ in range(5)]
    requests = [asking(course.slug, sent=keyed("k")) for course in courses * 4]
    with django_assert_num_queries(5):
        enroll_many(requests)


def test_many_refused_for_want_of_seats_take_as_many_queries_as_one(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    full = make_course(capacity=0, category="Knots")
    for _ in range(2):
        make_course(category="Knots")
    requests = [asking(full.slug) for _ in range(20)]
    enroll_many([asking(full.slug)])
    with django_assert_num_queries(6):
        enroll_many(requests)


def test_a_request_served_again_gets_the_same_enrollment() -> None:
    """As when the connection broke before the outcome came."""
    course = make_course(capacity=1)
    for request in (asking(course.slug), asking(make_course().slug, sent=keyed("k"))):
        (first,), (again,) = enroll_many([request]), enroll_many([request])
        assert isinstance(again, Receipt)
        assert (again, again.is_new) == (first, True)


def test_what_is_to_be_paid_for_is_not_begun() -> None:
    course = make_course(price=100_00)
    (outcome,) = enroll_many([asking(course.slug)])
    assert isinstance(outcome, Unfinished)
    assert not Enrollment.objects.filter(course=course).exists()
