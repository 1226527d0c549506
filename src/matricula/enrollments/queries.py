"""Reads of enrollments, as plain values. Every read that serves a person names that person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import JSONObject

from matricula.accounts.models import Person
from matricula.enrollments.models import Completion, Enrollment
from matricula.enrollments.rules import LiveEnrollment, Standing
from matricula.enrollments.states import LIVE, STATUS_OF, Stage, Status
from matricula.kernel.errors import NotFound
from matricula.kernel.idempotency import Remembered
from matricula.kernel.models import RememberedAnswer

PAGE = 50


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
    row = (
        Person.objects.filter(pk=person_id)
        .annotate(
            verified=Exists(_verified_addresses()),
            live_rows=ArraySubquery(_live_rows(course_id)),
            completed=ArraySubquery(_completed(list(prerequisites))),
            answers=ArraySubquery(_remembered(key)),
        )
        .values("is_active", "verified", "live_rows", "completed", "answers")
        .first()
    )
    if row is None:
        return PersonStanding(False, False, Standing(), None)
    live = _live(row["live_rows"][0]) if row["live_rows"] else None
    return PersonStanding(
        is_active=row["is_active"],
        is_verified=row["verified"],
        standing=Standing(live=live, completed=frozenset(row["completed"] or ())),
        remembered=Remembered(**row["answers"][0]) if row["answers"] else None,
    )


def _verified_addresses() -> QuerySet[EmailAddress]:
    own: QuerySet[EmailAddress] = EmailAddress.objects.filter(
        user=OuterRef("pk"), email=OuterRef("email"), verified=True
    )
    return own


def _live_rows(*course_ids: UUID) -> QuerySet[Enrollment, Any]:
    members = ("id", "course_id", "cohort_id", "stage", "hold_expires_at")
    own = Enrollment.objects.filter(person=OuterRef("pk"), course__in=course_ids, stage__in=LIVE)
    return own.values_list(JSONObject(**{name: name for name in members}))


def _completed(course_ids: list[UUID]) -> QuerySet[Completion, Any]:
    own = Completion.objects.filter(person=OuterRef("pk"), course__in=course_ids)
    return own.values_list("course_id")


def _remembered(key: str | None) -> QuerySet[RememberedAnswer, Any]:
    members = ("fingerprint", "status", "body")
    own = RememberedAnswer.objects.filter(owner=OuterRef("pk"), key=key or "")
    return own.values_list(JSONObject(**{name: name for name in members}))


def standings(
    person_id: UUID, course_ids: Iterable[UUID], prerequisites: Iterable[UUID]
) -> dict[UUID, Standing]:
    """The person's standing toward each of these courses, in one query."""
    courses = list(course_ids)
    row = (
        Person.objects.filter(pk=person_id)
        .annotate(
            live_rows=ArraySubquery(_live_rows(*courses)),
            completed=ArraySubquery(_completed(list(prerequisites))),
        )
        .values("live_rows", "completed")
        .first()
    )
    if row is None:
        return dict.fromkeys(courses, Standing())
    completed = frozenset(row["completed"] or ())
    live = {UUID(found["course_id"]): _live(found) for found in row["live_rows"] or ()}
    return {course: Standing(live.get(course), completed) for course in courses}


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


def _live(row: Mapping[str, Any]) -> LiveEnrollment:
    expires = row["hold_expires_at"]
    return LiveEnrollment(
        id=UUID(row["id"]),
        cohort_id=UUID(row["cohort_id"]),
        stage=Stage(row["stage"]),
        hold_expires_at=None if expires is None else datetime.fromisoformat(expires),
    )
