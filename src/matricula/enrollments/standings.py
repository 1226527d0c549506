"""What a decision needs to know of people toward courses, in one query for any number of them.

As SQL, since this is read at every enrollment and on every page: building it with the ORM costs
more than running it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from matricula.catalog.plans import CoursePlan
from matricula.enrollments.admission import Clash, Profile, Record
from matricula.enrollments.rules import LiveEnrollment, Standing
from matricula.enrollments.states import Stage
from matricula.kernel.idempotency import Remembered

_LIVE = "('requested', 'validated', 'payment_pending', 'payment_completed', 'confirmed')"
# What only a course with rules asks about; the others are spared the cost of it.
#
# Clashes: a person's live enrollments are few and found by index, and each cohort's time is one
# multirange, so nothing needs an index over time. The first overlap that is not over yet is named.
_RULED = f"""
       ARRAY_REMOVE(ARRAY[CASE WHEN p.full_name <> '' THEN 'full_name' END,
                          CASE WHEN p.phone <> '' THEN 'phone' END,
                          CASE WHEN p.birth_date IS NOT NULL THEN 'birth_date' END], NULL),
       p.birth_date,
       ARRAY(SELECT lower(split_part(a.email, '@', 2)) FROM account_emailaddress a
              WHERE a.user_id = p.id AND a.verified),
       ARRAY(SELECT m.learnergroup_id FROM accounts_learnergroup_members m
              WHERE m.person_id = p.id),
       ARRAY(SELECT o.course_id FROM enrollments_enrollment o
              WHERE o.person_id = p.id AND o.course_id = ANY (%(related)s::uuid[])
                AND o.stage IN {_LIVE} AND o.id <> ALL (%(apart_from)s::uuid[])),
       (SELECT count(*) FROM enrollments_enrollment o JOIN catalog_cohort h ON h.id = o.cohort_id
         WHERE o.person_id = p.id AND o.course_id = asked.course AND o.confirmed_at IS NOT NULL
           AND o.stage NOT IN {_LIVE} AND o.stage <> 'refunded'
           AND o.ended_at >= coalesce(h.starts_at, o.ended_at)  -- given up before it began: none
           AND NOT EXISTS (SELECT 1 FROM enrollments_swap s WHERE s.given_up_id = o.id)),
       (SELECT count(*) FROM enrollments_enrollment o
          JOIN catalog_course c ON c.id = o.course_id AND c.category = asked.category
          JOIN catalog_cohort h ON h.id = o.cohort_id
         WHERE o.person_id = p.id AND o.course_id <> asked.course AND o.stage IN {_LIVE}
           AND o.id <> ALL (%(apart_from)s::uuid[])
           AND (h.ends_at IS NULL OR h.ends_at > now())
           AND NOT EXISTS (SELECT 1 FROM enrollments_completion d
                            WHERE d.person_id = p.id AND d.course_id = o.course_id)),
       ARRAY(SELECT jsonb_build_object(
                    'cohort', w.cohort_id, 'title', c.title, 'slug', c.slug,
                    'starts_at', lower(first.span), 'ends_at', upper(first.span))
               FROM enrollments_enrollment o
               JOIN catalog_timetable t ON t.cohort_id = o.cohort_id
               JOIN catalog_course c ON c.id = o.course_id
               JOIN catalog_timetable w
                 ON w.cohort_id IN (SELECT h.id FROM catalog_cohort h
                                     WHERE h.course_id = asked.course)
                AND w.busy && t.busy
              CROSS JOIN LATERAL (SELECT s.span FROM unnest(w.busy * t.busy) AS s(span)
                                   WHERE upper(s.span) > now() ORDER BY s.span LIMIT 1) first
              WHERE o.person_id = p.id AND o.course_id <> asked.course AND o.stage IN {_LIVE}
                AND o.id <> ALL (%(apart_from)s::uuid[])
              ORDER BY first.span DESC),  -- so that of several the earliest counts
       ARRAY(SELECT jsonb_build_object('cohort', x.cohort_id, 'rules', x.rules)
               FROM enrollments_override x JOIN catalog_cohort h ON h.id = x.cohort_id
              WHERE x.person_id = p.id AND h.course_id = asked.course
                AND x.revoked_at IS NULL AND x.expires_at > now())"""  # noqa: S608
_OF_PLAIN_COURSES = """
SELECT is_active, is_verified, fingerprint, status, body,
       live_id, live_cohort, live_stage, hold_expires_at, completed
  FROM standings_of(%(persons)s, %(courses)s, %(keys)s, %(related)s, %(apart_from)s)
 ORDER BY ord
"""
_OF_RULED_COURSES = f"""
SELECT s.is_active, s.is_verified, s.fingerprint, s.status, s.body,
       s.live_id, s.live_cohort, s.live_stage, s.hold_expires_at, s.completed,
       {_RULED}
  FROM standings_of(%(persons)s, %(courses)s, %(keys)s, %(related)s, %(apart_from)s) s
  JOIN unnest(%(courses)s::uuid[], %(categories)s::text[]) WITH ORDINALITY
       AS asked(course, category, ord) ON asked.ord = s.ord
  LEFT JOIN accounts_person p ON p.id = s.person
 ORDER BY s.ord
"""  # noqa: S608 - our own text; no input reaches it
_LIVE_IN = f"""
SELECT e.person_id, e.course_id FROM enrollments_enrollment e
 WHERE e.person_id = ANY (%s::uuid[]) AND e.course_id = ANY (%s::uuid[]) AND e.stage IN {_LIVE}
"""  # noqa: S608 - our own text


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
    related = {course for asking in askings for course in asking.course.related}
    is_ruled = any(asking.course.has_rules for asking in askings)
    with connection.cursor() as cursor:
        cursor.execute(
            _OF_RULED_COURSES if is_ruled else _OF_PLAIN_COURSES,
            {
                "persons": [asking.person_id for asking in askings],
                "courses": [asking.course.id for asking in askings],
                "keys": [asking.key for asking in askings],
                "categories": [asking.course.category for asking in askings],
                "related": list(related),
                "apart_from": list(apart_from),
            },
        )
        return [_standing(row) for row in cursor.fetchall()]


def live_in(person_ids: Collection[UUID], course_ids: Collection[UUID]) -> set[tuple[UUID, UUID]]:
    """Which of these people are enrolled, or about to be, in which of these courses."""
    if not person_ids:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_LIVE_IN, [list(person_ids), list(course_ids)])
        return set(cursor.fetchall())


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
    answer, live, facts = rest[:3], rest[3:7], rest[7:]
    return PersonStanding(
        is_active=is_active,
        is_verified=is_verified,
        standing=Standing(_live(*live), _record(*facts)),
        remembered=Remembered(*answer) if answer[0] is not None else None,
    )


def _record(completed: Sequence[UUID], *ruled: Any) -> Record:
    if not ruled:
        return Record(frozenset(completed))
    told, birth_date, domains, groups, enrolled, takes, in_category, clashes, excused = ruled
    # Django has psycopg give JSON as text.
    return Record(
        completed=frozenset(completed),
        enrolled=frozenset(enrolled),
        takes=takes,
        in_category=in_category,
        clashes=dict(_clash(json.loads(clash)) for clash in clashes),
        excused=_excused([json.loads(override) for override in excused]),
        profile=Profile(frozenset(told), birth_date, frozenset(domains), frozenset(groups)),
    )


def _clash(row: Mapping[str, Any]) -> tuple[UUID, Clash]:
    starts_at, ends_at = (datetime.fromisoformat(row[name]) for name in ("starts_at", "ends_at"))
    return UUID(row["cohort"]), Clash(row["title"], row["slug"], starts_at, ends_at)


def _excused(rows: Sequence[Mapping[str, Any]]) -> dict[UUID, frozenset[str]]:
    excused: dict[UUID, frozenset[str]] = {}
    for row in rows:
        cohort_id = UUID(row["cohort"])
        excused[cohort_id] = excused.get(cohort_id, frozenset()) | frozenset(row["rules"])
    return excused


def _live(
    enrollment_id: UUID | None,
    cohort_id: UUID | None = None,
    stage: str = "",
    hold_expires_at: datetime | None = None,
) -> LiveEnrollment | None:
    if enrollment_id is None or cohort_id is None:
        return None
    return LiveEnrollment(enrollment_id, cohort_id, Stage(stage), hold_expires_at)
