"""A drop, where seats are given by turn."""

from __future__ import annotations

from uuid import UUID

from matricula.flows import rooms
from matricula.flows.enroll import Application, enroll
from tests.support.factories import make_course, make_people, only_cohort


def paused_drop(ahead: int) -> tuple[str, UUID]:
    """A drop whose line takes people and lets nobody in, with so many in it; its slug and its
    cohort."""
    course = make_course(capacity=50)
    cohort = only_cohort(course)
    rooms.set_room(cohort, is_drop=True, opens_above=None)
    rooms.pause(cohort, True)
    for person in make_people(ahead):
        enroll(Application(person.pk, course.slug))
    return course.slug, cohort


def release(cohort: UUID) -> None:
    """From now on the line moves."""
    rooms.pause(cohort, False)
