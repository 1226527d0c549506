"""Who may enroll: every combination of what can be true of a course, a cohort and a person."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import product
from uuid import UUID

import pytest

from matricula.catalog.plans import Prerequisite
from matricula.catalog.rules import Window
from matricula.enrollments import errors
from matricula.enrollments.admission import Clash, Demands, Record
from matricula.enrollments.rules import (
    GUEST,
    CohortFacts,
    CourseFacts,
    LiveEnrollment,
    Standing,
    choose_cohort,
    refusal,
)
from matricula.enrollments.states import LIVE, PENDING, Stage
from matricula.kernel import ids
from matricula.kernel.errors import DomainError
from matricula.seats.errors import CourseFull

BASICS = ids.new_id()
COHORT = ids.new_id()


@dataclass(frozen=True)
class Case:
    is_published: bool
    window: Window | None  # None: the course has no cohort
    is_full: bool
    is_paid: bool
    can_be_paid: bool
    needs_basics: bool
    has_basics: bool
    is_live: bool

    @property
    def expected(self) -> type[DomainError] | None:
        """The first reason that applies, in the order the product wants."""
        reasons: list[tuple[bool, type[DomainError]]] = [
            (self.is_live, errors.AlreadyEnrolled),
            (not self.is_published or self.window is None, errors.CourseNotAvailable),
            (self.window == "before", errors.RegistrationNotOpen),
            (self.window == "after", errors.RegistrationClosed),
            (self.needs_basics and not self.has_basics, errors.PrerequisitesNotMet),
            (self.is_paid and not self.can_be_paid, errors.PaymentRequired),
            (self.is_full, CourseFull),
        ]
        return next((reason for applies, reason in reasons if applies), None)

    @property
    def cohort(self) -> CohortFacts | None:
        if self.window is None:
            return None
        needed = [Prerequisite(BASICS, "basics", "The Basics")] if self.needs_basics else []
        demands = Demands(COHORT, date(2026, 1, 5), prerequisites=needed)
        return replace(facts(self.window, self.is_full, COHORT), demands=demands)

    @property
    def course(self) -> CourseFacts:
        cohorts = [self.cohort] if self.cohort else []
        return CourseFacts(self.is_published, self.is_paid, cohorts, can_be_paid=self.can_be_paid)

    @property
    def standing(self) -> Standing:
        live = LiveEnrollment(ids.new_id(), COHORT, Stage.CONFIRMED) if self.is_live else None
        return Standing(live, Record(frozenset({BASICS} if self.has_basics else ())))


def facts(window: Window, is_full: bool, cohort: UUID | None = None) -> CohortFacts:
    return CohortFacts(cohort or ids.new_id(), window, None, is_full)


YES_NO = (True, False)
CASES = [
    Case(*values)
    for values in product(
        YES_NO, ("before", "open", "after", None), YES_NO, YES_NO, YES_NO, YES_NO, YES_NO, YES_NO
    )
]


def test_each_combination_is_refused_for_its_first_reason() -> None:
    for case in CASES:
        reason = refusal(case.course, case.cohort, case.standing)
        assert (type(reason) if reason else None) is case.expected, case


def test_only_an_open_cohort_with_a_seat_and_nothing_missing_takes_anybody() -> None:
    open_to = [case for case in CASES if case.expected is None]
    assert len(open_to) == 9
    assert {case.window for case in open_to} == {"open"}


@pytest.mark.parametrize("stage", Stage)
def test_pending_is_what_is_live_and_not_confirmed(stage: Stage) -> None:
    live = LiveEnrollment(ids.new_id(), COHORT, stage)
    assert live.is_pending == (stage in PENDING) == (stage in LIVE and stage != Stage.CONFIRMED)


def test_nothing_about_the_person_stands_against_a_guest() -> None:
    for case in CASES:
        if case.needs_basics:
            easier = replace(case, needs_basics=False, is_live=False)
            asked = refusal(case.course, case.cohort, GUEST)
            assert (type(asked) if asked else None) is easier.expected


@pytest.mark.parametrize(
    ("cohorts", "chosen"),
    [
        ([], None),
        ([("open", False)], 0),
        ([("open", False), ("open", False)], 0),
        ([("open", True), ("open", False)], 1),
        ([("open", True), ("open", True)], 0),
        ([("before", False), ("open", True)], 1),
        ([("after", False), ("before", True)], 1),
        ([("before", False), ("before", False)], 0),
        ([("after", False), ("after", False)], 1),
        ([("after", False), ("after", True)], 1),
    ],
)
def test_the_cohort_meant_is_the_next_open_one_with_seats(
    cohorts: list[tuple[Window, bool]], chosen: int | None
) -> None:
    made = [facts(window, is_full) for window, is_full in cohorts]
    assert choose_cohort(made) == (None if chosen is None else made[chosen])


def test_of_open_cohorts_one_that_nothing_stands_against_is_meant() -> None:
    clashing, fitting = facts("open", False), facts("open", False)
    clash = Clash(
        "Knots", "knots", datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 6, tzinfo=UTC)
    )
    cohorts = [replace(c, demands=Demands(c.id, date(2026, 1, 5))) for c in (clashing, fitting)]
    standing = Standing(record=Record(clashes={clashing.id: clash}))
    assert choose_cohort(cohorts, standing) == cohorts[1]
    assert choose_cohort(cohorts) == cohorts[0]
