"""A person enrolls in a course. Start reading Matricula here.

Read what is known, decide, then claim: one call of `enroll_people` (`sql/enroll.sql`) takes the
seat, makes the enrollment, appends the events and remembers the answer, in one transaction. It
decides again what only the database can know for sure: whether a seat is left, and whether this
person already has one. Nothing before it is locked, so everything before it may be a moment old.

All of it works for many requests at once, one being the ordinary case: `desk.py` folds those that
arrive together into one call.

A course that costs something is priced (`flows/quote.py`), its seat held and its order written
(`flows/checkout.py`); then its money is asked for (`flows/pay.py`) and settled (`flows/settle.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar, cast
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from matricula.catalog import shelf
from matricula.catalog.queries import CoursePlan
from matricula.enrollments import rules, standings
from matricula.enrollments.errors import (
    AlreadyEnrolled,
    CourseNotAvailable,
    RegistrationClosed,
    RegistrationNotOpen,
)
from matricula.enrollments.rules import CourseFacts, LiveEnrollment, Standing
from matricula.enrollments.standings import Asking, PersonStanding
from matricula.enrollments.states import Stage
from matricula.flows import admit, checkout, claims, full, offer, overrides
from matricula.flows.applications import (
    AlreadyAnswered,
    Application,
    Keyed,
    Outcome,
    Receipt,
    Request,
    Unfinished,
    remembered,
)
from matricula.flows.claims import Choice, Claim, Wish
from matricula.flows.eligibility import account_refusal
from matricula.flows.full import Full
from matricula.kernel import clock, idempotency, ids
from matricula.kernel.errors import (
    Action,
    DomainError,
    Guidance,
    IdempotencyInProgress,
    IllegalState,
    NotFound,
)
from matricula.kernel.locks import lock_person
from matricula.orders import queries as orders
from matricula.seats import queries as seats
from matricula.seats.errors import CourseFull
from matricula.seats.queries import Availability
from matricula.waitingroom import queries as waitingroom

__all__ = ["AlreadyAnswered", "Application", "Keyed", "Receipt"]  # what goes in and comes out
T = TypeVar("T")


def enroll(application: Application, keyed: Keyed | None = None) -> Receipt:
    """Enrolls the person, or holds a seat to be paid for, or says why not. Four queries when free,
    and one more when the course was changed or is new to this process.

    Raises AlreadyAnswered when the key was used before for the same request, an idempotency error
    when for another; NotFound; a refusal of `enrollments.rules`; CourseFull with alternatives; a
    refusal of the coupon (`pricing.errors`).
    """
    request = Request(application, keyed)
    (outcome,) = enroll_many([request])
    return finished(request, outcome)


def finished(request: Request, outcome: Outcome) -> Receipt:
    """The receipt of an outcome, the rest of the way gone. Raises as `enroll`."""
    try:
        return _gone_through(outcome)
    except DomainError as refusal:
        if outcome is refusal:  # and remembered, if it is of that kind
            raise
        (stands,) = remembered([request], [refusal])
        raise stands from refusal  # type: ignore[misc]  # a refusal, or the key's first answer


def _gone_through(outcome: Outcome) -> Receipt:
    if isinstance(outcome, Unfinished):
        return outcome.finish()
    if isinstance(outcome, Receipt):
        return outcome
    raise outcome


def enroll_many(requests: Sequence[Request]) -> Sequence[Outcome]:
    """What becomes of each request, in order, in as many queries as for one; first come, first
    served. A person may stand in it once: what their second request deserves depends on the first.
    """
    outcomes: dict[int, Full | Outcome] = {}
    seats_: dict[int, tuple[Request, Choice]] = {}
    turns: dict[int, tuple[Request, Choice]] = {}
    for place, decision in enumerate(_decisions(requests)):
        if isinstance(decision, _Turn):
            turns[place] = (requests[place], decision.choice)
        elif isinstance(decision, Choice):
            seats_[place] = (requests[place], decision)
        else:
            outcomes[place] = decision
    outcomes |= _claim(seats_) | _queue(turns)
    people = [request.application.person_id for request in requests]
    in_order: list[Outcome | Full] = [outcomes[place] for place in range(len(requests))]
    return remembered(requests, full.with_ways_on(people, in_order))


@dataclass(frozen=True)
class _Turn:
    """The cohort's seats are given in order of arrival: a ticket is taken, not a seat."""

    choice: Choice


def _decisions(requests: Sequence[Request]) -> list[Choice | _Turn | Full | Outcome]:
    """What the rules say of each."""
    courses = _courses(requests)
    known = {course.id: course for course in courses if course is not None}
    # Seats before standing: a double submit that sees its twin's seat taken then also sees the
    # enrollment it was taken for, and is not told that the course is full.
    counts = seats.availability(plan.id for course in known.values() for plan in course.cohorts)
    people = iter(
        standings.read(
            [
                Asking(request.application.person_id, course, request.key)
                for request, course in zip(requests, courses, strict=True)
                if course is not None
            ]
        )
    )
    at = clock.now()
    facts = {course.id: offer.course_facts(course, counts, at) for course in known.values()}
    return [
        _kept(course, partial(_decide, request, course, facts[course.id], next(people), counts))
        if course is not None
        else _not_found(request.application)
        for request, course in zip(requests, courses, strict=True)
    ]


def _courses(requests: Sequence[Request]) -> list[CoursePlan | None]:
    applications = [request.application for request in requests]
    cohorts = [a.cohort_id for a in applications if a.cohort_id is not None]
    names = [a.course for a in applications if a.cohort_id is None and a.course is not None]
    found = shelf.find(names, cohorts)
    return [
        found.by_cohort.get(a.cohort_id)
        if a.cohort_id is not None
        else found.by_name.get(a.course or "")
        for a in applications
    ]


def _not_found(application: Application) -> NotFound:
    if application.cohort_id is not None:
        return NotFound(_("There is no such cohort."))
    return NotFound(_("There is no such course."))


def _decide(
    request: Request,
    course: CoursePlan,
    facts: CourseFacts,
    person: PersonStanding,
    counts: Mapping[UUID, Availability],
) -> Choice | _Turn | Receipt | Unfinished:
    application, live = request.application, person.standing.live
    if live is not None and live.id == request.enrollment_id:
        return _new(request, course, live.stage)  # served before; its outcome was lost on the way
    if request.keyed is not None and person.remembered is not None:
        raise AlreadyAnswered(idempotency.replayed(person.remembered, request.keyed.fingerprint))
    check_account(person)
    if live is not None:
        return _of_live(request, course, live)
    choice = choose(course, application.cohort_id, facts, person.standing)
    if counts[choice.cohort_id].by_turn:
        if application.coupon_code:
            return Unfinished(partial(_queue_with_coupon, request, choice))
        return _Turn(choice)
    if not request.is_alone and (course.looks_at_others or choice.overridden):
        return Unfinished(partial(_alone, request, course, facts, counts))
    is_free = not (application.coupon_code or facts.is_paid)
    return choice if is_free else Unfinished(partial(_buy, request, choice))


@transaction.atomic
def _alone(
    request: Request,
    course: CoursePlan,
    facts: CourseFacts,
    counts: Mapping[UUID, Availability],
) -> Receipt:
    """Decided once more, under the person's lock: two requests of theirs at once, for courses that
    clash, would otherwise not see each other. What staff excused is noted beside it."""
    person_id = request.application.person_id
    request = replace(request, is_alone=True)
    lock_person(person_id)
    (person,) = standings.read([Asking(person_id, course, request.key)])
    decision = _decide(request, course, facts, person, counts)
    if not isinstance(decision, Choice):
        return _gone_through(cast("Outcome", decision))
    claimed = list(_claim({0: (request, decision)}).values())
    (outcome,) = full.with_ways_on([person_id], claimed)
    receipt = _gone_through(cast("Outcome", outcome))
    if receipt.is_new:
        overrides.note_use(person_id, [(receipt.enrollment_id, decision)])
    return receipt


def _kept(course: CoursePlan, decide: Callable[[], T]) -> T | Full | DomainError | AlreadyAnswered:
    """What `decide` returns, or the refusal it raises: it concerns one request, and stops none."""
    try:
        return decide()
    except CourseFull:
        return Full(course)
    except (DomainError, AlreadyAnswered) as refusal:
        return refusal


def check_account(person: PersonStanding) -> None:
    """Raises AuthenticationRequired for a closed account, and EmailUnverified."""
    refusal = account_refusal(person)
    if refusal is not None:
        raise refusal


def choose(
    course: CoursePlan, cohort_id: UUID | None, facts: CourseFacts, standing: Standing
) -> Choice:
    """The cohort to enroll in: the one asked for, or the next open one. Raises the reason when this
    person cannot."""
    if cohort_id is None:
        cohort = rules.choose_cohort(facts.cohorts, standing)
    else:
        cohort = next((fact for fact in facts.cohorts if fact.id == cohort_id), None)
    refusal = rules.refusal(facts, cohort, standing)
    if refusal is not None:
        raise refusal
    if cohort is None:
        raise CourseNotAvailable
    return Choice(course, cohort.id, rules.overridden(cohort, standing))


def _claim(chosen: Mapping[int, tuple[Request, Choice]]) -> dict[int, Full | Outcome]:
    """Free seats, sold at once: one call for all."""
    if not chosen:
        return {}
    found = claims.claim([_wish(request, choice) for request, choice in chosen.values()])
    return {
        place: _kept(claim.choice.course, partial(_outcome, request, claim))
        for (place, (request, _)), claim in zip(chosen.items(), found, strict=True)
    }


def _wish(request: Request, choice: Choice) -> Wish:
    keyed = request.keyed
    return Wish(
        person_id=request.application.person_id,
        choice=choice,
        enrollment_id=request.enrollment_id,
        metadata=request.application.metadata,
        correlation_id=request.correlation_id,
        key=request.key,
        fingerprint=keyed.fingerprint if keyed else None,
        body=keyed.write(_new(request, choice.course)) if keyed else None,
    )


def _outcome(request: Request, claim: Claim) -> Receipt | Unfinished:
    course = claim.choice.course
    if claim.outcome == "enrolled" or claim.enrollment_id == request.enrollment_id:
        return _new(request, course)
    if claim.outcome == "answered" and request.keyed is not None:
        raise AlreadyAnswered(_first_answer(request.application.person_id, request.keyed))
    if claim.outcome == "already":
        live = LiveEnrollment(
            claim.enrollment_id, claim.choice.cohort_id, claim.stage, claim.hold_expires_at
        )
        return _of_live(request, course, live)
    raise CourseFull


def _new(request: Request, course: CoursePlan, stage: Stage = Stage.CONFIRMED) -> Receipt:
    return Receipt(request.enrollment_id, course, stage, None, is_new=True)


def _first_answer(person_id: UUID, keyed: Keyed) -> idempotency.Answer:
    answer = idempotency.recall(person_id, keyed.key, keyed.fingerprint)
    if answer is None:  # forgotten in the instant between: 24 hours are over
        raise IdempotencyInProgress(guidance=Guidance(retry_after=1))
    return answer


def _of_live(request: Request, course: CoursePlan, live: LiveEnrollment) -> Unfinished:
    """A pending enrollment is handed out again; a finished one cannot be made twice."""
    if not live.is_pending:
        if request.key is not None:
            return Unfinished(partial(_after_turn, request.key, course, live))
        raise _already(course, live)
    if live.stage is Stage.VALIDATED:
        return Unfinished(partial(_complete, request.application, course, live))
    return Unfinished(partial(_again, course, live, request.application.coupon_code))


def _after_turn(key: str, course: CoursePlan, live: LiveEnrollment) -> Receipt:
    """A place in line is no answer to keep: asked again with the same key after the turn, this is
    what came of it."""
    if waitingroom.was_asked_with(live.id, key):
        return Receipt(live.id, course, live.stage, None, is_new=False)
    raise _already(course, live)


def _already(course: CoursePlan, live: LiveEnrollment) -> AlreadyEnrolled:
    return AlreadyEnrolled(
        guidance=Guidance(
            actions=[Action(_("Open the course"), f"/learn/{course.slug}/")],
            extra={"enrollment_id": ids.to_text("enr", live.id)},
        )
    )


def _again(course: CoursePlan, live: LiveEnrollment, coupon_code: str | None) -> Receipt:
    """Its price was frozen when it was placed: another coupon is for another checkout."""
    order = orders.of_enrollment(live.id)
    if coupon_code and order is not None and coupon_code.upper() not in order.coupon_codes:
        raise IllegalState(
            _(
                "A checkout of this course is open already, without this coupon. Cancel it, then "
                "begin again with the coupon."
            )
        )
    order_id = order.id if order is not None else None
    return Receipt(live.id, course, live.stage, live.hold_expires_at, False, order_id)


def _complete(application: Application, course: CoursePlan, live: LiveEnrollment) -> Receipt:
    """A seat that is held already, come by in line: its order is placed."""
    basket = _basket(application, Choice(course, live.cohort_id))
    placed = checkout.place(basket, held={live.cohort_id: live.id})
    return _receipt(course, placed, is_new=False)


def _queue(waiting: Mapping[int, tuple[Request, Choice]]) -> dict[int, Full | Outcome]:
    """Tickets of the waiting room: the seat is claimed when its turn comes (`flows/admit.py`), and
    paid for after that."""
    if not waiting:
        return {}
    tickets = admit.queue([_ticket_wish(request, choice) for request, choice in waiting.values()])
    return {
        place: _kept(choice.course, partial(_ticket, request, choice, ticket))
        for (place, (request, choice)), ticket in zip(waiting.items(), tickets, strict=True)
    }


def _queue_with_coupon(request: Request, choice: Choice) -> Receipt:
    """A coupon that cannot be used is told before the wait, not after it."""
    _basket(request.application, choice)
    (outcome,) = _queue({0: (request, choice)}).values()
    if isinstance(outcome, Full):
        raise full.refusal(choice.course, request.application.person_id)
    return _gone_through(outcome)


def _ticket_wish(request: Request, choice: Choice) -> admit.Request:
    return admit.Request(
        person_id=request.application.person_id,
        course_id=choice.course.id,
        cohort_id=choice.cohort_id,
        metadata=request.application.metadata,
        key=request.key,
        correlation_id=request.correlation_id,
        enrollment_id=request.enrollment_id,
    )


def _ticket(request: Request, choice: Choice, ticket: admit.Queued) -> Receipt | Unfinished:
    match ticket.outcome:
        case "queued":
            return _new(request, choice.course, Stage.REQUESTED)
        case "already":
            live = LiveEnrollment(
                ticket.enrollment_id, choice.cohort_id, ticket.stage, ticket.hold_expires_at
            )
            return _of_live(request, choice.course, live)
        case "not_open":  # by the database's clock, which decides for everybody
            raise RegistrationNotOpen
        case "over":
            raise RegistrationClosed
        case _:
            raise CourseNotAvailable


def _buy(request: Request, choice: Choice) -> Receipt:
    """A seat held, to be paid for; or sold, when a coupon pays for all of it."""
    basket = _basket(request.application, choice, request.key)
    try:
        placed = checkout.place(basket)
    except checkout.NotHeld as refused:
        try:
            return _gone_through(_outcome(request, refused.claim))
        except CourseFull:
            raise full.refusal(choice.course, basket.person_id) from refused
    return _receipt(choice.course, placed, is_new=True)


def _basket(application: Application, choice: Choice, key: str | None = None) -> checkout.Basket:
    codes = [application.coupon_code] if application.coupon_code else []
    return checkout.basket(
        application.person_id,
        [choice],
        codes,
        application.terms,
        key=key,
        metadata=application.metadata,
    )


def _receipt(course: CoursePlan, placed: checkout.Placed, *, is_new: bool) -> Receipt:
    (claim,) = placed.claims
    stage = Stage.CONFIRMED if placed.payment_id is None else Stage.PAYMENT_PENDING
    expires_at = claim.hold_expires_at if placed.payment_id is not None else None
    return Receipt(claim.enrollment_id, course, stage, expires_at, is_new, placed.order_id)
