"""Whether a waitlist's turn may come now, and on what terms its seats are given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from matricula.catalog import queries as catalog
from matricula.catalog import registration
from matricula.catalog.models import CourseStatus
from matricula.catalog.queries import CohortPlan, CoursePlan
from matricula.flows import offer
from matricula.kernel import clock
from matricula.kernel.errors import NotFound
from matricula.kernel.events import NewEvent
from matricula.kernel.money import Money
from matricula.waitlist import queries
from matricula.waitlist.line import Waiting


@dataclass(frozen=True)
class Turn:
    """One list whose turn it is. In a course that costs something a seat is offered for
    `offer_seconds`; in a free one it is given at once."""

    course: CoursePlan
    cohort: CohortPlan
    at: datetime
    is_paid: bool
    offer_seconds: int

    @property
    def price(self) -> Money:
        """What the course costs now, before coupons and tax."""
        price = self.course.price
        return Money.zero(settings.CURRENCY) if price is None else price.current(self.at)

    @property
    def ends_at(self) -> datetime:
        return self.at + timedelta(seconds=self.offer_seconds)

    def event(self, what: str, waiting: Waiting, **data: object) -> NewEvent:
        """An event on a place in this list. The caller holds the counter row of the cohort."""
        place = {"course": str(self.course.id), "cohort": str(self.cohort.id)}
        return NewEvent(
            type=f"waitlist.{what}",
            subject=waiting.place.id,
            person=waiting.person_id,
            data={**place, **data},
        )


def turn_of(cohort_id: UUID) -> Turn | None:
    """What the list's turn is about; None when its time is over."""
    at = clock.now()
    try:
        course = catalog.course_of_cohort(cohort_id)
    except NotFound:
        return None
    cohort = next(plan for plan in course.cohorts if plan.id == cohort_id)
    seconds = _offer_seconds(cohort, at)
    is_open = registration.window_of(cohort, at) == "open"
    if course.status != CourseStatus.PUBLISHED or not is_open or seconds < 1:
        return None
    return Turn(course, cohort, at, offer.is_paid(course, at), seconds)


def is_quiet(at: datetime) -> bool:
    """Whether nobody is offered a seat at this moment: they would sleep while its time runs."""
    quiet = settings.ENVIRONMENT.waitlist.quiet_hours
    if quiet is None:
        return False
    begin, end = quiet
    local = at.astimezone(settings.ENVIRONMENT.time_zone).time()
    return begin <= local < end if begin < end else local >= begin or local < end


def _offer_seconds(cohort: CohortPlan, at: datetime) -> int:
    hours = queries.queue(cohort.id).offer_hours or settings.ENVIRONMENT.waitlist.offer_hours
    ends = [at + timedelta(hours=hours), *filter(None, [registration.deadline(cohort)])]
    return int((min(ends) - at).total_seconds())
