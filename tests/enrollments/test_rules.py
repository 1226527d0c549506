"""Who may enroll: every combination of what can be true of a course, a cohort and a person."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from uuid import UUID

import pytest

from matricula.catalog.rules import Window
from matricula.enrollments import errors
from matricula.enrollments.rules import (
    CohortFacts,
    CourseFacts,
    LiveEnrollment,
    Standing,
    choose_cohort,
    missing_prerequisites,
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
        return facts(self.window, self.is_full, COHORT) if self.window else None

    @property
    def course(self) -> CourseFacts:
        cohorts = [self.cohort] if self.cohort else []
        needed = [(BASICS, "The Basics")] if self.needs_basics else []
        return CourseFacts(
            self.is_published, self.is_paid, needed, cohorts, can_be_paid=self.can_be_paid
        )

    @property
    def standing(self) -> Standing:
        live = LiveEnrollment(ids.new_id(), COHORT, Stage.CONFIRMED) if self.is_live else None
        return Standing(live, frozenset({BASICS} if self.has_basics else ()))


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


def test_what_is_missing_is_what_is_required_and_not_completed() -> None:
    other = ids.new_id()
    course = CourseFacts(True, False, [(BASICS, "The Basics"), (other, "Knots")], [])
    assert missing_prerequisites(course, Standing(completed=frozenset({other}))) == [
        (BASICS, "The Basics")
    ]


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
