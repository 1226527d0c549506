"""No seat left: the refusal, with the other courses that each person could take instead."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from matricula.catalog.queries import CoursePlan
from matricula.flows import offer
from matricula.flows.offer import CourseOffer
from matricula.kernel import ids
from matricula.kernel.errors import Action, Guidance
from matricula.seats.errors import CourseFull

T = TypeVar("T")


@dataclass(frozen=True)
class Full:
    """Somebody found this course full; what they could take instead is still to be looked up."""

    course: CoursePlan


def refusal(course: CoursePlan, person_id: UUID) -> CourseFull:
    """The refusal of one person."""
    return _refusals(course, [person_id])[person_id]


def with_ways_on(people: Sequence[UUID], outcomes: Sequence[T | Full]) -> Sequence[T | CourseFull]:
    """The outcomes with a refusal in place of each `Full`, in as many queries as courses are full.
    `people` says whose outcome each is."""
    courses: dict[UUID, CoursePlan] = {}
    waiting: dict[UUID, list[UUID]] = defaultdict(list)
    for person_id, outcome in zip(people, outcomes, strict=True):
        if isinstance(outcome, Full):
            courses[outcome.course.id] = outcome.course
            waiting[outcome.course.id].append(person_id)
    refusals = {id_: _refusals(courses[id_], whose) for id_, whose in waiting.items()}
    return [
        refusals[outcome.course.id][person_id] if isinstance(outcome, Full) else outcome
        for person_id, outcome in zip(people, outcomes, strict=True)
    ]


def _refusals(course: CoursePlan, person_ids: Sequence[UUID]) -> dict[UUID, CourseFull]:
    others = offer.alternatives_of_many(course, person_ids)
    has_list = any(plan.waitlist_enabled for plan in course.cohorts)
    ways = [Action(_("Join the waitlist"), f"/courses/{course.slug}/waitlist/")] if has_list else []
    written: dict[UUID, dict[str, str]] = {}
    for other in chain.from_iterable(others.values()):
        if other.course.id not in written:
            written[other.course.id] = _way(other)
    return {
        person_id: CourseFull(guidance=Guidance(alternatives=instead, actions=ways))
        for person_id in person_ids
        for instead in [[written[other.course.id] for other in others[person_id]]]
    }


def _way(other: CourseOffer) -> dict[str, str]:
    return {
        "id": ids.to_text("crs", other.course.id),
        "slug": other.course.slug,
        "title": other.course.title,
        "url": f"/courses/{other.course.slug}/",
    }
