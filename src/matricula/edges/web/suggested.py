"""Recommendations in words, for the pages that show some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from matricula.catalog.plans import CoursePlan
from matricula.edges import recommended
from matricula.edges.web import offers, words
from matricula.edges.web.offers import Price
from matricula.flows import recommend
from matricula.flows.offer import CourseOffer, alternatives


@dataclass(frozen=True)
class Suggested:
    """A course beside another one or in its stead, and why."""

    course_id: UUID
    slug: str
    title: str
    price: Price
    why: str
    seats: str = ""


def beside(course_id: UUID, person_id: UUID | None, *, but: Sequence[UUID] = ()) -> list[Suggested]:
    """At most three courses that the visitor could take besides or next; not those in `but`."""
    return [
        Suggested(
            course_id=one.offer.course.id,
            slug=one.offer.course.slug,
            title=one.offer.course.title,
            price=offers.price_of(one.offer),
            why=recommended.why(one.reason),
        )
        for one in recommend.suggestions(course_id, person_id, but=but)
    ]


def instead_of(course: CoursePlan, person_id: UUID | None) -> list[Suggested]:
    """Two courses at most with a free seat that the visitor could take in the course's stead."""
    others = alternatives(course, person_id)
    return [_instead(other, course) for other in others]


def _instead(other: CourseOffer, course: CoursePlan) -> Suggested:
    seats = other.chosen.seats if other.chosen else None
    return Suggested(
        course_id=other.course.id,
        slug=other.course.slug,
        title=other.course.title,
        price=offers.price_of(other),
        why=recommended.why_instead(
            recommend.reasons(course.id).get(other.course.id),
            same_category=bool(course.category) and other.course.category == course.category,
        ),
        seats=words.seats(seats) if seats else "",
    )
