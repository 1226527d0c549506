"""Several courses in one checkout: every seat is held or none, one payment, one invoice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from matricula.catalog import queries as catalog
from matricula.enrollments import standings
from matricula.enrollments.errors import AlreadyEnrolled
from matricula.flows import checkout, full, offer
from matricula.flows.checkout import NotHeld, Placed, Terms
from matricula.flows.claims import Choice
from matricula.flows.enroll import check_account, choose
from matricula.kernel import clock
from matricula.kernel.errors import (
    DomainError,
    FieldError,
    Guidance,
    IllegalState,
    ValidationFailed,
)
from matricula.seats import queries as seats
from matricula.seats.errors import CourseFull

MOST_COURSES = 20
BY_TURN = "Its seats are given in order of arrival. Join the line on its own page, and pay after."


@dataclass(frozen=True)
class Wish:
    """A course (TypeID, UUID or slug) and, if one was picked, its cohort."""

    course: str | UUID
    cohort_id: UUID | None = None


def buy(
    person_id: UUID,
    wishes: Sequence[Wish],
    *,
    codes: Sequence[str] = (),
    terms: Terms | None = None,
) -> Placed:
    """Holds a seat in each course and places one order for all; `pay.open_session` asks for the
    money. Nothing is held when one of them cannot be had.

    Raises NotFound, the refusal of the first course that refuses, naming it, and refusals of
    coupons (`pricing.errors`).
    """
    if not 0 < len(wishes) <= MOST_COURSES:
        message = f"Name 1 to {MOST_COURSES} courses."
        raise ValidationFailed(guidance=Guidance(errors=[FieldError("items", message)]))
    choices = [_choose(person_id, wish) for wish in wishes]
    if len({choice.course.id for choice in choices}) < len(choices):
        raise ValidationFailed(
            guidance=Guidance(errors=[FieldError("items", "Name each course once.")])
        )
    basket = checkout.basket(person_id, choices, codes, terms or Terms())
    try:
        return checkout.place(basket)
    except NotHeld as refused:
        course = refused.claim.choice.course
        if refused.claim.outcome == "already":
            raise _named(AlreadyEnrolled(), course.title) from refused
        raise _named(full.refusal(course, person_id), course.title) from refused


def _choose(person_id: UUID, wish: Wish) -> Choice:
    course = catalog.find_course(wish.course)
    counts = seats.availability(plan.id for plan in course.cohorts)
    person = standings.person_standing(person_id, course)
    check_account(person)
    live = person.standing.live
    if live is not None and live.is_pending:
        raise _named(
            IllegalState("A checkout of this course is open already. Finish or cancel it first."),
            course.title,
        )
    facts = offer.course_facts(course, counts, clock.now())
    try:
        choice = choose(course, wish.cohort_id, facts, person.standing)
    except CourseFull as refused:
        raise _named(full.refusal(course, person_id), course.title) from refused
    except DomainError as error:
        raise _named(error, course.title) from error
    if counts[choice.cohort_id].by_turn:
        raise _named(IllegalState(BY_TURN), course.title)
    return choice


def _named(error: DomainError, title: str) -> DomainError:
    """The refusal with the course it is about."""
    return type(error)(f"{title}: {error.detail}", replace(error.guidance))
