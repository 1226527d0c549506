"""Reads of interests."""

from __future__ import annotations

from uuid import UUID

from matricula.interest.models import Interest


def wants_to_know(person_id: UUID, course_id: UUID) -> bool:
    """Whether the person waits to be told that the course opened."""
    return Interest.objects.filter(person=person_id, course=course_id, told_at=None).exists()


def courses_asked_for() -> list[UUID]:
    """The courses that somebody waits to be told of."""
    rows = Interest.objects.filter(told_at=None).order_by("course")
    return list(rows.values_list("course", flat=True).distinct())
