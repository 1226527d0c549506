"""Several courses in one checkout: every seat is held or none, one payment, one invoice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from matricula.catalog import queries as catalog
from matricula.catalog.queries import CoursePlan
from matricula.enrollments import rules, standings
from matricula.enrollments.admission import Clash, Record
from matricula.enrollments.errors import AlreadyEnrolled
from matricula.enrollments.rules import CourseFacts, Standing
from matricula.enrollments.standings import Asking
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
from matricula.kernel.locks import lock_person
from matricula.seats import queries as seats
from matricula.seats.errors import CourseFull

MOST_COURSES = 20
BY_TURN = "Its seats are given in order of arrival. Join the line on its own page, and pay after."


@dataclass(frozen=True)
class Wish:
    """A course (TypeID, UUID or slug) and, if one was picked, its cohort."""

    course: str | UUID
    cohort_id: UUID | None = None


@transaction.atomic
def buy(
    person_id: UUID,
    wishes: Sequence[Wish],
    *,
    codes: Sequence[str] = (),
    terms: Terms | None = None,
) -> Placed:
    """Holds a seat in each course and places one order for all; `pay.open_session` asks for the
    money. Nothing is held when one of them cannot be had. What is bought together counts as had
    together: courses that are taken at the same time, limits of a category, clashes.

    Raises NotFound, the refusal of the first course that refuses, naming it, and refusals of
    coupons (`pricing.errors`).
    """
    if not 0 < len(wishes) <= MOST_COURSES:
        message = f"Name 1 to {MOST_COURSES} courses."
        raise ValidationFailed(guidance=Guidance(errors=[FieldError("items", message)]))
    courses = [catalog.find_course(wish.course) for wish in wishes]
    if len({course.id for course in courses}) < len(courses):
        raise ValidationFailed(
            guidance=Guidance(errors=[FieldError("items", _("Name each course once."))])
        )
    lock_person(person_id)  # two carts of one person would otherwise not see each other
    choices = _choose(person_id, wishes, courses)
    basket = checkout.basket(person_id, choices, codes, terms or Terms())
    try:
        return checkout.place(basket)
    except NotHeld as refused:
        course = refused.claim.choice.course
        if refused.claim.outcome == "already":
            raise _named(AlreadyEnrolled(), course.title) from refused
        raise _named(full.refusal(course, person_id), course.title) from refused


def _choose(person_id: UUID, wishes: Sequence[Wish], courses: Sequence[CoursePlan]) -> list[Choice]:
    """A cohort of each course, in order."""
    counts = seats.availability(plan.id for course in courses for plan in course.cohorts)
    people = standings.read([Asking(person_id, course) for course in courses])
    known = [
        _together(person.standing, course, courses)
        for person, course in zip(people, courses, strict=True)
    ]
    choices = []
    for wish, course, person, standing in zip(wishes, courses, people, known, strict=True):
        check_account(person)
        facts = offer.course_facts(course, counts, clock.now())
        choice = _choose_one(wish, course, facts, standing, person_id)
        if counts[choice.cohort_id].by_turn:
            raise _named(IllegalState(BY_TURN), course.title)
        choices.append(choice)
    return _without_clashes(choices, known)


def _choose_one(
    wish: Wish, course: CoursePlan, facts: CourseFacts, standing: Standing, person_id: UUID
) -> Choice:
    if standing.live is not None and standing.live.is_pending:
        raise _named(
            IllegalState(
                _("A checkout of this course is open already. Finish or cancel it first.")
            ),
            course.title,
        )
    try:
        return choose(course, wish.cohort_id, facts, standing)
    except CourseFull as refused:
        raise _named(full.refusal(course, person_id), course.title) from refused
    except DomainError as error:
        raise _named(error, course.title) from error


def _together(standing: Standing, course: CoursePlan, courses: Sequence[CoursePlan]) -> Standing:
    """The standing as it will be once the other courses of the cart are taken too."""
    others = [other for other in courses if other.id != course.id]
    record = standing.record or Record()
    record = replace(
        record,
        enrolled=record.enrolled | {other.id for other in others},
        in_category=record.in_category + sum(o.category == course.category for o in others),
    )
    return replace(standing, record=record)


def _without_clashes(choices: list[Choice], known: Sequence[Standing]) -> list[Choice]:
    """The choices, with what staff excused. Raises ScheduleConflict when two of them meet at the
    same time."""
    clashes = catalog.clashes_among([choice.cohort_id for choice in choices])
    return [
        _checked(choice, standing, clashes[choice.cohort_id])
        if choice.cohort_id in clashes
        else choice
        for choice, standing in zip(choices, known, strict=True)
    ]


def _checked(
    choice: Choice, standing: Standing, clash: tuple[str, str, datetime, datetime]
) -> Choice:
    """The choice of a cohort that clashes with another of the cart. Raises ScheduleConflict unless
    staff excused it."""
    facts = offer.course_facts(choice.course, {}, clock.now())
    cohort = next(fact for fact in facts.cohorts if fact.id == choice.cohort_id)
    record = replace(standing.record or Record(), clashes={choice.cohort_id: Clash(*clash)})
    clashing = Standing(record=record)
    against = rules.objections_to(cohort, clashing)
    if against:
        raise _named(against[0].error, choice.course.title)
    return replace(choice, overridden=rules.overridden(cohort, clashing))


def _named(error: DomainError, title: str) -> DomainError:
    """The refusal with the course it is about."""
    return type(error)(f"{title}: {error.detail}", replace(error.guidance))
