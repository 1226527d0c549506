"""Reads of the catalog, as plain values that no receiver can save."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from matricula.catalog import plans, recommendations, search
from matricula.catalog.errors import CourseMoved
from matricula.catalog.models import Course, CourseSlug, CourseStatus
from matricula.catalog.plans import CohortPlan, CoursePlan, Prerequisite
from matricula.kernel import cursors, ids
from matricula.kernel.errors import NotFound

__all__ = ["CohortPlan", "CoursePlan", "Prerequisite"]  # what these reads give

LISTED = (CourseStatus.PUBLISHED, CourseStatus.COMING_SOON)
LONGEST_PAGE = 100
_CLASHES_AMONG = """
SELECT DISTINCT ON (w.cohort_id) w.cohort_id, c.title, c.slug, lower(first.span), upper(first.span)
  FROM catalog_timetable w
  JOIN catalog_timetable t ON t.cohort_id <> w.cohort_id AND w.busy && t.busy
  JOIN catalog_cohort h ON h.id = t.cohort_id
  JOIN catalog_course c ON c.id = h.course_id
 CROSS JOIN LATERAL (SELECT s.span FROM unnest(w.busy * t.busy) AS s(span)
                      WHERE upper(s.span) > now() ORDER BY s.span LIMIT 1) first
 WHERE w.cohort_id = ANY (%(cohorts)s::uuid[]) AND t.cohort_id = ANY (%(cohorts)s::uuid[])
 ORDER BY w.cohort_id, first.span
"""
_OF_SLUG = "(SELECT s.course_id FROM catalog_courseslug s WHERE s.slug = %(wanted)s)"
_OF_SLUGS = "SELECT s.course_id FROM catalog_courseslug s WHERE s.slug = ANY (%(wanted)s)"
_HAS_PRICE = "EXISTS (SELECT 1 FROM catalog_courseprice p WHERE p.course_id = c.id)"


Sort = Literal["", "newest", "soonest", "cheapest"]
# What comes first. Courses without a start or a price of its kind stand where it helps: those that
# may be begun any day after those with a day, free ones before those that cost something.
_ORDERS: dict[str, str] = {
    "newest": "c.id DESC",
    "soonest": "(SELECT min(h.starts_at) FROM catalog_cohort h"
    " WHERE h.course_id = c.id AND h.starts_at > now()) NULLS LAST, c.title, c.id",
    "cheapest": "(SELECT min(CASE WHEN p.sale_minor IS NOT NULL"
    " AND COALESCE(p.sale_starts_at <= now(), true) AND COALESCE(p.sale_ends_at > now(), true)"
    " THEN p.sale_minor ELSE p.amount_minor END)"
    " FROM catalog_courseprice p WHERE p.course_id = c.id) NULLS FIRST, c.title, c.id",
}
# The course that is called what was typed, then those that have the very words, then those with
# words that begin so.
_BY_RANK = (
    "c.search_index @@ %(title)s::tsquery DESC,"
    " ts_rank(c.search_index, %(exact)s::tsquery) + ts_rank(c.search_index, %(prefixes)s::tsquery)"
    " DESC, c.title, c.id"
)


@dataclass(frozen=True)
class Filters:
    """What a visitor narrows the catalog by, and what comes first; empty texts narrow nothing, and
    leave the order to the title, or to the relevance of a search."""

    search: str = ""
    category: str = ""
    language: str = ""
    price: Literal["", "free", "paid"] = ""
    sort: Sort = ""


@dataclass(frozen=True)
class Page:
    """A page of the catalog. `suggestion` is the nearest wording when the search found nothing and
    the courses shown are those of that wording."""

    courses: tuple[CoursePlan, ...]
    next_cursor: str | None
    suggestion: str | None = None


@dataclass(frozen=True)
class Facets:
    """What the catalog can be narrowed by."""

    categories: tuple[str, ...]
    languages: tuple[str, ...]


def find_course(reference: str | UUID, *, hidden: bool = False) -> CoursePlan:
    """The course with this id (TypeID or UUID) or slug, present or former.

    Drafts are found only with `hidden`. Raises NotFound.
    """
    if isinstance(reference, str) and reference.startswith("crs_"):
        reference = ids.from_text("crs", reference)
    is_id = isinstance(reference, UUID)
    wanted = "%(wanted)s" if is_id else _OF_SLUG
    found = plans.read(f"WHERE c.id = {wanted}", {"wanted": reference})
    if not found or (found[0].status == CourseStatus.DRAFT and not hidden):
        raise NotFound(_("There is no such course."))
    return found[0]


def course_at(slug: str, *, hidden: bool = False) -> CoursePlan:
    """The course whose page is at this address. Raises CourseMoved when it was once, NotFound."""
    course = find_course(slug, hidden=hidden)
    if course.slug != slug:
        raise CourseMoved(course.slug)
    return course


def course_of_cohort(cohort_id: UUID) -> CoursePlan:
    """The course this cohort belongs to. Raises NotFound."""
    found = plans.read(
        "WHERE c.id = (SELECT course_id FROM catalog_cohort WHERE id = %(cohort)s)",
        {"cohort": cohort_id},
    )
    if not found or found[0].status == CourseStatus.DRAFT:
        raise NotFound(_("There is no such cohort."))
    return found[0]


def courses_by_id(course_ids: Iterable[UUID]) -> dict[UUID, CoursePlan]:
    """The courses with these ids, whatever their status."""
    found = plans.read("WHERE c.id = ANY (%(wanted)s)", {"wanted": list(course_ids)})
    return {course.id: course for course in found}


def courses_by_slug(slugs: Iterable[str]) -> dict[str, CoursePlan]:
    """The courses with these slugs, present or former, drafts left out; by the slugs given. One
    query, and another when a slug is not a present one."""
    wanted = set(slugs)
    found = plans.read(f"WHERE c.id IN ({_OF_SLUGS})", {"wanted": list(wanted)})
    shown = [course for course in found if course.status != CourseStatus.DRAFT]
    by_slug = {course.slug: course for course in shown if course.slug in wanted}
    if former := wanted - by_slug.keys():
        by_id = {course.id: course for course in shown}
        rows = CourseSlug.objects.filter(slug__in=former, course__in=by_id)
        by_slug |= {slug: by_id[pk] for slug, pk in rows.values_list("slug", "course_id")}
    return by_slug


def course_ids(references: Iterable[str]) -> frozenset[UUID]:
    """The ids of the courses with these ids (TypeIDs) or slugs, present or former, drafts left
    out. Raises NotFound when one is unknown."""
    wanted = set(references)
    by_id = {one: ids.from_text("crs", one) for one in wanted if one.startswith("crs_")}
    slugs = wanted - by_id.keys()
    rows = CourseSlug.objects.exclude(course__status=CourseStatus.DRAFT).filter(
        Q(course__in=by_id.values()) | Q(slug__in=slugs)
    )
    found = dict(rows.values_list("slug", "course_id"))
    if not (set(found.values()) >= set(by_id.values()) and found.keys() >= slugs):
        raise NotFound(_("There is no such course."))
    return frozenset(found.values())


def browse(filters: Filters, *, cursor: str | None = None, limit: int = 24) -> Page:
    """A page of the listed courses: as sorted, else by relevance when searching, else by title.

    A search that finds nothing is tried once more with the nearest wording. Raises NotFound for a
    cursor that we did not give.
    """
    limit = max(1, min(limit, LONGEST_PAGE))
    if not filters.search:
        if filters.sort:
            return _page_by_place(*_narrowed(filters), _ORDERS[filters.sort], cursor, limit)
        return _page_by_title(filters, cursor, limit)
    page = _page_by_rank(filters, filters.search, cursor, limit)
    if page.courses or cursor:
        return page
    titles = Course.objects.filter(status__in=LISTED).values_list("title", flat=True)
    wording = search.nearest_wording(filters.search, titles.iterator(chunk_size=2000))
    if wording is None:
        return page
    nearest = _page_by_rank(filters, wording, None, limit)
    return Page(nearest.courses, nearest.next_cursor, suggestion=wording)


def count_listed() -> int:
    """How many courses are listed."""
    return Course.objects.filter(status__in=LISTED).count()


def listed_slugs(*, start: int, limit: int) -> list[str]:
    """The slugs of the listed courses, by title; `limit` of them from `start`."""
    rows = Course.objects.filter(status__in=LISTED).order_by("title", "pk")
    return list(rows.values_list("slug", flat=True)[start : start + limit])


def facets() -> Facets:
    """Every category and language that a listed course has, in one query."""
    listed = Course.objects.filter(status__in=LISTED)
    pairs = set(listed.values_list("category", "language").distinct())
    return Facets(
        categories=tuple(sorted({category for category, _ in pairs if category})),
        languages=tuple(sorted({language for _, language in pairs if language})),
    )


def clashes_among(cohort_ids: Sequence[UUID]) -> dict[UUID, tuple[str, str, datetime, datetime]]:
    """Which of these cohorts meet while another of them does: the other course's title and slug,
    and from when to when. What is over counts no more. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_CLASHES_AMONG, {"cohorts": list(cohort_ids)})
        return {row[0]: row[1:] for row in cursor.fetchall()}


def similar_courses(course: CoursePlan, limit: int, start: int = 0) -> list[CoursePlan]:
    """Other published courses, the nearest first: those recommended beside this one, then those of
    the same category; `limit` of them from `start`."""
    return plans.read(
        "WHERE c.status = 'published' AND c.id <> %(this)s"
        f" ORDER BY array_position(({recommendations.NEAREST}), c.id), c.category <> %(category)s,"
        " c.title, c.id"
        " LIMIT %(limit)s OFFSET %(start)s",
        {"this": course.id, "category": course.category, "limit": limit, "start": start},
    )


def _page_by_title(filters: Filters, cursor: str | None, limit: int) -> Page:
    clauses, params = _narrowed(filters)
    if cursor is not None:
        title, last_id = cursors.read(cursor, str, str)
        clauses += " AND (c.title, c.id) > (%(title)s, %(last)s)"
        params |= {"title": title, "last": ids.from_text("crs", last_id)}
    clauses += " ORDER BY c.title, c.id LIMIT %(limit)s"
    found = plans.read(clauses, {**params, "limit": limit + 1})
    last = found[limit - 1] if len(found) > limit else None
    following = cursors.make(last.title, ids.to_text("crs", last.id)) if last else None
    return Page(tuple(found[:limit]), following)


def _page_by_rank(filters: Filters, words: str, cursor: str | None, limit: int) -> Page:
    query = search.to_query(words)
    if query is None:
        return Page((), None)
    clauses, params = _narrowed(filters)
    clauses += " AND c.search_index @@ %(prefixes)s::tsquery"
    order = _ORDERS.get(filters.sort, _BY_RANK)
    return _page_by_place(clauses, {**params, **asdict(query)}, order, cursor, limit)


def _page_by_place(
    clauses: str, params: Mapping[str, Any], order: str, cursor: str | None, limit: int
) -> Page:
    """Results in an order that changes by itself, or that are few: their cursor is their place."""
    (start,) = cursors.read(cursor, int) if cursor is not None else (0,)
    clauses += f" ORDER BY {order} LIMIT %(limit)s OFFSET %(start)s"
    found = plans.read(clauses, {**params, "limit": limit + 1, "start": start})
    following = cursors.make(start + limit) if len(found) > limit else None
    return Page(tuple(found[:limit]), following)


def _narrowed(filters: Filters) -> tuple[str, dict[str, Any]]:
    """The WHERE clause of the filters, all but the search, and its parameters."""
    clauses = "WHERE c.status = ANY (%(listed)s)"
    if filters.category:
        clauses += " AND c.category = %(category)s"
    if filters.language:
        clauses += " AND c.language = %(language)s"
    if filters.price == "paid":
        clauses += f" AND {_HAS_PRICE}"
    elif filters.price == "free":
        clauses += f" AND NOT {_HAS_PRICE}"
    return clauses, {
        "listed": list(LISTED),
        "category": filters.category,
        "language": filters.language,
    }
