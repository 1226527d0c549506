"""What courses require of each other makes no loop, and drafts are not shown."""

from __future__ import annotations

from uuid import uuid4

import pytest

from matricula.catalog import queries
from matricula.catalog.models import Course, CourseStatus
from matricula.catalog.rules import Requirements, requirement_loop
from tests.support.factories import make_course

E, F, G = uuid4(), uuid4(), uuid4()


@pytest.mark.parametrize(
    ("prerequisites", "corequisites"),
    [
        ({E: [E]}, {}),
        ({}, {E: [E]}),
        ({E: [F], F: [E]}, {}),
        ({E: [F]}, {F: [E]}),
        ({F: [G]}, {E: [F], G: [E]}),
    ],
    ids=["before itself", "beside itself", "prerequisites", "mixed", "prerequisite further on"],
)
def test_a_loop_with_a_prerequisite_is_found(
    prerequisites: Requirements, corequisites: Requirements
) -> None:
    loop = requirement_loop(E, prerequisites, corequisites)
    assert (loop[0], loop[-1]) == (E, E)


@pytest.mark.parametrize(
    ("prerequisites", "corequisites"),
    [
        ({}, {E: [F], F: [E]}),
        ({E: [F, G], F: [G]}, {}),
        ({E: [F]}, {E: [F]}),
        ({F: [G], G: [F]}, {E: [F]}),
    ],
    ids=["taken together", "a diamond", "named twice", "a loop of others"],
)
def test_what_can_be_taken_is_no_loop(
    prerequisites: Requirements, corequisites: Requirements
) -> None:
    assert requirement_loop(E, prerequisites, corequisites) == []


def test_a_draft_is_required_without_its_title_and_address(db: None) -> None:
    draft = make_course(title="Secret plans", status=CourseStatus.DRAFT)
    course = make_course(prerequisites=(draft,))
    (required,) = queries.find_course(course.slug).prerequisites
    assert (required.title, required.slug) == ("", "")
    assert required.name == "a course that is not published yet"
    before = Course.objects.get(pk=course.pk).revision
    Course.objects.filter(pk=draft.pk).update(status=CourseStatus.PUBLISHED)
    assert Course.objects.get(pk=course.pk).revision != before
    (required,) = queries.find_course(course.slug).prerequisites
    assert required.name == "Secret plans"
