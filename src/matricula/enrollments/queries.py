"""Reads of enrollments, as plain values. Every read that serves a person names that person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet
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
    row = _rows().filter(person=person_id, pk=enrollment_id).first()
    if row is None:
        raise NotFound(_("There is no such enrollment."))
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
        swapped_from_id=F("swapped_from__given_up_id"),
        swapped_to_id=F("swapped_to__taken_id"),
    ).values(*EnrollmentRecord.__dataclass_fields__)
    return rows


def _record(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "stage": Stage(row["stage"])}


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


def cohorts_of(enrollment_ids: Sequence[UUID]) -> list[UUID]:
    """The cohorts of these enrollments, which never change."""
    if not enrollment_ids:
        return []
    rows = Enrollment.objects.filter(pk__in=enrollment_ids)
    return list(rows.values_list("cohort", flat=True))


def admitted(enrollment_ids: Iterable[UUID]) -> list[UUID]:
    """Those of these that have a seat, held or sold."""
    rows = Enrollment.objects.filter(
        pk__in=list(enrollment_ids), stage__in=(Stage.VALIDATED, Stage.CONFIRMED)
    )
    return list(rows.values_list("pk", flat=True))
