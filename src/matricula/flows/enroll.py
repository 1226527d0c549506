"""A person enrolls in a course. Start reading Matricula here.

Read what is known, decide, then claim: one call of `enroll_people` (`sql/enroll.sql`) takes the
seat, makes the enrollment, appends the events and remembers the answer, in one transaction. It
decides again what only the database can know for sure: whether a seat is left, and whether this
person already has one. Nothing before it is locked, so everything before it may be a moment old.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import connection
from psycopg.types.json import Jsonb

from matricula.accounts.errors import EmailUnverified
from matricula.catalog import queries as catalog
from matricula.catalog.queries import CoursePlan
from matricula.enrollments import queries as enrollments
from matricula.enrollments import rules
from matricula.enrollments.errors import AlreadyEnrolled, CouponInvalid, CourseNotAvailable
from matricula.enrollments.queries import PersonStanding
from matricula.enrollments.rules import LiveEnrollment, Standing
from matricula.enrollments.states import Stage
from matricula.flows import offer
from matricula.kernel import clock, correlation, idempotency, ids
from matricula.kernel.errors import (
    Action,
    AuthenticationRequired,
    DomainError,
    Guidance,
    IdempotencyInProgress,
    NotFound,
)
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


@dataclass(frozen=True)
class Receipt:
    """What became of an application. `is_new` is False when the enrollment was pending already."""

    enrollment_id: UUID
    course: CoursePlan
    stage: Stage
    hold_expires_at: datetime | None
    is_new: bool


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
    """Enrolls the person in a free course, or says why not. Four queries.

    Raises AlreadyAnswered when the key was used before for the same request, an idempotency error
    when for another; NotFound; a refusal of `enrollments.rules`; CourseFull with alternatives.
    """
    course = _find(application)
    # Seats before standing: a double submit that sees its twin's seat taken then also sees the
    # enrollment it was taken for, and is not told that the course is full.
    counts = seats.availability(plan.id for plan in course.cohorts)
    person = enrollments.person_standing(
        application.person_id,
        course.id,
        [prerequisite.id for prerequisite in course.prerequisites],
        key=keyed.key if keyed else None,
    )
    if keyed is not None and person.remembered is not None:
        raise AlreadyAnswered(idempotency.replayed(person.remembered, keyed.fingerprint))
    _check_account(person)
    if person.standing.live is not None:
        return _existing(course, person.standing.live)
    cohort_id = _decide(application, course, counts, person.standing)

    claim = _claim(application, course, cohort_id, keyed)

    if claim.outcome == "answered" and keyed is not None:
        raise AlreadyAnswered(_first_answer(application.person_id, keyed))
    if claim.outcome == "already":
        return _existing(
            course,
            LiveEnrollment(claim.enrollment_id, cohort_id, Stage(claim.stage), claim.expires_at),
        )
    if claim.outcome != "enrolled":
        raise _full(course, application.person_id)
    return Receipt(claim.enrollment_id, course, Stage(claim.stage), None, is_new=True)


def _find(application: Application) -> CoursePlan:
    if application.cohort_id is not None:
        return catalog.course_of_cohort(application.cohort_id)
    if application.course is not None:
        return catalog.find_course(application.course)
    raise NotFound


def _check_account(person: PersonStanding) -> None:
    if not person.is_active:
        raise AuthenticationRequired
    if settings.ACCOUNT_EMAIL_VERIFICATION == "mandatory" and not person.is_verified:
        raise EmailUnverified


def _existing(course: CoursePlan, live: LiveEnrollment) -> Receipt:
    """A pending enrollment is handed out again; a finished one cannot be made twice."""
    if not live.is_pending:
        raise AlreadyEnrolled(
            guidance=Guidance(
                actions=[Action("Open the course", f"/learn/{course.slug}/")],
                extra={"enrollment_id": ids.to_text("enr", live.id)},
            )
        )
    return Receipt(live.id, course, live.stage, live.hold_expires_at, is_new=False)


def _decide(
    application: Application,
    course: CoursePlan,
    counts: dict[UUID, Availability],
    standing: Standing,
) -> UUID:
    """The cohort to enroll in. Raises the reason when there is none."""
    if application.coupon_code:
        raise CouponInvalid
    facts = offer.course_facts(course, counts, clock.now())
    if application.cohort_id is None:
        cohort = rules.choose_cohort(facts.cohorts)
    else:
        cohort = next(fact for fact in facts.cohorts if fact.id == application.cohort_id)
    refusal = rules.refusal(facts, cohort, standing)
    if isinstance(refusal, CourseFull):
        raise _full(course, application.person_id)
    if refusal is not None:
        raise refusal
    if cohort is None:
        raise CourseNotAvailable
    return cohort.id


@dataclass(frozen=True)
class _Claim:
    outcome: str
    enrollment_id: UUID
    stage: str
    expires_at: datetime | None


def _claim(
    application: Application, course: CoursePlan, cohort_id: UUID, keyed: Keyed | None
) -> _Claim:
    """One call of the claim function: a batch of one."""
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
                [cohort_id],
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


def _full(course: CoursePlan, person_id: UUID) -> DomainError:
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
