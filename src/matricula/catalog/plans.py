"""A course read whole: with its cohorts, price and prerequisites, in one query.

Written as SQL, since this is read at every enrollment and on every page: building the same
statement with the ORM costs more than running it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext

from matricula.catalog.models import CourseStatus
from matricula.catalog.rules import ListPrice
from matricula.catalog.timetable import Meeting
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
    "revision",
)
_SELECT = """
SELECT c.id, c.slug, c.title, c.summary, c.description, c.category, c.language, c.instructor_name,
       c.duration_weeks, c.access_days, c.tax_category, c.revision, c.status, c.tax_inclusive,
       ARRAY(SELECT jsonb_build_object(
                    'currency', p.currency, 'amount_minor', p.amount_minor,
                    'sale_minor', p.sale_minor, 'sale_starts_at', p.sale_starts_at,
                    'sale_ends_at', p.sale_ends_at)
               FROM catalog_courseprice p WHERE p.course_id = c.id ORDER BY p.currency),
       ARRAY(SELECT jsonb_build_object(
                    'id', r.id, 'slug', r.slug, 'title', r.title, 'status', r.status,
                    'equivalents', ARRAY(SELECT q.to_course_id FROM catalog_course_equivalents q
                                          WHERE q.from_course_id = r.id))
               FROM catalog_course_prerequisites n JOIN catalog_course r ON r.id = n.to_course_id
              WHERE n.from_course_id = c.id ORDER BY r.title),
       ARRAY(SELECT jsonb_build_object(
                    'id', r.id, 'slug', r.slug, 'title', r.title, 'status', r.status)
               FROM catalog_course_corequisites n JOIN catalog_course r ON r.id = n.to_course_id
              WHERE n.from_course_id = c.id ORDER BY r.title),
       jsonb_build_object(
           'email_domains', c.email_domains, 'least_age', c.least_age,
           'greatest_age', c.greatest_age, 'required_profile', c.required_profile,
           'most_takes', c.most_takes,
           'groups', ARRAY(SELECT g.learnergroup_id FROM catalog_course_learner_groups g
                            WHERE g.course_id = c.id),
           'most_in_category', (SELECT l.most FROM catalog_categorylimit l
                                 WHERE l.category = c.category AND c.category <> '')),
       ARRAY(SELECT jsonb_build_object(
                    'id', h.id, 'name', h.name, 'opens_at', h.opens_at, 'closes_at', h.closes_at,
                    'starts_at', h.starts_at, 'ends_at', h.ends_at,
                    'waitlist_enabled', h.waitlist_enabled,
                    'meetings', ARRAY(SELECT to_jsonb(m) FROM catalog_cohortmeeting m
                                       WHERE m.cohort_id = h.id
                                       ORDER BY m.first_day, m.starts, m.id))
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
    meetings: tuple[Meeting, ...] = ()


@dataclass(frozen=True)
class Prerequisite:
    """A course that another requires. Any of `equivalents` does as well. Of a draft, `slug` and
    `title` are empty: nobody is shown them."""

    id: UUID
    slug: str
    title: str
    equivalents: frozenset[UUID] = frozenset()

    @property
    def name(self) -> str:
        """Its title, or what a draft is called, in the language that is active."""
        return self.title or gettext("a course that is not published yet")


@dataclass(frozen=True)
class Audience:
    """Whom a course is for, and how often; empty members limit nothing. Ages are in years."""

    email_domains: tuple[str, ...] = ()
    groups: frozenset[UUID] = frozenset()
    least_age: int | None = None
    greatest_age: int | None = None
    required_profile: tuple[str, ...] = ()
    most_takes: int | None = None
    most_in_category: int | None = None


EVERYBODY = Audience()


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
    revision: int
    status: CourseStatus
    tax_inclusive: bool
    price: ListPrice | None
    prerequisites: tuple[Prerequisite, ...]
    cohorts: tuple[CohortPlan, ...]
    corequisites: tuple[Prerequisite, ...] = ()
    audience: Audience = EVERYBODY

    # Asked for each request of a crowd; a plan is kept as long as its course stays as it is.
    @cached_property
    def related(self) -> frozenset[UUID]:
        """The courses that its rules ask about."""
        required = (*self.prerequisites, *self.corequisites)
        return frozenset({part.id for part in required}).union(
            *(part.equivalents for part in required)
        )

    @cached_property
    def has_rules(self) -> bool:
        """Whether it asks anything of people but a seat."""
        return bool(self.prerequisites) or self.audience != EVERYBODY or self.looks_at_others

    @cached_property
    def looks_at_others(self) -> bool:
        """Whether a decision about it depends on what else the person is enrolled in. Then it is
        made under the person's lock, or two of them at once would not see each other."""
        return bool(
            self.corequisites
            or self.audience.most_in_category is not None
            or any(cohort.meetings for cohort in self.cohorts)
        )


def read(clauses: str, params: Mapping[str, Any]) -> list[CoursePlan]:
    """The courses that `clauses` select: WHERE, ORDER BY and LIMIT over `catalog_course c`, our own
    text and never input."""
    with connection.cursor() as cursor:
        cursor.execute(_SELECT + clauses, params)
        return [_plan(row) for row in cursor.fetchall()]


def _plan(row: Sequence[Any]) -> CoursePlan:
    # Django has psycopg give JSON as text.
    *plain, status, tax_inclusive, prices, prerequisites, corequisites, audience, cohorts = row
    members: dict[str, Any] = dict(zip(_PLAIN, plain, strict=True))
    return CoursePlan(
        **members,
        status=CourseStatus(status),
        tax_inclusive=tax_inclusive,
        price=_price([json.loads(price) for price in prices]),
        prerequisites=tuple(_required(required) for required in map(json.loads, prerequisites)),
        corequisites=tuple(_required(required) for required in map(json.loads, corequisites)),
        audience=_audience(json.loads(audience)),
        cohorts=tuple(_cohort(cohort) for cohort in map(json.loads, cohorts)),
    )


def _required(row: Mapping[str, Any]) -> Prerequisite:
    equivalents = frozenset(UUID(equivalent) for equivalent in row.get("equivalents", ()))
    is_shown = row["status"] != CourseStatus.DRAFT
    slug, title = (row["slug"], row["title"]) if is_shown else ("", "")
    return Prerequisite(UUID(row["id"]), slug, title, equivalents)


def _audience(row: Mapping[str, Any]) -> Audience:
    return Audience(
        email_domains=tuple(row["email_domains"]),
        groups=frozenset(UUID(group) for group in row["groups"]),
        least_age=row["least_age"],
        greatest_age=row["greatest_age"],
        required_profile=tuple(row["required_profile"]),
        most_takes=row["most_takes"],
        most_in_category=row["most_in_category"],
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
        meetings=tuple(_meeting(meeting) for meeting in row["meetings"]),
    )


def _meeting(row: Mapping[str, Any]) -> Meeting:
    return Meeting(
        first_day=date.fromisoformat(row["first_day"]),
        last_day=date.fromisoformat(row["last_day"]),
        starts=time.fromisoformat(row["starts"]),
        ends=time.fromisoformat(row["ends"]),
        zone=row["zone"],
        weekdays=tuple(row["weekdays"]),
        skipped=tuple(date.fromisoformat(day) for day in row["skipped"]),
        place=row["place"],
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
