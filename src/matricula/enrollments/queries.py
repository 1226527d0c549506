"""Reads of enrollments, as plain values. Every read that serves a person names that person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F, QuerySet

from matricula.enrollments.models import Enrollment
from matricula.enrollments.rules import LiveEnrollment, Standing
from matricula.enrollments.states import STATUS_OF, Stage, Status
from matricula.kernel.errors import NotFound
from matricula.kernel.idempotency import Remembered

PAGE = 50

# As SQL, since these are read at every enrollment and on every page: building them with the ORM
# costs more than running them.
_PERSON_STANDING = """
SELECT p.is_active,
       p.guest_email <> '' OR  -- a guest confirms the address by the mail sent after paying
       EXISTS (SELECT 1 FROM account_emailaddress a
                WHERE a.user_id = p.id AND a.email = p.email AND a.verified),
       ARRAY(SELECT d.course_id FROM enrollments_completion d
              WHERE d.person_id = p.id AND d.course_id = ANY (%(prerequisites)s::uuid[])),
       live.id, live.cohort_id, live.stage, live.hold_expires_at,
       answer.fingerprint, answer.status, answer.body
  FROM accounts_person p
  LEFT JOIN enrollments_enrollment live
    ON live.person_id = p.id AND live.course_id = %(course)s
   AND live.stage IN ('requested', 'validated', 'payment_pending', 'payment_completed',
                      'confirmed')
  LEFT JOIN kernel_rememberedanswer answer ON answer.owner = p.id AND answer.key = %(key)s
 WHERE p.id = %(person)s
"""
_STANDINGS = """
SELECT course.id,
       ARRAY(SELECT d.course_id FROM enrollments_completion d
              WHERE d.person_id = %(person)s AND d.course_id = ANY (%(prerequisites)s::uuid[])),
       live.id, live.cohort_id, live.stage, live.hold_expires_at
  FROM unnest(%(courses)s::uuid[]) AS course(id)
  LEFT JOIN enrollments_enrollment live
    ON live.person_id = %(person)s AND live.course_id = course.id
   AND live.stage IN ('requested', 'validated', 'payment_pending', 'payment_completed',
                      'confirmed')
"""


@dataclass(frozen=True)
class EnrollmentRecord:
    """An enrollment as its owner may see it."""

    id: UUID
    course_id: UUID
    course_slug: str
    course_title: str
    cohort_id: UUID
    cohort_name: str
    cohort_starts_at: datetime | None
    stage: Stage
    hold_expires_at: datetime | None
    access_expires_at: datetime | None
    reason: str
    requested_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None
    metadata: Mapping[str, str]

    @property
    def status(self) -> Status:
        return STATUS_OF[self.stage]


@dataclass(frozen=True)
class PersonStanding:
    """A person's standing toward a course, with what the account itself allows."""

    is_active: bool
    is_verified: bool
    standing: Standing
    remembered: Remembered | None


def person_standing(
    person_id: UUID, course_id: UUID, prerequisites: Iterable[UUID], *, key: str | None = None
) -> PersonStanding:
    """All that a decision needs to know of the person, in one query, and what their
    Idempotency-Key stands for already.

    Somebody who does not exist is like somebody whose account is closed.
    """
    wanted = {"person": person_id, "course": course_id, "key": key}
    with connection.cursor() as cursor:
        cursor.execute(_PERSON_STANDING, {**wanted, "prerequisites": list(prerequisites)})
        row = cursor.fetchone()
    if row is None:
        return PersonStanding(False, False, Standing(), None)
    is_active, is_verified, completed, *rest = row
    live, answer = rest[:4], rest[4:]
    return PersonStanding(
        is_active=is_active,
        is_verified=is_verified,
        standing=Standing(_live(*live), completed=frozenset(completed)),
        remembered=Remembered(*answer) if answer[0] is not None else None,
    )


def standings(
    person_id: UUID, course_ids: Iterable[UUID], prerequisites: Iterable[UUID]
) -> dict[UUID, Standing]:
    """The person's standing toward each of these courses, in one query."""
    wanted: dict[str, Any] = {"person": person_id, "courses": list(course_ids)}
    with connection.cursor() as cursor:
        cursor.execute(_STANDINGS, {**wanted, "prerequisites": list(prerequisites)})
        rows = cursor.fetchall()
    return {
        course_id: Standing(_live(*live), completed=frozenset(completed))
        for course_id, completed, *live in rows
    }


def of_person(person_id: UUID, enrollment_id: UUID) -> EnrollmentRecord:
    """One enrollment of this person. Raises NotFound, also for somebody else's."""
    row = _rows().filter(person=person_id, pk=enrollment_id).first()
    if row is None:
        raise NotFound("There is no such enrollment.")
    return EnrollmentRecord(**_record(row))


def list_of_person(
    person_id: UUID, *, status: Status | None = None, before: UUID | None = None, limit: int = PAGE
) -> list[EnrollmentRecord]:
    """The person's enrollments, newest first, those made before `before`."""
    rows = _rows().filter(person=person_id).order_by("-pk")
    if status is not None:
        rows = rows.filter(stage__in=[s for s, seen in STATUS_OF.items() if seen == status])
    if before is not None:
        rows = rows.filter(pk__lt=before)
    return [EnrollmentRecord(**_record(row)) for row in rows[:limit]]


def latest_of_course(person_id: UUID, course_id: UUID) -> EnrollmentRecord | None:
    """The person's live enrollment in the course, else the latest one that ended."""
    rows = (
        _rows()
        .filter(person=person_id, course=course_id)
        .order_by(F("ended_at").desc(nulls_first=True), "-pk")
    )
    row = rows.first()
    return EnrollmentRecord(**_record(row)) if row is not None else None


def _rows() -> QuerySet[Enrollment, dict[str, Any]]:
    rows: QuerySet[Enrollment, dict[str, Any]] = Enrollment.objects.annotate(
        course_slug=F("course__slug"),
        course_title=F("course__title"),
        cohort_name=F("cohort__name"),
        cohort_starts_at=F("cohort__starts_at"),
    ).values(*EnrollmentRecord.__dataclass_fields__)
    return rows


def _record(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "stage": Stage(row["stage"])}


def _live(
    enrollment_id: UUID | None,
    cohort_id: UUID | None = None,
    stage: str = "",
    hold_expires_at: datetime | None = None,
) -> LiveEnrollment | None:
    if enrollment_id is None or cohort_id is None:
        return None
    return LiveEnrollment(enrollment_id, cohort_id, Stage(stage), hold_expires_at)
