"""Reads of enrollments, as plain values. Every read that serves a person names that person."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext_lazy as _

from matricula.enrollments.models import Enrollment, Swap
from matricula.enrollments.states import STATUS_OF, Stage, Status
from matricula.kernel.errors import NotFound

PAGE = 50


# An enrollment as whoever follows it must know it first, by its id and its owner's: whether the
# account is open, its stage, and the number of its newest event. No row: not theirs, or none.
STORY = """
SELECT p.is_active, e.stage,
       coalesce((SELECT v.subject_seq FROM kernel_event v WHERE v.subject = e.id
                  ORDER BY v.subject_seq DESC LIMIT 1), 0)
  FROM enrollments_enrollment e JOIN accounts_person p ON p.id = e.person_id
 WHERE e.id = %s AND e.person_id = %s
"""

# As SQL, since every answer about an enrollment reads one: building it with the ORM costs more
# than running it.
_RECORDS = """
SELECT e.id, e.person_id, e.course_id, c.slug, c.title, e.cohort_id, h.name, h.starts_at,
       e.stage, e.hold_expires_at, e.access_expires_at, e.reason, e.requested_at, e.confirmed_at,
       e.ended_at, e.metadata, earlier.given_up_id, later.taken_id
  FROM enrollments_enrollment e
  JOIN catalog_course c ON c.id = e.course_id
  JOIN catalog_cohort h ON h.id = e.cohort_id
  LEFT JOIN enrollments_swap earlier ON earlier.taken_id = e.id
  LEFT JOIN enrollments_swap later ON later.given_up_id = e.id
"""

_PLACES_OF = """
SELECT course_id, cohort_id FROM enrollments_enrollment WHERE id = ANY (%s::uuid[])
"""


@dataclass(frozen=True)
class EnrollmentRecord:
    """An enrollment as its owner may see it."""

    id: UUID
    person_id: UUID
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
    swapped_from_id: UUID | None = None
    swapped_to_id: UUID | None = None

    @property
    def status(self) -> Status:
        return STATUS_OF[self.stage]


def of_person(person_id: UUID, enrollment_id: UUID) -> EnrollmentRecord:
    """One enrollment of this person. Raises NotFound, also for somebody else's."""
    found = _read("e.person_id = %s AND e.id = %s", person_id, enrollment_id)
    if not found:
        raise NotFound(_("There is no such enrollment."))
    return found[0]


def list_of_person(
    person_id: UUID, *, status: Status | None = None, before: UUID | None = None, limit: int = PAGE
) -> list[EnrollmentRecord]:
    """The person's enrollments, newest first, those made before `before`."""
    which = "e.person_id = %s"
    params: list[Any] = [person_id]
    if status is not None:
        which += " AND e.stage = ANY (%s)"
        params.append([str(stage) for stage, seen in STATUS_OF.items() if seen == status])
    if before is not None:
        which += " AND e.id < %s"
        params.append(before)
    return _read(f"{which} ORDER BY e.id DESC LIMIT %s", *params, limit)


def latest_of_course(person_id: UUID, course_id: UUID) -> EnrollmentRecord | None:
    """The person's live enrollment in the course, else the latest one that ended."""
    found = _read(
        "e.person_id = %s AND e.course_id = %s"
        " ORDER BY e.ended_at DESC NULLS FIRST, e.id DESC LIMIT 1",
        person_id,
        course_id,
    )
    return found[0] if found else None


def _read(which: str, *params: Any) -> list[EnrollmentRecord]:
    with connection.cursor() as cursor:
        cursor.execute(f"{_RECORDS} WHERE {which}", params)
        return [_record(row) for row in cursor.fetchall()]


def _record(row: Sequence[Any]) -> EnrollmentRecord:
    members = dict(zip(EnrollmentRecord.__dataclass_fields__, row, strict=True))
    # Django has psycopg give JSON as text.
    members |= {"stage": Stage(members["stage"]), "metadata": json.loads(members["metadata"])}
    return EnrollmentRecord(**members)


def given_up_before(enrollment_id: UUID) -> list[tuple[datetime, datetime | None]]:
    """When each enrollment was given up that led by swaps to this one, and when its cohort starts;
    the latest first."""
    found = []
    at: UUID | None = enrollment_id
    while at is not None:
        row = (
            Swap.objects.filter(taken=at)
            .values_list("given_up", "given_up__ended_at", "given_up__cohort__starts_at")
            .first()
        )
        if row is not None and row[1] is not None:
            found.append((row[1], row[2]))
        at = row[0] if row is not None else None
    return found


def led_to(enrollment_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """The confirmed enrollment that each of these is now, itself or by swaps; without those that
    have ended otherwise. Two queries, and one more for each swap of the longest chain."""
    now = {enrollment_id: enrollment_id for enrollment_id in enrollment_ids}
    while swapped := dict(
        Swap.objects.filter(given_up__in=now.values()).values_list("given_up", "taken")
    ):
        now = {first: swapped.get(last, last) for first, last in now.items()}
    rows = Enrollment.objects.filter(pk__in=now.values(), stage=Stage.CONFIRMED)
    confirmed = set(rows.values_list("pk", flat=True))
    return {first: last for first, last in now.items() if last in confirmed}


def places_of(enrollment_ids: Iterable[UUID]) -> list[tuple[UUID, UUID]]:
    """The course and the cohort of each of these enrollments, which never change."""
    with connection.cursor() as cursor:
        cursor.execute(_PLACES_OF, [list(enrollment_ids)])
        return list(cursor.fetchall())


def cohorts_of(enrollment_ids: Sequence[UUID]) -> list[UUID]:
    """The cohorts of these enrollments."""
    return [cohort for _, cohort in places_of(enrollment_ids)] if enrollment_ids else []


def admitted(enrollment_ids: Iterable[UUID]) -> list[UUID]:
    """Those of these that have a seat, held or sold."""
    rows = Enrollment.objects.filter(
        pk__in=list(enrollment_ids), stage__in=(Stage.VALIDATED, Stage.CONFIRMED)
    )
    return list(rows.values_list("pk", flat=True))
