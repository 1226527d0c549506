"""What a decision needs to know of people toward courses, in one query for any number of them.

As SQL, since this is read at every enrollment and on every page: building it with the ORM costs
more than running it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from matricula.catalog.plans import CoursePlan
from matricula.enrollments.rules import LiveEnrollment, Standing
from matricula.enrollments.states import Stage
from matricula.kernel.idempotency import Remembered

_STANDINGS = """
SELECT coalesce(p.is_active, false),
       coalesce(p.guest_email <> '' OR  -- confirmed by the mail that a guest gets after paying
                EXISTS (SELECT 1 FROM account_emailaddress a
                         WHERE a.user_id = p.id AND a.email = p.email AND a.verified), false),
       answer.fingerprint, answer.status, answer.body,
       live.id, live.cohort_id, live.stage, live.hold_expires_at,
       ARRAY(SELECT d.course_id FROM enrollments_completion d
              WHERE d.person_id = p.id AND d.course_id = ANY (%(related)s::uuid[]))
  FROM unnest(%(persons)s::uuid[], %(courses)s::uuid[], %(keys)s::text[])
       WITH ORDINALITY AS asked(person, course, key, ord)
  LEFT JOIN accounts_person p ON p.id = asked.person
  LEFT JOIN enrollments_enrollment live
    ON live.person_id = asked.person AND live.course_id = asked.course
   AND live.stage IN ('requested', 'validated', 'payment_pending', 'payment_completed',
                      'confirmed')
   AND live.id <> ALL (%(apart_from)s::uuid[])
  LEFT JOIN kernel_rememberedanswer answer
    ON answer.owner = asked.person AND answer.key = asked.key
 ORDER BY asked.ord
"""


@dataclass(frozen=True)
class Asking:
    """A person who asks for a course, with the Idempotency-Key they sent, if they sent one."""

    person_id: UUID
    course: CoursePlan
    key: str | None = None


@dataclass(frozen=True)
class PersonStanding:
    """A person's standing toward a course, with what the account itself allows."""

    is_active: bool
    is_verified: bool
    standing: Standing
    remembered: Remembered | None


def read(askings: Sequence[Asking], *, apart_from: Collection[UUID] = ()) -> list[PersonStanding]:
    """The standing of each, in the same order, and what their Idempotency-Key stands for already.

    Somebody who does not exist is like somebody whose account is closed. Enrollments in
    `apart_from` are taken not to be there, like one that is about to be given up.
    """
    related = {part.id for asking in askings for part in asking.course.prerequisites}
    with connection.cursor() as cursor:
        cursor.execute(
            _STANDINGS,
            {
                "persons": [asking.person_id for asking in askings],
                "courses": [asking.course.id for asking in askings],
                "keys": [asking.key for asking in askings],
                "related": list(related),
                "apart_from": list(apart_from),
            },
        )
        return [_standing(row) for row in cursor.fetchall()]


def person_standing(
    person_id: UUID, course: CoursePlan, *, key: str | None = None
) -> PersonStanding:
    """The standing of one person toward one course."""
    (found,) = read([Asking(person_id, course, key)])
    return found


def standings(person_id: UUID, courses: Iterable[CoursePlan]) -> dict[UUID, Standing]:
    """One person's standing toward each of these courses."""
    wanted = list(courses)
    found = read([Asking(person_id, course) for course in wanted])
    return {course.id: each.standing for course, each in zip(wanted, found, strict=True)}


def _standing(row: Sequence[Any]) -> PersonStanding:
    is_active, is_verified, *rest = row
    answer, live, (completed,) = rest[:3], rest[3:7], rest[7:]
    return PersonStanding(
        is_active=is_active,
        is_verified=is_verified,
        standing=Standing(_live(*live), completed=frozenset(completed)),
        remembered=Remembered(*answer) if answer[0] is not None else None,
    )


def _live(
    enrollment_id: UUID | None,
    cohort_id: UUID | None = None,
    stage: str = "",
    hold_expires_at: datetime | None = None,
) -> LiveEnrollment | None:
    if enrollment_id is None or cohort_id is None:
        return None
    return LiveEnrollment(enrollment_id, cohort_id, Stage(stage), hold_expires_at)
