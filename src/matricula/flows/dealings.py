"""What somebody has to do with courses: all that a page kept for many asks about a person."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from matricula.enrollments.states import LIVE
from matricula.notifications.queries import MOST_COUNTED
from matricula.waitlist.states import OPEN

_STAGES = ", ".join(f"'{stage}'" for stage in sorted(LIVE))
_STATES = ", ".join(f"'{state}'" for state in sorted(OPEN))
DEALINGS = f"""
SELECT (SELECT count(*) FROM (SELECT 1 FROM notifications_message m
                               WHERE m.person_id = %(person)s AND m.read_at IS NULL
                               LIMIT {MOST_COUNTED + 1}) unread),
       ARRAY(SELECT e.course_id FROM enrollments_enrollment e
              WHERE e.person_id = %(person)s AND e.course_id = ANY (%(courses)s::uuid[])
                AND e.stage IN ({_STAGES})
              UNION
             SELECT w.course_id FROM waitlist_entry w
              WHERE w.person_id = %(person)s AND w.course_id = ANY (%(courses)s::uuid[])
                AND w.state IN ({_STATES}))
"""  # noqa: S608 - our own text; no input reaches it


@dataclass(frozen=True)
class Dealings:
    """How many messages somebody has not read, and in which of the courses asked about they have a
    live enrollment or an open place in a waitlist."""

    unread: int
    courses: frozenset[UUID]


def dealings_with(course_ids: Collection[UUID], person_id: UUID) -> Dealings:
    """One query, whatever is asked about."""
    with connection.cursor() as cursor:
        cursor.execute(DEALINGS, {"person": person_id, "courses": list(course_ids)})
        unread, courses = cursor.fetchone()
    return Dealings(unread, frozenset(courses))
