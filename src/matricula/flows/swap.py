"""A person exchanges a confirmed seat for one in another cohort, in one step.

The other seat is claimed first, in the same transaction that gives up the first: whoever cannot
have the other keeps what they have. The enrollment given up ends as cancelled and names its
successor; the successor is a new enrollment, confirmed at once.

Money does not move. What was paid for the first seat pays for the other from now on: the order and
its papers stay as they were written, and the line leads to the new enrollment, which can be
refunded like the first, but for no more than there was to give back when it was swapped. So another
course must cost the same, and be within the time in which all would be given back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from matricula.catalog import queries as catalog
from matricula.catalog.models import Cohort
from matricula.catalog.queries import CoursePlan
from matricula.enrollments import actions as enrollments
from matricula.enrollments import queries
from matricula.enrollments.models import Enrollment
from matricula.enrollments.queries import EnrollmentRecord
from matricula.enrollments.states import Stage
from matricula.flows import eligibility, full, offer, overrides, refund
from matricula.flows import quote as quotes
from matricula.flows.claims import Choice
from matricula.flows.offer import CohortOffer, CourseOffer
from matricula.kernel import clock, events, ids
from matricula.kernel.errors import Action, DomainError, Guidance, IllegalState
from matricula.kernel.events import NewEvent
from matricula.kernel.locks import lock_person
from matricula.orders import actions as order_actions
from matricula.orders import queries as orders
from matricula.orders.queries import LineRecord, OrderRecord
from matricula.pricing.values import Place
from matricula.seats import actions as seats
from matricula.seats import queries as seat_counts
from matricula.seats.queries import NO_SEATS

ALL = 100  # per cent


@dataclass(frozen=True)
class Paid:
    """What was paid for the enrollment that is given up."""

    order: OrderRecord
    line: LineRecord


@transaction.atomic
def swap(
    enrollment_id: UUID, person_id: UUID, cohort_id: UUID, *, actor_id: UUID
) -> EnrollmentRecord:
    """Gives up the enrollment for one in the other cohort, and returns that. Asked again for the
    same, it returns the same. `actor_id` is who does it, the person or staff, whom the time limits
    of swapping don't bind.

    Raises NotFound for an enrollment that is not this person's or an unknown cohort; IllegalState
    when this one cannot be swapped for that one; a refusal of `enrollments.rules`; CourseFull.
    """
    lock_person(person_id)
    record = queries.of_person(person_id, enrollment_id)
    if record.swapped_to_id is not None:
        return _made_before(person_id, record.swapped_to_id, cohort_id)
    course = catalog.course_of_cohort(cohort_id)
    check(record, course, cohort_id, is_staff=actor_id != person_id)
    choice = _choose(record, course, cohort_id, person_id)
    return _swap(record, choice, actor_id)


def swap_in_turn(enrollment_id: UUID, person_id: UUID, choice: Choice) -> EnrollmentRecord:
    """As `swap`, for somebody whose turn in the waitlist has come (`flows/give.py`): the rules have
    been asked, and the caller holds the person's lock and both counters. Raises IllegalState."""
    record = queries.of_person(person_id, enrollment_id)
    check(record, choice.course, choice.cohort_id, is_staff=False)
    return _swap(record, choice, person_id)


def check(
    record: EnrollmentRecord, course: CoursePlan, cohort_id: UUID, *, is_staff: bool = False
) -> None:
    """Raises IllegalState when this enrollment cannot be swapped for that cohort of the course,
    whoever may take a seat there."""
    paid = _paid(record)
    _check(record, paid, cohort_id, is_staff=is_staff)
    if course.id != record.course_id:
        _check_price(record, paid, course, is_staff=is_staff)


def _swap(record: EnrollmentRecord, choice: Choice, actor_id: UUID) -> EnrollmentRecord:
    person_id = record.person_id
    taken = _exchange(record, choice, person_id, actor_id)
    if (paid := _paid(record)) is not None:
        order_actions.lock([paid.order.id])
        order_actions.pay_for_another(paid.order.id, record.id, taken.pk)
    _tell(record, taken, actor_id)
    overrides.note_use(person_id, [(taken.pk, choice)])
    return queries.of_person(person_id, taken.pk)


@dataclass(frozen=True)
class Ways:
    """The course as the owner of a seat sees it; the other cohorts they could swap into now, and
    those that are full, whose seats they can wait for in place of their own."""

    course: CourseOffer
    now: tuple[CohortOffer, ...]
    waited_for: tuple[CohortOffer, ...]


def ways_on(record: EnrollmentRecord) -> Ways:
    """What this enrollment could be swapped for within its course."""
    found = offer.offer_of(course_of(record), record.person_id, apart_from=[record.id])
    fitting = [
        cohort
        for cohort in found.cohorts
        if cohort.plan.id != record.cohort_id
        and cohort.window == "open"
        and not cohort.objections
        and not cohort.seats.by_turn
    ]
    return Ways(
        found,
        now=tuple(cohort for cohort in fitting if not cohort.seats.is_full),
        waited_for=tuple(
            cohort for cohort in fitting if cohort.seats.is_full and cohort.plan.waitlist_enabled
        ),
    )


def course_of(record: EnrollmentRecord) -> CoursePlan:
    """The course it is for, whatever became of it since."""
    return catalog.courses_by_id([record.course_id])[record.course_id]


def is_paid_for(record: EnrollmentRecord) -> bool:
    """Whether something was paid for it."""
    return _paid(record) is not None


def why_not(record: EnrollmentRecord) -> str:
    """Why its owner cannot swap this enrollment at all; empty when they can."""
    try:
        _check(record, _paid(record), None, is_staff=False)
    except IllegalState as refusal:
        return refusal.detail
    return ""


def _made_before(person_id: UUID, successor_id: UUID, cohort_id: UUID) -> EnrollmentRecord:
    successor = queries.of_person(person_id, successor_id)
    if successor.cohort_id != cohort_id:
        raise IllegalState(
            _("This enrollment was swapped already, for %(intake)s. Swap that one.")
            % {"intake": successor.cohort_name},
            Guidance(actions=[Action(_("The new enrollment"), _page_of(successor.id))]),
        )
    return successor


def _check(
    record: EnrollmentRecord, paid: Paid | None, cohort_id: UUID | None, *, is_staff: bool
) -> None:
    """Raises IllegalState when it can be swapped for nothing, or not for this."""
    if record.stage is not Stage.CONFIRMED:
        raise IllegalState(
            _(
                "Only a confirmed seat can be swapped. Cancel this enrollment, and enroll in the "
                "other."
            )
        )
    if record.cohort_id == cohort_id:
        raise IllegalState(_("This is the intake you are enrolled in."))
    starts_at = record.cohort_starts_at
    if paid is not None and not is_staff and starts_at is not None and starts_at <= clock.now():
        raise IllegalState(
            _("What was paid for can be swapped until it starts. Ask support what can be done now.")
        )


def _check_price(
    record: EnrollmentRecord, paid: Paid | None, course: CoursePlan, *, is_staff: bool
) -> None:
    """Another course must cost its buyer today what they have paid. Raises IllegalState."""
    if paid is None:
        if offer.is_paid(course, clock.now()):
            raise _priced_otherwise(record, course)
        return
    order = paid.order
    quote = quotes.quote_courses(
        [course],
        place=Place(order.billing_country, order.billing_state, order.tax_id, order.tax_evidence),
        person_id=order.person_id,
        email=order.buyer_email,
        at=clock.now(),
    )
    if (quote.total, quote.net) != (paid.line.total, paid.line.net):
        raise _priced_otherwise(record, course)
    offered = refund.refundable(record)
    if not is_staff and (offered is None or offered.percent < ALL):
        raise IllegalState(
            _(
                "It can be swapped for another course only while all of it would be given back. "
                "Ask support what can be done now."
            )
        )


def _priced_otherwise(record: EnrollmentRecord, course: CoursePlan) -> IllegalState:
    return IllegalState(
        _("%(course)s does not cost what you paid. Cancel this enrollment, then enroll in it.")
        % {"course": course.title},
        Guidance(
            actions=[
                Action(_("Cancel this enrollment"), _page_of(record.id) + "cancel/"),
                Action(course.title, f"/courses/{course.slug}/"),
            ]
        ),
    )


def _choose(
    record: EnrollmentRecord, course: CoursePlan, cohort_id: UUID, person_id: UUID
) -> Choice:
    """By the rules that whoever enrolls meets. Raises what they say."""
    found = eligibility.decisions(course, cohort_id, [person_id], apart_from=[record.id])
    decided = found[person_id]
    if isinstance(decided, DomainError):
        raise decided
    if seat_counts.availability([cohort_id]).get(cohort_id, NO_SEATS).by_turn:
        raise IllegalState(_("Its seats are given in order of arrival. Join the line on its page."))
    return decided


def _exchange(
    record: EnrollmentRecord, choice: Choice, person_id: UUID, actor_id: UUID
) -> Enrollment:
    """The seats and the enrollments. Both counters are locked first, in cohort order, so that two
    swaps that cross don't wait for each other."""
    successor_id = ids.new_id()
    seats.lock_counters([record.cohort_id, choice.cohort_id])
    if not seats.claim([(person_id, successor_id)], choice.cohort_id, None):
        raise full.refusal(choice.course, person_id)
    seats.release([record.id])
    (given_up,) = enrollments.lock([record.id])
    if given_up.stage != Stage.CONFIRMED:  # cancelled between the reading and the lock
        raise IllegalState(_("This enrollment has ended already."))
    cohort = Cohort.objects.get(pk=choice.cohort_id)
    return enrollments.exchange(
        given_up,
        successor_id,
        cohort,
        access_expires_at=_access_ends_at(given_up, choice.course, cohort),
        actor_id=actor_id,
        reason=(_("Swapped for %(intake)s.") % {"intake": choice.cohort_name})[:200],
    )


def _access_ends_at(given_up: Enrollment, course: CoursePlan, cohort: Cohort) -> datetime | None:
    """A swap within a course gives no more days, but what a later start needs."""
    if course.access_days is None:
        return None
    days = timedelta(days=course.access_days)
    if course.id != given_up.course_id:
        return clock.now() + days
    if given_up.access_expires_at is None or cohort.starts_at is None:
        return given_up.access_expires_at
    return max(given_up.access_expires_at, cohort.starts_at + days)


def _tell(record: EnrollmentRecord, taken: Enrollment, actor_id: UUID) -> None:
    old, new = str(record.id), str(taken.pk)
    first = {"course": str(record.course_id), "cohort": str(record.cohort_id)}
    second = {"course": str(taken.course_id), "cohort": str(taken.cohort_id)}
    told = [
        (record.id, "enrollment.cancelled", first | {"swapped_to": new}),
        (record.id, "access.revoked", first),
        (taken.pk, "enrollment.requested", second | {"swapped_from": old}),
        (taken.pk, "enrollment.confirmed", second | {"swapped_from": old}),
        (taken.pk, "access.granted", second),
    ]
    events.append(
        [NewEvent(type_, subject, taken.person_id, actor_id, data) for subject, type_, data in told]
    )


def _paid(record: EnrollmentRecord) -> Paid | None:
    """What was paid for it; None for what was free."""
    order = orders.of_enrollment(record.id)
    if order is None or order.paid_at is None:
        return None
    line = next(line for line in order.lines if line.enrollment_id == record.id)
    return Paid(order, line) if line.total else None


def _page_of(enrollment_id: UUID) -> str:
    return f"/enrollments/{ids.to_text('enr', enrollment_id)}/"
