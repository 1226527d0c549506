"""Decisions about prices and windows: pure, without a clock and without the database."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from matricula.kernel.money import Money

Window = Literal["before", "open", "after"]
Requirements = Mapping[UUID, Collection[UUID]]  # by course: the courses it requires


@dataclass(frozen=True)
class ListPrice:
    """A course's price: what it usually costs, and what it costs on sale."""

    regular: Money
    sale: Money | None = None
    sale_starts_at: datetime | None = None
    sale_ends_at: datetime | None = None

    def on_sale(self, at: datetime) -> bool:
        return (
            self.sale is not None and window(self.sale_starts_at, self.sale_ends_at, at) == "open"
        )

    def current(self, at: datetime) -> Money:
        """What it costs at this moment, before coupons and tax."""
        return self.sale if self.sale is not None and self.on_sale(at) else self.regular


def registration_ends_at(
    closes_at: datetime | None,
    starts_at: datetime | None,
    ends_at: datetime | None,
    after_start: timedelta,
) -> datetime | None:
    """When registration for a cohort ends; None when it never does.

    A deadline that staff set decides. Otherwise it is `after_start` past the start, or the cohort's
    end if that comes first. Only a cohort without any of these dates stays open.
    """
    if closes_at is not None:
        return closes_at
    latest_start = None if starts_at is None else starts_at + after_start
    return min(filter(None, [latest_start, ends_at]), default=None)


def requirement_loop(
    course_id: UUID, prerequisites: Requirements, corequisites: Requirements
) -> list[UUID]:
    """The courses, from `course_id` back to it, that require each other so that nobody could enroll
    in any of them; empty when there is no such loop. The mappings hold what each course requires.

    Courses that are only taken together may name each other; one prerequisite among them makes it a
    loop, and so does a course that names itself.
    """
    if course_id in {*prerequisites.get(course_id, ()), *corequisites.get(course_id, ())}:
        return [course_id, course_id]
    start = (course_id, False)  # a course, and whether the way there passes a prerequisite
    ways: dict[tuple[UUID, bool], list[UUID]] = {start: [course_id]}
    fresh = [start]
    while fresh:
        here, passed = fresh.pop()
        steps = [(next_, True) for next_ in prerequisites.get(here, ())]
        steps += [(next_, passed) for next_ in corequisites.get(here, ())]
        for step in steps:
            way = [*ways[here, passed], step[0]]
            if step == (course_id, True):
                return way
            if step not in ways:
                ways[step] = way
                fresh.append(step)
    return []


def window(opens_at: datetime | None, closes_at: datetime | None, at: datetime) -> Window:
    """Where a moment stands to a half-open window: opens_at <= at < closes_at."""
    if opens_at is not None and at < opens_at:
        return "before"
    if closes_at is not None and at >= closes_at:
        return "after"
    return "open"
