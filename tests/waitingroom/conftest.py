"""What the tests of the waiting room start from."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import pytest

from matricula.catalog.models import Course
from matricula.flows import admit, rooms
from matricula.flows.admit import Queued, Request
from matricula.kernel import events
from matricula.waitingroom.models import Room, Ticket
from tests.support.factories import make_course, make_people, only_cohort


@dataclass
class Drop:
    """A course whose seats are given in order of arrival."""

    course: Course
    cohort_id: UUID

    @property
    def room(self) -> Room:
        return Room.objects.get(pk=self.cohort_id)

    def arrive(self, count: int) -> list[UUID]:
        """So many new people take tickets, in this order; their enrollments."""
        return [
            answer.enrollment_id
            for answer in self.ask([person.pk for person in make_people(count)])
            if answer.outcome == "queued"
        ]

    def ask(self, people: list[UUID]) -> list[Queued]:
        return admit.queue([Request(person, self.course.pk, self.cohort_id) for person in people])

    def serve(self, limit: int = admit.BATCH) -> int:
        return admit.serve(self.cohort_id, limit)

    def states(self) -> list[str]:
        """Every ticket's state, in order of arrival."""
        rows = Ticket.objects.filter(line=self.cohort_id).order_by("number")
        return list(rows.values_list("state", flat=True))


def make_drop(capacity: int | None = 3, **fields: object) -> Drop:
    course = make_course(capacity=capacity, **fields)  # type: ignore[arg-type]
    cohort_id = only_cohort(course)
    rooms.set_room(cohort_id, is_drop=True, opens_above=None)
    return Drop(course, cohort_id)


@pytest.fixture
def drop(db: None) -> Drop:
    """A free course of three seats."""
    return make_drop()


def told(subject: UUID) -> list[str]:
    """The types of a subject's events, in order."""
    return [event.type for event in events.of_subject(subject)]
