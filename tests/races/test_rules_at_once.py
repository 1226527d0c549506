"""Two tabs, two courses: what one person may not have together, they do not get at once either."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest

from matricula.catalog.models import CategoryLimit, Cohort, Course
from matricula.enrollments.models import Enrollment
from matricula.flows import enroll as flow
from matricula.flows.enroll import Application, enroll
from matricula.kernel.errors import DomainError
from tests.races.conftest import Track
from tests.support.crowds import during
from tests.support.factories import make_course, make_meeting


def clashing() -> list[Course]:
    courses = [make_course(), make_course()]
    for course in courses:
        make_meeting(Cohort.objects.get(course=course))
    return courses


def limited() -> list[Course]:
    CategoryLimit.objects.create(category="Knots", most=1)
    return [make_course(category="Knots") for _ in range(2)]


def outcome(person: UUID, course: Course) -> str:
    try:
        enroll(Application(person, course.slug))
    except DomainError as error:
        return error.code
    return "enrolled"


def in_two_tabs(track: Track, courses: list[Course]) -> list[str]:
    """The second begins while the first is not committed yet."""
    (person,) = track.crowd(1)
    first, second = courses
    future = during(
        track.url, lambda: enroll(Application(person, first.slug)), lambda: outcome(person, second)
    )
    live = Enrollment.objects.filter(person=person, stage="confirmed").count()
    return [future.result(), f"{live} live"]


@pytest.mark.parametrize(
    ("make", "code"), [(clashing, "schedule_conflict"), (limited, "course_not_available")]
)
def test_the_second_of_two_requests_sees_the_first(
    track: Track, make: Callable[[], list[Course]], code: str
) -> None:
    assert in_two_tabs(track, make()) == [code, "1 live"]
    assert track.broken_promises() == []


@pytest.mark.parametrize("make", [clashing, limited])
def test_without_the_persons_lock_both_are_let_in(
    track: Track, make: Callable[[], list[Course]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow, "lock_person", lambda _person: None)
    assert in_two_tabs(track, make()) == ["enrolled", "2 live"]
