"""What is recommended beside a course, as it was last worked out (`flows/recommend.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from matricula.catalog.models import Recommendation

# The courses recommended beside `this`, the nearest first; one may come twice.
NEAREST = (
    "SELECT r.taken_next || r.taken_together || r.alike FROM catalog_recommendation r"
    " WHERE r.course_id = %(this)s"
)


@dataclass(frozen=True)
class Related:
    """Other courses, the nearest first: what many took after this one, what many took besides, and
    what is like it."""

    taken_next: tuple[UUID, ...] = ()
    taken_together: tuple[UUID, ...] = ()
    alike: tuple[UUID, ...] = ()

    @property
    def nearest(self) -> tuple[UUID, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys((*self.taken_next, *self.taken_together, *self.alike)))


def related_to(course_id: UUID) -> Related:
    """What stands beside the course; nothing for one that was never looked at. One indexed row."""
    row = Recommendation.objects.filter(course=course_id).first()
    if row is None:
        return Related()
    return Related(tuple(row.taken_next), tuple(row.taken_together), tuple(row.alike))


def alternatives_for(course_id: UUID) -> tuple[UUID, ...]:
    """What to offer in the course's stead, the nearest first. One indexed row. Whether there is a
    seat, and whether somebody may take it, is not looked at."""
    return related_to(course_id).nearest
