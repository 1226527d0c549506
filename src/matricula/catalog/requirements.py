"""What courses require of each other, kept free of loops.

Whoever changes it takes `lock` first, before any row: two changes that would only together make a
loop follow each other, and so do saves of courses that name each other, whose rows each save
touches.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db import connection
from django.db.models import Model

from matricula.catalog import rules
from matricula.catalog.models import Course

_LOCK = 7_236_490_116


def lock() -> None:
    """Waits for others who change requirements, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def find_loop(
    course_id: UUID, prerequisites: Collection[UUID], corequisites: Collection[UUID]
) -> list[str]:
    """The titles along the loop that these requirements of the course would make, from the course
    back to it; empty when they make none. The caller holds the lock."""
    loop = rules.requirement_loop(
        course_id,
        {**_edges(Course.prerequisites.through), course_id: prerequisites},
        {**_edges(Course.corequisites.through), course_id: corequisites},
    )
    titles = dict(Course.objects.filter(pk__in=loop).values_list("pk", "title"))
    return [titles[course] for course in loop]


def _edges(through: type[Model]) -> dict[UUID, list[UUID]]:
    edges: dict[UUID, list[UUID]] = {}
    rows = through._default_manager.values_list("from_course_id", "to_course_id")  # noqa: SLF001 - public in all but name
    for required_by, required in rows:
        edges.setdefault(required_by, []).append(required)
    return edges
