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
from matricula.flows.offer import CourseOffer, alternatives, considered, offers_again


@dataclass(frozen=True)
class Suggested:
    """A course beside another one or in its stead, and why."""

    course_id: UUID
    slug: str
    title: str
    price: Price
    why: str
    seats: str = ""


@dataclass(frozen=True)
class Around:
    """What a course's page suggests: in its stead, where it leads nowhere, and besides it."""

    instead: list[Suggested]
    beside: list[Suggested]

    @property
    def course_ids(self) -> list[UUID]:
        return [one.course_id for one in (*self.instead, *self.beside)]


def around(offer: CourseOffer, person_id: UUID | None) -> Around:
    """What is suggested to the visitor on the course's page."""
    course = offer.course
    instead = instead_of(course, person_id) if offer.button in offers.DEAD_ENDS else []
    but = [other.course_id for other in instead]
    return Around(instead, beside(course.id, person_id, but=but))


def same_instead(course: CoursePlan, suggests: Around) -> bool:
    """Whether the same is suggested in the course's stead to all who have nothing to do with it:
    nothing that was looked at for that asks anything of people."""
    found = [one.course_id for one in suggests.instead]
    return not any(one.has_rules for one in considered(course, found))


def same_beside(course_id: UUID, person_id: UUID, suggests: Around) -> bool:
    """Whether this person, who has to do with none of the suggested courses, is suggested the same
    besides the course. They are asked about only where one that asks something of people is
    suggested, or would come before one that is."""
    shown = [one.course_id for one in suggests.beside]
    instead = {one.course_id for one in suggests.instead}
    ruled, left = [], set(shown)
    for one in recommend.candidates(course_id):
        course = one.offer.course
        if course.has_rules and course.id not in instead:
            ruled.append(one.offer)
        left.discard(course.id)
        if len(shown) == recommend.SHOWN and not left:
            break
    if not ruled:
        return True
    theirs = offers_again(ruled, person_id)
    return all(one.is_open == (one.course.id in shown) for one in theirs)


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
