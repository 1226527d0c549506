"""Recommendations in words, for the pages that show some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from matricula.edges import recommended
from matricula.edges.web import offers
from matricula.edges.web.offers import Price
from matricula.flows import recommend


@dataclass(frozen=True)
class Suggested:
    """A course beside another one, and why."""

    slug: str
    title: str
    price: Price
    why: str


def beside(course_id: UUID, person_id: UUID | None, *, but: Sequence[UUID] = ()) -> list[Suggested]:
    """At most three courses that the visitor could take besides or next; not those in `but`."""
    return [
        Suggested(
            slug=one.offer.course.slug,
            title=one.offer.course.title,
            price=offers.price_of(one.offer),
            why=recommended.why(one.reason),
        )
        for one in recommend.suggestions(course_id, person_id, but=but)
    ]
