"""Where somebody stands in a waitlist, and what can be said of how long it may take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from matricula.catalog import queries as catalog
from matricula.catalog import registration
from matricula.catalog.queries import CohortPlan, CoursePlan
from matricula.kernel import clock
from matricula.kernel.errors import NotFound
from matricula.waitlist import queries, rules
from matricula.waitlist.queries import EntryRecord
from matricula.waitlist.rules import Odds, Pace
from matricula.waitlist.states import EntryState


@dataclass(frozen=True)
class Standing:
    """Where a place in a list stands now. `position` counts places and `seats_ahead` the people
    before it; both are None unless it waits. `expected_wait` and `odds` are None while the history
    is too small to say."""

    entry: EntryRecord
    course: CoursePlan
    cohort: CohortPlan
    length: int
    position: int | None = None
    seats_ahead: int | None = None
    expected_wait: timedelta | None = None
    odds: Odds | None = None
    ahead_by_priority: int = 0
    stops_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether registration has ended: nobody is promoted any more."""
        return self.stops_at is not None and self.stops_at <= clock.now()


def of_entry(person_id: UUID, entry_id: UUID) -> Standing:
    """Where the person's place stands. Raises NotFound."""
    entry = queries.of_person(person_id, entry_id)
    return _standing(entry, catalog.courses_by_id([entry.course_id])[entry.course_id])


def in_course(person_id: UUID, course: str | UUID, cohort_id: UUID | None = None) -> Standing:
    """Where the person stands in the list of a course or of one cohort. Raises NotFound when they
    never waited there."""
    plan = catalog.find_course(course)
    entry = queries.latest_in(person_id, plan.id, cohort_id)
    if entry is None:
        raise NotFound(_("You are not on this waitlist."))
    return _standing(entry, plan)


def of_person(person_id: UUID) -> list[Standing]:
    """Every list the person waits in or has waited in, newest first."""
    entries = queries.list_of_person(person_id)
    courses = catalog.courses_by_id({entry.course_id for entry in entries})
    return [_standing(entry, courses[entry.course_id]) for entry in entries]


def _standing(entry: EntryRecord, course: CoursePlan) -> Standing:
    cohort = next(plan for plan in course.cohorts if plan.id == entry.cohort_id)
    queue, now = queries.queue(cohort.id), clock.now()
    known = Standing(entry, course, cohort, queue.length, stops_at=registration.deadline(cohort))
    if entry.state is not EntryState.WAITING:
        return known
    ahead = queries.ahead(entry)
    earlier = queries.earlier_lists(course.id, cohort.id, now)
    pace = Pace(queue.seats_given, now - (queue.begun_at or now))
    return replace(
        known,
        position=ahead.places + 1,
        seats_ahead=ahead.seats,
        expected_wait=rules.expected_wait(pace, ahead.seats, entry.party_size),
        odds=rules.odds(earlier, ahead.seats, entry.party_size),
        ahead_by_priority=ahead.by_priority,
    )
