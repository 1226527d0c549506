"""A course read whole: with its cohorts, price and prerequisites, in one query.

Written as SQL, since this is read at every enrollment and on every page: building the same
statement with the ORM costs more than running it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from matricula.catalog.models import CourseStatus
from matricula.catalog.rules import ListPrice
from matricula.kernel.money import Money

# Members of CoursePlan that are columns of their own, as _SELECT gives them.
_PLAIN = (
    "id",
    "slug",
    "title",
    "summary",
    "description",
    "category",
    "language",
    "instructor_name",
    "duration_weeks",
    "access_days",
    "tax_category",
)
_SELECT = """
SELECT c.id, c.slug, c.title, c.summary, c.description, c.category, c.language, c.instructor_name,
       c.duration_weeks, c.access_days, c.tax_category, c.status, c.tax_inclusive,
       ARRAY(SELECT jsonb_build_object(
                    'currency', p.currency, 'amount_minor', p.amount_minor,
                    'sale_minor', p.sale_minor, 'sale_starts_at', p.sale_starts_at,
                    'sale_ends_at', p.sale_ends_at)
               FROM catalog_courseprice p WHERE p.course_id = c.id ORDER BY p.currency),
       ARRAY(SELECT jsonb_build_object('id', r.id, 'slug', r.slug, 'title', r.title)
               FROM catalog_course_prerequisites n JOIN catalog_course r ON r.id = n.to_course_id
              WHERE n.from_course_id = c.id ORDER BY r.title),
       ARRAY(SELECT jsonb_build_object(
                    'id', h.id, 'name', h.name, 'opens_at', h.opens_at, 'closes_at', h.closes_at,
                    'starts_at', h.starts_at, 'ends_at', h.ends_at,
                    'waitlist_enabled', h.waitlist_enabled)
               FROM catalog_cohort h WHERE h.course_id = c.id
              ORDER BY h.starts_at NULLS LAST, h.name)
  FROM catalog_course c
"""


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
    tax_category: str
    status: CourseStatus
    tax_inclusive: bool
    price: ListPrice | None
    prerequisites: tuple[Prerequisite, ...]
    cohorts: tuple[CohortPlan, ...]


def read(clauses: str, params: Mapping[str, Any]) -> list[CoursePlan]:
    """The courses that `clauses` select: WHERE, ORDER BY and LIMIT over `catalog_course c`, our own
    text and never input."""
    with connection.cursor() as cursor:
        cursor.execute(_SELECT + clauses, params)
        return [_plan(row) for row in cursor.fetchall()]


def _plan(row: Sequence[Any]) -> CoursePlan:
    # Django has psycopg give JSON as text.
    *plain, status, tax_inclusive, prices, prerequisites, cohorts = row
    members: dict[str, Any] = dict(zip(_PLAIN, plain, strict=True))
    return CoursePlan(
        **members,
        status=CourseStatus(status),
        tax_inclusive=tax_inclusive,
        price=_price([json.loads(price) for price in prices]),
        prerequisites=tuple(
            Prerequisite(UUID(required["id"]), required["slug"], required["title"])
            for required in map(json.loads, prerequisites)
        ),
        cohorts=tuple(_cohort(cohort) for cohort in map(json.loads, cohorts)),
    )


def _cohort(row: Mapping[str, Any]) -> CohortPlan:
    return CohortPlan(
        id=UUID(row["id"]),
        name=row["name"],
        opens_at=_moment(row["opens_at"]),
        closes_at=_moment(row["closes_at"]),
        starts_at=_moment(row["starts_at"]),
        ends_at=_moment(row["ends_at"]),
        waitlist_enabled=row["waitlist_enabled"],
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
