"""What the tests of flows start from."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.db import connection

from matricula.catalog.models import Course
from matricula.kernel import events
from tests.support.claims import Outcome, Wish, enroll_people
from tests.support.factories import make_course, make_person, only_cohort


@pytest.fixture
def person(db: None) -> UUID:
    return make_person().pk


@pytest.fixture
def course(db: None) -> Course:
    """A free course of three seats."""
    return make_course(capacity=3)


@pytest.fixture
def held(person: UUID, course: Course) -> UUID:
    """An enrollment of the person whose seat is held for half an hour."""
    return given(person, course, 1800)


def given(person: UUID, course: Course, seconds: int | None = None) -> UUID:
    """Enrolls the person, or holds a seat for them; the enrollment's id."""
    wish = Wish(person, course.pk, only_cohort(course), hold_seconds=seconds)
    (answer,) = asked([wish])
    assert answer.outcome in {"enrolled", "held"}
    return wish.enrollment


def asked(wishes: list[Wish]) -> list[Outcome]:
    with connection.cursor() as cursor:
        return enroll_people(cursor, wishes)


def told(subject: UUID) -> list[str]:
    """The types of a subject's events, in order."""
    return [event.type for event in events.of_subject(subject)]
