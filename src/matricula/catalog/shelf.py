"""Plans of courses kept in this process, each good as long as its course's revision is.

Reading a plan whole costs more than deciding by it, so whoever decides for a crowd asks the
database only for the present revisions (`sql/revisions.sql`), in one query, and reads anew what has
changed. So a plan from here is as fresh as one just read: a change counts from its commit on.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from matricula.catalog import plans, queries
from matricula.catalog.models import CourseStatus
from matricula.catalog.plans import CoursePlan
from matricula.kernel import ids
from matricula.kernel.errors import NotFound

ROOM = 5_000  # plans; the oldest gives way
# A number is drawn a moment before the change it is for is committed: until then a list of plans
# may be kept that is older than its number.
LIST_SECONDS = 2.0
MOST_LISTS = 200

_REVISIONS = """
SELECT c.id, c.revision, s.slug, NULL::uuid
  FROM catalog_courseslug s JOIN catalog_course c ON c.id = s.course_id
 WHERE s.slug = ANY (%(slugs)s::text[])
 UNION ALL
SELECT c.id, c.revision, c.slug, NULL::uuid FROM catalog_course c WHERE c.id = ANY (%(ids)s::uuid[])
"""
_REVISIONS_BY_COHORT = """
SELECT c.id, c.revision, c.slug, h.id
  FROM catalog_cohort h JOIN catalog_course c ON c.id = h.course_id
 WHERE h.id = ANY (%(cohorts)s::uuid[])
"""

_LAST_REVISION = "SELECT last_value FROM catalog_revision"

_shelf: dict[UUID, CoursePlan] = {}
_similar: dict[tuple[UUID, str, int, int], _List] = {}


@dataclass(frozen=True)
class _List:
    courses: list[CoursePlan]
    revision: int
    until: float


@dataclass(frozen=True)
class Found:
    """Courses by what they were asked for by; what was not found is missing."""

    by_name: dict[str | UUID, CoursePlan]
    by_cohort: dict[UUID, CoursePlan]


def find(names: Iterable[str | UUID], cohort_ids: Collection[UUID] = ()) -> Found:
    """The courses with these ids (TypeID or UUID) or slugs, present or former, and those of
    these cohorts.

    Drafts are not found. One query, and another when a plan has changed or is not here yet.
    """
    wanted = {name: _key(name) for name in names}
    keys = set(wanted.values())
    params: dict[str, Any] = {
        "slugs": [key for key in keys if isinstance(key, str)],
        "ids": [key for key in keys if isinstance(key, UUID)],
        "cohorts": list(cohort_ids),
    }
    statement = _REVISIONS + f" UNION ALL {_REVISIONS_BY_COHORT}" if cohort_ids else _REVISIONS
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        rows = cursor.fetchall()
    present = _present({row[0]: row[1] for row in rows})
    by_key: dict[str | UUID, CoursePlan] = {}
    by_cohort: dict[UUID, CoursePlan] = {}
    for course_id, _, slug, cohort_id in rows:
        plan = present.get(course_id)
        if plan is None or plan.status == CourseStatus.DRAFT:
            continue
        if cohort_id is None:
            by_key[course_id] = by_key[slug] = plan
        else:
            by_cohort[cohort_id] = plan
    return Found(
        {name: by_key[key] for name, key in wanted.items() if key is not None and key in by_key},
        by_cohort,
    )


def similar_courses(course: CoursePlan, limit: int, start: int = 0) -> list[CoursePlan]:
    """As `queries.similar_courses`. While the catalog stays as it is, a crowd that is refused one
    course asks for this over and over: then it is one query that reads one number."""
    place = (course.id, course.category, limit, start)
    with connection.cursor() as cursor:
        cursor.execute(_LAST_REVISION)
        (revision,) = cursor.fetchone()
    kept = _similar.get(place)
    if kept is None or kept.revision != revision or time.monotonic() > kept.until:
        until = time.monotonic() + LIST_SECONDS
        kept = _List(queries.similar_courses(course, limit, start), revision, until)
        if len(_similar) >= MOST_LISTS:
            _similar.clear()
        _similar[place] = kept
    return kept.courses


def _key(name: str | UUID) -> str | UUID | None:
    """The id or slug meant; None for text that is neither."""
    if isinstance(name, str) and name.startswith("crs_"):
        try:
            return ids.from_text("crs", name)
        except NotFound:
            return None
    return name


def _present(revisions: dict[UUID, int]) -> dict[UUID, CoursePlan]:
    """The plans of these courses: from the shelf where the revision is the same, else read."""
    known = {id_: _shelf.get(id_) for id_ in revisions}
    kept = {
        id_: plan
        for id_, plan in known.items()
        if plan is not None and plan.revision == revisions[id_]
    }
    changed = [id_ for id_ in revisions if id_ not in kept]
    if changed:
        for plan in plans.read("WHERE c.id = ANY (%(wanted)s)", {"wanted": changed}):
            kept[plan.id] = plan
            _put(plan)
    return kept


def _put(plan: CoursePlan) -> None:
    _shelf.pop(plan.id, None)
    _shelf[plan.id] = plan
    while len(_shelf) > ROOM:
        _shelf.pop(next(iter(_shelf)), None)
