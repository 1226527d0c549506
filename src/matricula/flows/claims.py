"""Claims on seats, for any number of people in one call of `enroll_people` (`sql/enroll.sql`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import connection
from psycopg.types.json import Jsonb

from matricula.catalog.queries import CohortPlan, CoursePlan
from matricula.enrollments.states import Stage
from matricula.kernel import correlation, ids

_ENROLL = """
SELECT outcome, enrollment_id, stage, hold_expires_at
  FROM enroll_people(
       %s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::int[], %s::int[], %s::jsonb[],
       %s::text[], %s::text[], %s::text[], %s::text[])
"""


@dataclass(frozen=True)
class Choice:
    """A course and the cohort of it that was chosen, and the rules staff let the person past."""

    course: CoursePlan
    cohort_id: UUID
    overridden: frozenset[str] = frozenset()

    @property
    def cohort_name(self) -> str:
        return self._cohort.name

    @property
    def cohort_starts_at(self) -> datetime | None:
        return self._cohort.starts_at

    @property
    def _cohort(self) -> CohortPlan:
        return next(plan for plan in self.course.cohorts if plan.id == self.cohort_id)


@dataclass(frozen=True)
class Wish:
    """What somebody wants: a seat sold at once, or held for `hold_seconds`. With a key, `body` is
    the answer to be remembered when it is sold."""

    person_id: UUID
    choice: Choice
    enrollment_id: UUID = field(default_factory=ids.new_id)
    hold_seconds: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    correlation_id: str = field(default_factory=correlation.current)
    key: str | None = None
    fingerprint: str | None = None
    body: str | None = None


@dataclass(frozen=True)
class Claim:
    """What became of a wish; see `enroll.sql` for the outcomes. Without a seat, and without an
    enrollment that is there already, there is neither id nor stage."""

    choice: Choice
    outcome: str
    enrollment_id: UUID
    stage: Stage
    hold_expires_at: datetime | None


def claim(wishes: Sequence[Wish]) -> list[Claim]:
    """One claim a wish, in order. Outside a transaction the call is one by itself: seats,
    enrollments, events and remembered answers stand or fall together. A person may wish once."""
    courses = [wish.choice.course for wish in wishes]
    with connection.cursor() as cursor:
        cursor.execute(
            _ENROLL,
            [
                [wish.person_id for wish in wishes],
                [course.id for course in courses],
                [wish.choice.cohort_id for wish in wishes],
                [wish.enrollment_id for wish in wishes],
                [wish.hold_seconds for wish in wishes],
                [course.access_days for course in courses],
                [Jsonb(dict(wish.metadata)) for wish in wishes],
                [wish.correlation_id for wish in wishes],
                [wish.key for wish in wishes],
                [wish.fingerprint for wish in wishes],
                [wish.body for wish in wishes],
            ],
        )
        rows = cursor.fetchall()
    return [
        Claim(wish.choice, outcome, enrollment_id, stage and Stage(stage), expires_at)
        for wish, (outcome, enrollment_id, stage, expires_at) in zip(wishes, rows, strict=True)
    ]
