"""A person enrolls in a course. Start reading Matricula here.

Read what is known, decide, then claim: one call of `enroll_people` (`sql/enroll.sql`) takes the
seat, makes the enrollment, appends the events and remembers the answer, in one transaction. It
decides again what only the database can know for sure: whether a seat is left, and whether this
person already has one. Nothing before it is locked, so everything before it may be a moment old.

A course that costs something is priced (`flows/quote.py`), its seat held and its order written
(`flows/checkout.py`); then its money is asked for (`flows/pay.py`) and settled (`flows/settle.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from django.db import connection
from psycopg.types.json import Jsonb

from matricula.catalog import queries as catalog
from matricula.catalog.queries import CoursePlan
from matricula.enrollments import rules, standings
from matricula.enrollments.errors import (
    AlreadyEnrolled,
    CourseNotAvailable,
    RegistrationClosed,
    RegistrationNotOpen,
)
from matricula.enrollments.rules import LiveEnrollment, Standing
from matricula.enrollments.standings import PersonStanding
from matricula.enrollments.states import Stage
from matricula.flows import admit, checkout, offer
from matricula.flows.checkout import Choice
from matricula.flows.eligibility import account_refusal
from matricula.kernel import clock, correlation, idempotency, ids
from matricula.kernel.errors import (
    Action,
    DomainError,
    Guidance,
    IdempotencyInProgress,
    IllegalState,
    NotFound,
)
from matricula.orders import queries as orders
from matricula.seats import queries as seats
from matricula.seats.errors import CourseFull
from matricula.seats.queries import Availability


@dataclass(frozen=True)
class Application:
    """What a person asks for: a course (its next open cohort is taken) or one cohort of it."""

    person_id: UUID
    course: str | UUID | None = None
    cohort_id: UUID | None = None
    coupon_code: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    terms: checkout.Terms = field(default_factory=checkout.Terms)


@dataclass(frozen=True)
class Receipt:
    """What became of an application. `is_new` is False when the enrollment was pending already.
    `order_id` is there when it costs something: `pay.open_session` asks for the money."""

    enrollment_id: UUID
    course: CoursePlan
    stage: Stage
    hold_expires_at: datetime | None
    is_new: bool
    order_id: UUID | None = None


@dataclass(frozen=True)
class Keyed:
    """An application sent with an Idempotency-Key. `write` makes the answer to be remembered."""

    key: str
    fingerprint: str
    write: Callable[[Receipt], str]


class AlreadyAnswered(Exception):
    """The key's first answer, to be given again."""

    def __init__(self, answer: idempotency.Answer) -> None:
        self.answer = answer
        super().__init__()


def enroll(application: Application, keyed: Keyed | None = None) -> Receipt:
    """Enrolls the person, or holds a seat to be paid for, or says why not. Four queries when free.

    Raises AlreadyAnswered when the key was used before for the same request, an idempotency error
    when for another; NotFound; a refusal of `enrollments.rules`; CourseFull with alternatives; a
    refusal of the coupon (`pricing.errors`).
    """
    course = _find(application)
    # Seats before standing: a double submit that sees its twin's seat taken then also sees the
    # enrollment it was taken for, and is not told that the course is full.
    counts = seats.availability(plan.id for plan in course.cohorts)
    person = standings.person_standing(
        application.person_id, course, key=keyed.key if keyed else None
    )
    if keyed is not None and person.remembered is not None:
        raise AlreadyAnswered(idempotency.replayed(person.remembered, keyed.fingerprint))
    check_account(person)
    if person.standing.live is not None:
        return _existing(application, course, person.standing.live)
    choice = choose(course, application.cohort_id, counts, person.standing, application.person_id)
    if counts[choice.cohort_id].by_turn:
        return _queue(application, choice)
    if application.coupon_code or offer.is_paid(course, clock.now()):
        return _buy(application, choice, keyed)
    return _take(application, choice, keyed)


def _take(application: Application, choice: Choice, keyed: Keyed | None) -> Receipt:
    """A free seat, sold at once."""
    course = choice.course
    claim = _claim(application, choice, keyed)

    if claim.outcome == "answered" and keyed is not None:
        raise AlreadyAnswered(_first_answer(application.person_id, keyed))
    if claim.outcome == "already":
        live = LiveEnrollment(
            claim.enrollment_id, choice.cohort_id, Stage(claim.stage), claim.expires_at
        )
        return _existing(replace(application, coupon_code=None), course, live)
    if claim.outcome != "enrolled":
        raise full(course, application.person_id)
    return Receipt(claim.enrollment_id, course, Stage(claim.stage), None, is_new=True)


def _queue(application: Application, choice: Choice) -> Receipt:
    """A ticket of the waiting room: the seat is claimed when its turn comes (`flows/admit.py`), and
    paid for after that."""
    if application.coupon_code:  # one that cannot be used is told before the wait, not after it
        checkout.basket(
            application.person_id, [choice], [application.coupon_code], application.terms
        )
    course = choice.course
    (ticket,) = admit.queue(
        [admit.Request(application.person_id, course.id, choice.cohort_id, application.metadata)]
    )
    match ticket.outcome:
        case "queued":
            return Receipt(ticket.enrollment_id, course, Stage.REQUESTED, None, is_new=True)
        case "already":
            live = LiveEnrollment(
                ticket.enrollment_id, choice.cohort_id, ticket.stage, ticket.hold_expires_at
            )
            return _existing(application, course, live)
        case "not_open":  # by the database's clock, which decides for everybody
            raise RegistrationNotOpen
        case "over":
            raise RegistrationClosed
        case _:
            raise CourseNotAvailable


def _buy(application: Application, choice: Choice, keyed: Keyed | None) -> Receipt:
    """A seat held, to be paid for; or sold, when a coupon pays for all of it."""
    codes = [application.coupon_code] if application.coupon_code else []
    basket = checkout.basket(
        application.person_id,
        [choice],
        codes,
        application.terms,
        key=keyed.key if keyed else None,
        metadata=application.metadata,
    )
    try:
        placed = checkout.place(basket)
    except checkout.NotHeld as refused:
        claim = refused.claim
        if claim.outcome == "answered" and keyed is not None:
            raise AlreadyAnswered(_first_answer(application.person_id, keyed)) from refused
        if claim.outcome != "already":
            raise full(choice.course, application.person_id) from refused
        live = LiveEnrollment(
            claim.enrollment_id, choice.cohort_id, claim.stage, claim.hold_expires_at
        )
        return _existing(application, choice.course, live)
    return _receipt(choice.course, placed, is_new=True)


def _receipt(course: CoursePlan, placed: checkout.Placed, *, is_new: bool) -> Receipt:
    (claim,) = placed.claims
    stage = Stage.CONFIRMED if placed.payment_id is None else Stage.PAYMENT_PENDING
    expires_at = claim.hold_expires_at if placed.payment_id is not None else None
    return Receipt(claim.enrollment_id, course, stage, expires_at, is_new, placed.order_id)


def _find(application: Application) -> CoursePlan:
    if application.cohort_id is not None:
        return catalog.course_of_cohort(application.cohort_id)
    if application.course is not None:
        return catalog.find_course(application.course)
    raise NotFound


def check_account(person: PersonStanding) -> None:
    """Raises AuthenticationRequired for a closed account, and EmailUnverified."""
    refusal = account_refusal(person)
    if refusal is not None:
        raise refusal


def _existing(application: Application, course: CoursePlan, live: LiveEnrollment) -> Receipt:
    """A pending enrollment is handed out again; a finished one cannot be made twice. Its price was
    frozen when it was placed: another coupon is for another checkout."""
    coupon_code = application.coupon_code
    if not live.is_pending:
        raise AlreadyEnrolled(
            guidance=Guidance(
                actions=[Action("Open the course", f"/learn/{course.slug}/")],
                extra={"enrollment_id": ids.to_text("enr", live.id)},
            )
        )
    if live.stage is Stage.VALIDATED:
        return _complete(application, course, live)
    order = orders.of_enrollment(live.id)
    if coupon_code and order is not None and coupon_code.upper() not in order.coupon_codes:
        raise IllegalState(
            "A checkout of this course is open already, without this coupon. Cancel it, then begin "
            "again with the coupon."
        )
    return Receipt(
        live.id,
        course,
        live.stage,
        live.hold_expires_at,
        is_new=False,
        order_id=order.id if order is not None else None,
    )


def _complete(application: Application, course: CoursePlan, live: LiveEnrollment) -> Receipt:
    """A seat that is held already, come by in line: its order is placed."""
    codes = [application.coupon_code] if application.coupon_code else []
    basket = checkout.basket(
        application.person_id, [Choice(course, live.cohort_id)], codes, application.terms
    )
    placed = checkout.place(basket, held={live.cohort_id: live.id})
    return _receipt(course, placed, is_new=False)


def choose(
    course: CoursePlan,
    cohort_id: UUID | None,
    counts: dict[UUID, Availability],
    standing: Standing,
    person_id: UUID,
) -> Choice:
    """The cohort to enroll in: the one asked for, or the next open one. Raises the reason when this
    person cannot."""
    facts = offer.course_facts(course, counts, clock.now())
    if cohort_id is None:
        cohort = rules.choose_cohort(facts.cohorts, standing)
    else:
        cohort = next(fact for fact in facts.cohorts if fact.id == cohort_id)
    refusal = rules.refusal(facts, cohort, standing)
    if isinstance(refusal, CourseFull):
        raise full(course, person_id)
    if refusal is not None:
        raise refusal
    if cohort is None:
        raise CourseNotAvailable
    return Choice(course, cohort.id)


@dataclass(frozen=True)
class _Claim:
    outcome: str
    enrollment_id: UUID
    stage: str
    expires_at: datetime | None


def _claim(application: Application, choice: Choice, keyed: Keyed | None) -> _Claim:
    """One call of the claim function: a batch of one."""
    course = choice.course
    enrollment_id = ids.new_id()
    receipt = Receipt(enrollment_id, course, Stage.CONFIRMED, None, is_new=True)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT outcome, enrollment_id, stage, hold_expires_at FROM enroll_people("
            "%s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::int[], %s::int[], %s::jsonb[],"
            " %s::text[], %s::text[], %s::text[], %s::text[])",
            [
                [application.person_id],
                [course.id],
                [choice.cohort_id],
                [enrollment_id],
                [None],
                [course.access_days],
                [Jsonb(dict(application.metadata))],
                [correlation.current()],
                [keyed.key if keyed else None],
                [keyed.fingerprint if keyed else None],
                [keyed.write(receipt) if keyed else None],
            ],
        )
        return _Claim(*cursor.fetchone())


def _first_answer(person_id: UUID, keyed: Keyed) -> idempotency.Answer:
    answer = idempotency.recall(person_id, keyed.key, keyed.fingerprint)
    if answer is None:  # forgotten in the instant between: 24 hours are over
        raise IdempotencyInProgress(guidance=Guidance(retry_after=1))
    return answer


def full(course: CoursePlan, person_id: UUID) -> DomainError:
    """Full, with what could be taken instead."""
    others = [
        {
            "id": ids.to_text("crs", other.course.id),
            "slug": other.course.slug,
            "title": other.course.title,
            "url": f"/courses/{other.course.slug}/",
        }
        for other in offer.alternatives(course, person_id)
    ]
    return CourseFull(guidance=Guidance(alternatives=others))
