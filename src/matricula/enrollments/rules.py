"""Who may enroll, and why not: pure, without a clock and without the database.

The same decision colours the button of the course page and guards the server.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from matricula.catalog.rules import Window
from matricula.enrollments import admission, errors
from matricula.enrollments.admission import Demands, Objection, Record, Rule
from matricula.enrollments.states import PENDING, Stage
from matricula.kernel.errors import DomainError
from matricula.seats.errors import CourseFull


@dataclass(frozen=True)
class CohortFacts:
    """What the decision needs to know of a cohort, in order of preference."""

    id: UUID
    window: Window
    opens_at: datetime | None
    is_full: bool
    demands: Demands | None = None


@dataclass(frozen=True)
class CourseFacts:
    """What the decision needs to know of a course."""

    is_published: bool
    is_paid: bool
    cohorts: Sequence[CohortFacts]
    can_be_paid: bool = True


@dataclass(frozen=True)
class LiveEnrollment:
    """An enrollment that has not ended."""

    id: UUID
    cohort_id: UUID
    stage: Stage
    hold_expires_at: datetime | None = None

    @property
    def is_pending(self) -> bool:
        return self.stage in PENDING


@dataclass(frozen=True)
class Standing:
    """What the decision needs to know of a person; the default is a guest, of whom nothing is
    known: what concerns the person is asked after signing in, not held against them."""

    live: LiveEnrollment | None = None
    record: Record | None = None


GUEST = Standing()


def choose_cohort(cohorts: Sequence[CohortFacts], standing: Standing = GUEST) -> CohortFacts | None:
    """The cohort meant by whoever names only the course: the next open one, with seats if any has
    some, and to which nothing stands against them if there is such a one; else the next to open;
    else the last that closed.
    """

    def preference(place_and_cohort: tuple[int, CohortFacts]) -> tuple[int, bool, bool, int]:
        place, cohort = place_and_cohort
        order = ("open", "before", "after").index(cohort.window)
        is_open = cohort.window == "open"
        return (
            order,
            is_open and cohort.is_full,
            is_open and bool(objections_to(cohort, standing)),
            -place if cohort.window == "after" else place,
        )

    return min(enumerate(cohorts), key=preference)[1] if cohorts else None


def refusal(  # noqa: PLR0911 - one return a reason, in order, reads best
    course: CourseFacts, cohort: CohortFacts | None, standing: Standing
) -> DomainError | None:
    """Why this person cannot enroll in this cohort now, or None when they can.

    The first reason in this order is given: what is true of everybody (availability, the window)
    before what concerns the person, seats last.
    """
    if standing.live is not None:
        return errors.AlreadyEnrolled()
    if not course.is_published or cohort is None:
        return errors.CourseNotAvailable()
    if cohort.window == "before":
        return errors.RegistrationNotOpen()
    if cohort.window == "after":
        return errors.RegistrationClosed()
    against = objections_to(cohort, standing)
    if against:
        return against[0].error
    if course.is_paid and not course.can_be_paid:
        return errors.PaymentRequired()
    if cohort.is_full:
        return CourseFull()
    return None


def objections_to(cohort: CohortFacts | None, standing: Standing) -> list[Objection]:
    """Every rule about the person that stands against them in this cohort."""
    if cohort is None or cohort.demands is None or standing.record is None:
        return []
    return admission.objections(cohort.demands, standing.record)


def overridden(cohort: CohortFacts, standing: Standing) -> frozenset[Rule]:
    """The rules that staff let them past in this cohort, and that would stand against them."""
    if cohort.demands is None or standing.record is None:
        return frozenset()
    return admission.overridden(cohort.demands, standing.record)
