"""People and courses of the enrollments room's tests."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection

from matricula.catalog.models import Course
from matricula.enrollments.models import Enrollment
from matricula.enrollments.states import Stage
from matricula.kernel import clock
from tests.support.claims import Wish, enroll_people
from tests.support.factories import make_course, make_person, only_cohort
from tests.support.plans import without_triggers


@pytest.fixture
def person() -> UUID:
    return make_person().pk


@pytest.fixture
def course() -> Course:
    return make_course()


def enrolled(person: UUID, course: Course, seconds: int | None = None) -> UUID:
    """Enrolls the person, or holds a seat for them; the enrollment's id."""
    wish = Wish(person, course.pk, only_cohort(course), hold_seconds=seconds)
    with connection.cursor() as cursor:
        (answer,) = enroll_people(cursor, [wish])
    assert answer.outcome in {"enrolled", "held"}
    return wish.enrollment


def moved(enrollment: UUID, stage: Stage, ended_days_ago: int | None = None) -> UUID:
    ended = None if ended_days_ago is None else clock.now() - timedelta(days=ended_days_ago)
    Enrollment.objects.filter(pk=enrollment).update(stage=stage, ended_at=ended)
    return enrollment


def crowd(course: Course) -> None:
    """Twenty thousand others enrolled in the course."""
    with without_triggers(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO enrollments_enrollment (id, person_id, course_id, cohort_id, stage,"
            " reason, metadata, confirmed_at) SELECT gen_random_uuid(), gen_random_uuid(), %s, %s,"
            " 'confirmed', '', '{}', now() FROM generate_series(1, 20000)",
            [course.pk, only_cohort(course)],
        )
        cursor.execute("ANALYZE enrollments_enrollment")
    assert Enrollment.objects.filter(course=course).count() >= 20_000
