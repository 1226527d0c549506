"""Recommendations beside a course, as JSON."""

from __future__ import annotations

from typing import Literal

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from pydantic import Field

from matricula.catalog import queries as catalog
from matricula.edges import recommended
from matricula.edges.api import schemas
from matricula.edges.api.answers import answer, public
from matricula.edges.api.authentication import visitor
from matricula.edges.api.courses import course_json
from matricula.flows import recommend

MOST = 12
router = Router(tags=["Courses"])


class Recommendation(Schema):
    """A course that the one who asks could enroll in. `taken_next` and `taken_together` count only
    what at least five people did."""

    reason: Literal["taken_next", "taken_together", "alike"]
    explanation: str = Field(description="The reason in words.")
    course: schemas.Course


class RecommendationList(Schema):
    items: list[Recommendation]
    next_cursor: None = Field(None, description="There is only one page.")


@router.get(
    "/courses/{course_id}/recommendations",
    auth=None,
    response={200: RecommendationList, 401: schemas.Problem, 404: schemas.Problem},
)
def list_recommendations(request: HttpRequest, course_id: str) -> HttpResponse:
    """Courses to take next, besides, or instead of this one, the nearest first."""
    course = catalog.find_course(course_id)
    found = recommend.suggestions(course.id, visitor(request), limit=MOST)
    items = [
        Recommendation(
            reason=one.reason.value,
            explanation=recommended.why(one.reason),
            course=course_json(one.offer),
        )
        for one in found
    ]
    return public(answer(RecommendationList(items=items, next_cursor=None)))
