"""What a course offers to one visitor at one moment: seats, price, and what the button says.

Catalog, seats and enrollments put together for reading. Pages and API show the same value.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.conf import settings

from matricula.catalog import queries as catalog
from matricula.catalog import registration, shelf
from matricula.catalog.models import CourseStatus
from matricula.catalog.queries import CohortPlan, CoursePlan, Prerequisite
from matricula.catalog.rules import Window
from matricula.enrollments import rules, standings
from matricula.enrollments.admission import NOTHING_KNOWN, Demands, Objection, missing
from matricula.enrollments.errors import (
    CourseNotAvailable,
    PaymentRequired,
    RegistrationClosed,
    RegistrationNotOpen,
)
from matricula.enrollments.rules import CohortFacts, CourseFacts, LiveEnrollment, Standing
from matricula.enrollments.standings import Asking
from matricula.kernel import clock
from matricula.kernel.days import day_at
from matricula.kernel.errors import DomainError
from matricula.payments import gateways
from matricula.seats import queries as seats
from matricula.seats.errors import CourseFull
from matricula.seats.queries import NO_SEATS, Availability
from matricula.waitlist import queries as waitlists
from matricula.waitlist.queries import ListState

CANDIDATES = 12
MOST_CANDIDATES = 60


class ButtonState(StrEnum):
    """What the enroll control can say."""

    AVAILABLE = "available"
    LOGIN_REQUIRED = "login_required"
    REGISTRATION_CLOSED = "registration_closed"
    COURSE_FULL = "course_full"
    ALREADY_ENROLLED = "already_enrolled"
    NOT_AVAILABLE = "not_available"


@dataclass(frozen=True)
class CohortOffer:
    """A cohort with its seats, and the rules about the visitor that stand against them in it."""

    plan: CohortPlan
    seats: Availability
    window: Window
    objections: tuple[Objection, ...] = ()

    @property
    def deadline(self) -> datetime | None:
        """When registration ends; None when it never does."""
        return registration.deadline(self.plan)


@dataclass(frozen=True)
class CourseOffer:
    """A course as one visitor sees it. `refusal` says why they cannot enroll, if they cannot;
    `objections` are all the rules about the person that stand against them in the chosen cohort.
    `to_guests` is what the button says to a guest at the same moment. `waitlist` is that cohort's
    list, if it has one; `waits_in` the visitor's open place in a list of the course. Both are read
    for the course by itself and for lists of courses, not for the alternatives to one.
    """

    course: CoursePlan
    cohorts: tuple[CohortOffer, ...]
    chosen: CohortOffer | None
    live: LiveEnrollment | None
    missing: tuple[tuple[UUID, str], ...]
    missing_together: tuple[tuple[UUID, str], ...]
    objections: tuple[Objection, ...]
    refusal: DomainError | None
    to_guests: ButtonState
    signed_in: bool
    at: datetime
    waitlist: ListState | None = None
    waits_in: UUID | None = None

    @property
    def can_wait(self) -> bool:
        """Whether the chosen cohort is full, and its list takes one more."""
        if self.waitlist is None or self.waitlist.entry_id is not None:
            return False
        return self.waitlist.has_room and isinstance(self.refusal, CourseFull)

    @property
    def button(self) -> ButtonState:
        """The first state that applies, what is true of everybody before signing in."""
        if self.live is not None:
            pending = self.live.is_pending
            return ButtonState.AVAILABLE if pending else ButtonState.ALREADY_ENROLLED
        barred = _barred(self.refusal)
        if barred is not None:
            return barred
        if not self.signed_in:
            return ButtonState.LOGIN_REQUIRED
        return ButtonState.AVAILABLE if self.refusal is None else ButtonState.NOT_AVAILABLE

    @property
    def takes_tickets(self) -> bool:
        """Whether enrolling means joining the line of the waiting room."""
        return self.live is None and self.chosen is not None and self.chosen.seats.by_turn

    @property
    def can_enroll(self) -> bool:
        return self.button is ButtonState.AVAILABLE

    @property
    def is_open(self) -> bool:
        """Whether this visitor could begin to enroll, after signing in if need be."""
        fitting = {ButtonState.AVAILABLE, ButtonState.LOGIN_REQUIRED}
        return self.live is None and self.button in fitting


def _barred(refusal: DomainError | None) -> ButtonState | None:
    """The state that a refusal leads to where signing in would not help."""
    if isinstance(refusal, RegistrationClosed | RegistrationNotOpen):
        return ButtonState.REGISTRATION_CLOSED
    if isinstance(refusal, CourseFull):
        return ButtonState.COURSE_FULL
    if isinstance(refusal, CourseNotAvailable | PaymentRequired):
        return ButtonState.NOT_AVAILABLE
    return None


def find_offer(reference: str | UUID, person_id: UUID | None) -> CourseOffer:
    """The offer of one course (TypeID, UUID or slug). Raises NotFound."""
    return offer_of(catalog.find_course(reference), person_id)


def offer_of(
    course: CoursePlan,
    person_id: UUID | None,
    *,
    apart_from: Collection[UUID] = (),
    cohort_id: UUID | None = None,
) -> CourseOffer:
    """The offer of a course already read, in its next open cohort or in this one: two more queries,
    one for a guest; and one for its waitlists if it has any. Enrollments in `apart_from` are taken
    not to be there."""
    at = clock.now()
    counts = seats.availability(plan.id for plan in course.cohorts)
    standing = rules.GUEST
    if person_id is not None:
        (found,) = standings.read([Asking(person_id, course)], apart_from=apart_from)
        standing = found.standing
    lists = _lists([course], person_id, counts)
    return _compose(
        course,
        counts,
        standing,
        lists,
        signed_in=person_id is not None,
        at=at,
        cohort_id=cohort_id,
    )


def offers_of(courses: Sequence[CoursePlan], person_id: UUID | None) -> list[CourseOffer]:
    """The offers of many courses, with as many queries as for one."""
    counts = _seats_of(courses)
    lists = _lists(courses, person_id, counts)
    return _offers_to([person_id], courses, counts, lists)[person_id]


def offers_again(known: Sequence[CourseOffer], person_id: UUID) -> list[CourseOffer]:
    """What guests are offered, offered to somebody: one query, since seats were read already."""
    courses = [offer.course for offer in known]
    counts = {cohort.plan.id: cohort.seats for offer in known for cohort in offer.cohorts}
    return _offers_to([person_id], courses, counts)[person_id]


def alternatives(course: CoursePlan, person_id: UUID | None, limit: int = 2) -> list[CourseOffer]:
    """Other courses with a free seat that this person could take instead, the nearest first.

    Looks at a bounded number of courses, so that a failure page stays cheap.
    """
    return alternatives_of_many(course, [person_id], limit)[person_id]


def alternatives_of_many(
    course: CoursePlan, person_ids: Sequence[UUID | None], limit: int = 2
) -> dict[UUID | None, list[CourseOffer]]:
    """`alternatives` of each of these people, who are asked about only what anybody could take."""
    found: dict[UUID | None, list[CourseOffer]] = {person_id: [] for person_id in person_ids}
    lacking = list(found)
    for start in range(0, MOST_CANDIDATES, CANDIDATES):
        candidates = shelf.similar_courses(course, CANDIDATES, start)
        counts = _seats_of(candidates)
        to_anybody = _offers_to([None], candidates, counts)[None]
        open_ = [offer for offer in to_anybody if offer.is_open]
        while open_ and lacking:
            step = max(limit, CANDIDATES // len(lacking))
            nearest, open_ = open_[:step], open_[step:]
            for person_id, offers in _open_to(lacking, nearest, counts).items():
                found[person_id] += offers
            lacking = [person_id for person_id in lacking if len(found[person_id]) < limit]
        if not lacking or len(candidates) < CANDIDATES:
            break
    return {person_id: offers[:limit] for person_id, offers in found.items()}


def considered(course: CoursePlan, found: Collection[UUID], limit: int = 2) -> list[CoursePlan]:
    """The courses that `alternatives` had looked at when it had found these."""
    looked_at: list[CoursePlan] = []
    missing_ones = set(found)
    for start in range(0, MOST_CANDIDATES, CANDIDATES):
        candidates = shelf.similar_courses(course, CANDIDATES, start)
        for candidate in candidates:
            if len(found) == limit and not missing_ones:
                return looked_at
            looked_at.append(candidate)
            missing_ones.discard(candidate.id)
        if len(candidates) < CANDIDATES:
            break
    return looked_at


def _open_to(
    person_ids: Sequence[UUID | None],
    offers: Sequence[CourseOffer],
    counts: dict[UUID, Availability],
) -> dict[UUID | None, list[CourseOffer]]:
    """Which of these offers, each open to anybody, are open to each of these people: one query.
    Nothing but an enrollment stands between a person and a course without rules."""
    courses = [offer.course for offer in offers]
    if any(course.has_rules for course in courses):
        to_each = _offers_to(person_ids, courses, counts)
        return {
            id_: [offer for offer in theirs if offer.is_open] for id_, theirs in to_each.items()
        }
    known = [person_id for person_id in person_ids if person_id is not None]
    taken = standings.live_in(known, [course.id for course in courses])
    signed_in = [replace(offer, signed_in=True) for offer in offers]
    return {
        person_id: [
            offer
            for offer in (offers if person_id is None else signed_in)
            if (person_id, offer.course.id) not in taken
        ]
        for person_id in person_ids
    }


def _seats_of(courses: Sequence[CoursePlan]) -> dict[UUID, Availability]:
    return seats.availability(plan.id for course in courses for plan in course.cohorts)


def _offers_to(
    person_ids: Sequence[UUID | None],
    courses: Sequence[CoursePlan],
    counts: dict[UUID, Availability],
    lists: Mapping[UUID, ListState] | None = None,
) -> dict[UUID | None, list[CourseOffer]]:
    """The offers of each course to each person: one query, none for guests."""
    at = clock.now()
    known = [person_id for person_id in person_ids if person_id is not None]
    askings = [Asking(person_id, course) for person_id in known for course in courses]
    found = iter(standings.read(askings) if askings else ())
    return {
        person_id: [
            _compose(
                course,
                counts,
                next(found).standing if person_id is not None else rules.GUEST,
                lists or {},
                signed_in=person_id is not None,
                at=at,
            )
            for course in courses
        ]
        for person_id in person_ids
    }


def is_paid(course: CoursePlan, at: datetime) -> bool:
    """Whether the course costs something at this moment."""
    return course.price is not None and bool(course.price.current(at))


def course_facts(
    course: CoursePlan, counts: Mapping[UUID, Availability], at: datetime
) -> CourseFacts:
    """What the rules need to know of the course at this moment."""
    return CourseFacts(
        is_published=course.status == CourseStatus.PUBLISHED,
        is_paid=is_paid(course, at),
        can_be_paid=gateways.payment_configured(),
        cohorts=[
            CohortFacts(
                id=plan.id,
                window=registration.window_of(plan, at),
                opens_at=plan.opens_at,
                is_full=counts.get(plan.id, NO_SEATS).is_full,
                demands=_demands(course, plan, at) if course.has_rules else None,
            )
            for plan in course.cohorts
        ],
    )


def _named(parts: Sequence[Prerequisite]) -> tuple[tuple[UUID, str], ...]:
    return tuple((part.id, part.name) for part in parts)


def _demands(course: CoursePlan, plan: CohortPlan, at: datetime) -> Demands:
    return Demands(
        cohort_id=plan.id,
        first_day=day_at(plan.starts_at or at, settings.ENVIRONMENT.time_zone),
        zone=plan.meetings[0].zone if plan.meetings else "UTC",
        category=course.category,
        prerequisites=course.prerequisites,
        corequisites=course.corequisites,
        audience=course.audience,
    )


def _compose(
    course: CoursePlan,
    counts: dict[UUID, Availability],
    standing: Standing,
    lists: Mapping[UUID, ListState],
    *,
    signed_in: bool,
    at: datetime,
    cohort_id: UUID | None = None,
) -> CourseOffer:
    facts = course_facts(course, counts, at)
    named = next((fact for fact in facts.cohorts if fact.id == cohort_id), None)
    chosen = named or rules.choose_cohort(facts.cohorts, standing)
    cohorts = tuple(
        CohortOffer(
            plan,
            counts.get(plan.id, NO_SEATS),
            fact.window,
            tuple(rules.objections_to(fact, standing)),
        )
        for plan, fact in zip(course.cohorts, facts.cohorts, strict=True)
    )
    record = standing.record or NOTHING_KNOWN
    taken = next((c for c in cohorts if chosen is not None and c.plan.id == chosen.id), None)
    return CourseOffer(
        course=course,
        cohorts=cohorts,
        chosen=taken,
        live=standing.live,
        missing=_named(missing(course.prerequisites, record.completed)),
        missing_together=_named(missing(course.corequisites, record.completed | record.enrolled)),
        objections=taken.objections if taken is not None else (),
        refusal=rules.refusal(facts, chosen, standing),
        to_guests=_barred(_refusal_of_guests(facts)) or ButtonState.LOGIN_REQUIRED,
        signed_in=signed_in,
        at=at,
        waitlist=lists.get(chosen.id) if chosen is not None else None,
        waits_in=next((id_ for c in cohorts if (id_ := _entry_in(lists, c.plan.id))), None),
    )


def _refusal_of_guests(facts: CourseFacts) -> DomainError | None:
    return rules.refusal(facts, rules.choose_cohort(facts.cohorts, rules.GUEST), rules.GUEST)


def _lists(
    courses: Sequence[CoursePlan], person_id: UUID | None, counts: Mapping[UUID, Availability]
) -> dict[UUID, ListState]:
    """The waitlists of the cohorts that have one; those that nobody joined yet are empty. A guest
    has no place of their own, and where seats are left nobody waits: then nothing is asked."""
    there = [plan.id for course in courses for plan in course.cohorts if plan.waitlist_enabled]
    asked = [id_ for id_ in there if person_id is not None or counts.get(id_, NO_SEATS).is_full]
    known = waitlists.lists(asked, person_id) if asked else {}
    return dict.fromkeys(there, ListState()) | known


def _entry_in(lists: Mapping[UUID, ListState], cohort_id: UUID) -> UUID | None:
    found = lists.get(cohort_id)
    return found.entry_id if found is not None else None
