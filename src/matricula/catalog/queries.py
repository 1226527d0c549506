"""Reads of the catalog, as plain values that no receiver can save."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import JSONObject

from matricula.catalog import search
from matricula.catalog.models import Cohort, Course, CoursePrice, CourseStatus
from matricula.catalog.rules import ListPrice
from matricula.kernel import ids
from matricula.kernel.errors import NotFound
from matricula.kernel.money import Money

LISTED = (CourseStatus.PUBLISHED, CourseStatus.COMING_SOON)
LONGEST_PAGE = 100


@dataclass(frozen=True)
class CohortPlan:
    """One intake as planned; its seats are the seats room's business."""

    id: UUID
    name: str
    opens_at: datetime | None
    closes_at: datetime | None
    starts_at: datetime | None
    ends_at: datetime | None
    waitlist_enabled: bool


@dataclass(frozen=True)
class Prerequisite:
    id: UUID
    slug: str
    title: str


@dataclass(frozen=True)
class CoursePlan:
    """A course with its cohorts (by start), price and prerequisites."""

    id: UUID
    slug: str
    title: str
    summary: str
    description: str
    category: str
    language: str
    instructor_name: str
    duration_weeks: int | None
    access_days: int | None
    status: CourseStatus
    tax_inclusive: bool
    price: ListPrice | None
    prerequisites: tuple[Prerequisite, ...]
    cohorts: tuple[CohortPlan, ...]


@dataclass(frozen=True)
class Filters:
    """What a visitor narrows the catalog by; empty texts narrow nothing."""

    search: str = ""
    category: str = ""
    language: str = ""
    price: Literal["", "free", "paid"] = ""


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
    """The course with this id (TypeID or UUID) or slug.

    Drafts are found only with `hidden`. Raises NotFound.
    """
    if isinstance(reference, UUID):
        wanted = Q(pk=reference)
    elif reference.startswith("crs_"):
        wanted = Q(pk=ids.from_text("crs", reference))
    else:
        wanted = Q(slug=reference)
    found = _with_parts(Course.objects.filter(wanted)).first()
    if found is None or (found.status == CourseStatus.DRAFT and not hidden):
        raise NotFound("There is no such course.")
    return _plan(found)


def course_of_cohort(cohort_id: UUID) -> CoursePlan:
    """The course this cohort belongs to. Raises NotFound."""
    found = _with_parts(Course.objects.filter(cohorts=cohort_id)).first()
    if found is None or found.status == CourseStatus.DRAFT:
        raise NotFound("There is no such cohort.")
    return _plan(found)


def courses_by_id(course_ids: Iterable[UUID]) -> dict[UUID, CoursePlan]:
    """The courses with these ids, whatever their status."""
    rows = _with_parts(Course.objects.filter(pk__in=list(course_ids)))
    return {row.pk: _plan(row) for row in rows}


def browse(filters: Filters, *, cursor: str | None = None, limit: int = 24) -> Page:
    """A page of the listed courses: by relevance when searching, else by title.

    A search that finds nothing is tried once more with the nearest wording. Raises NotFound for a
    cursor that we did not give.
    """
    page = _page(filters, filters.search, cursor, limit)
    if page.courses or not filters.search or cursor:
        return page
    titles = _listed(filters).values_list("title", flat=True)
    wording = search.nearest_wording(filters.search, titles.iterator(chunk_size=2000))
    if wording is None:
        return page
    nearest = _page(filters, wording, None, limit)
    return Page(nearest.courses, nearest.next_cursor, suggestion=wording)


def facets() -> Facets:
    """Every category and language that a listed course has, in one query."""
    listed = Course.objects.filter(status__in=LISTED)
    pairs = set(listed.values_list("category", "language").distinct())
    return Facets(
        categories=tuple(sorted({category for category, _ in pairs if category})),
        languages=tuple(sorted({language for _, language in pairs if language})),
    )


def similar_courses(course: CoursePlan, limit: int) -> list[CoursePlan]:
    """Other published courses, those of the same category first."""
    rows = (
        Course.objects.filter(status=CourseStatus.PUBLISHED)
        .exclude(pk=course.id)
        .annotate(near=Case(When(category=course.category, then=Value(0)), default=Value(1)))
        .order_by("near", "title", "id")
    )
    return [_plan(row) for row in _with_parts(rows)[:limit]]


def _page(filters: Filters, words: str, cursor: str | None, limit: int) -> Page:
    limit = max(1, min(limit, LONGEST_PAGE))
    rows = _listed(filters)
    query = search.to_tsquery(words)
    if words and query is None:
        return Page((), None)
    if query is not None:
        wanted = SearchQuery(query, search_type="raw", config="simple")
        found = rows.filter(search=wanted).annotate(rank=SearchRank(F("search"), wanted))
        return _ranked_page(found.order_by("-rank", "title", "id"), cursor, limit)
    if cursor is not None:
        title, last_id = search.read_cursor(cursor, str, str)
        after = ids.from_text("crs", last_id)
        rows = rows.filter(Q(title__gt=title) | Q(title=title, pk__gt=after))
    page = list(_with_parts(rows.order_by("title", "id"))[: limit + 1])
    last = page[limit - 1] if len(page) > limit else None
    following = search.make_cursor(last.title, ids.to_text("crs", last.pk)) if last else None
    return Page(tuple(_plan(row) for row in page[:limit]), following)


def _ranked_page(rows: QuerySet[Course], cursor: str | None, limit: int) -> Page:
    """Search results are few and ordered by rank, so their cursor is a plain offset."""
    (start,) = search.read_cursor(cursor, int) if cursor is not None else (0,)
    found = list(_with_parts(rows)[start : start + limit + 1])
    following = search.make_cursor(start + limit) if len(found) > limit else None
    return Page(tuple(_plan(row) for row in found[:limit]), following)


def _listed(filters: Filters) -> QuerySet[Course]:
    rows = Course.objects.filter(status__in=LISTED)
    if filters.category:
        rows = rows.filter(category=filters.category)
    if filters.language:
        rows = rows.filter(language=filters.language)
    if filters.price:
        has_price = Exists(CoursePrice.objects.filter(course=OuterRef("pk")))
        rows = rows.filter(has_price if filters.price == "paid" else ~has_price)
    return rows


def _with_parts(rows: QuerySet[Course]) -> QuerySet[Course]:
    """Adds cohorts, prices and prerequisites to each row, still in one query."""
    of_course = {"course": OuterRef("pk")}
    cohort_fields = ("id", "name", "opens_at", "closes_at", "starts_at", "ends_at")
    price_fields = ("currency", "amount_minor", "sale_minor", "sale_starts_at", "sale_ends_at")
    return rows.defer("search").annotate(
        cohort_rows=ArraySubquery(
            Cohort.objects.filter(**of_course)
            .order_by(F("starts_at").asc(nulls_last=True), "name")
            .values_list(
                JSONObject(waitlist_enabled="waitlist_enabled", **{n: n for n in cohort_fields})
            )
        ),
        price_rows=ArraySubquery(
            CoursePrice.objects.filter(**of_course)
            .order_by("currency")
            .values_list(JSONObject(**{name: name for name in price_fields}))
        ),
        prerequisite_rows=ArraySubquery(
            Course.objects.filter(prerequisite_of=OuterRef("pk"))
            .order_by("title")
            .values_list(JSONObject(id="id", slug="slug", title="title"))
        ),
    )


def _plan(row: Any) -> CoursePlan:
    """A row of `_with_parts` as a plain value."""
    return CoursePlan(
        id=row.pk,
        slug=row.slug,
        title=row.title,
        summary=row.summary,
        description=row.description,
        category=row.category,
        language=row.language,
        instructor_name=row.instructor_name,
        duration_weeks=row.duration_weeks,
        access_days=row.access_days,
        status=CourseStatus(row.status),
        tax_inclusive=row.tax_inclusive,
        price=_price(row.price_rows),
        prerequisites=tuple(
            Prerequisite(UUID(part["id"]), part["slug"], part["title"])
            for part in row.prerequisite_rows
        ),
        cohorts=tuple(
            CohortPlan(
                id=UUID(part["id"]),
                name=part["name"],
                opens_at=_moment(part["opens_at"]),
                closes_at=_moment(part["closes_at"]),
                starts_at=_moment(part["starts_at"]),
                ends_at=_moment(part["ends_at"]),
                waitlist_enabled=part["waitlist_enabled"],
            )
            for part in row.cohort_rows
        ),
    )


def _price(rows: Sequence[Mapping[str, Any]]) -> ListPrice | None:
    if not rows:
        return None
    row = rows[0]
    sale = row["sale_minor"]
    return ListPrice(
        regular=Money(row["amount_minor"], row["currency"]),
        sale=None if sale is None else Money(sale, row["currency"]),
        sale_starts_at=_moment(row["sale_starts_at"]),
        sale_ends_at=_moment(row["sale_ends_at"]),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
