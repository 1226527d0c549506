"""A course is full, and somebody waits: joining the list, leaving it, taking the seat offered.

Who is next is told in `flows/promote.py`. Whoever changes a list takes the person's lock first,
then the counter row of the cohort, as everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.utils.crypto import constant_time_compare

from matricula.catalog import queries as catalog
from matricula.catalog.queries import CohortPlan, CoursePlan
from matricula.enrollments import queries as enrollments
from matricula.enrollments.errors import AlreadyEnrolled, CourseNotAvailable
from matricula.enrollments.rules import choose_cohort
from matricula.enrollments.states import Stage
from matricula.flows import checkout, eligibility, promote
from matricula.flows import offer as offering
from matricula.flows.checkout import Terms
from matricula.flows.claims import Choice
from matricula.flows.enroll import Receipt
from matricula.kernel import clock, events
from matricula.kernel.errors import (
    Action,
    FieldError,
    Guidance,
    NotFound,
    ValidationFailed,
)
from matricula.kernel.events import NewEvent
from matricula.kernel.locks import lock_person
from matricula.orders import queries as orders
from matricula.seats import actions as seats
from matricula.seats import queries as seat_counts
from matricula.seats.queries import NO_SEATS, Availability
from matricula.waitlist import actions, queries, rules
from matricula.waitlist.actions import NewEntry
from matricula.waitlist.errors import NoWaitlist, OfferEnded, SeatsLeft
from matricula.waitlist.models import FIRST_RANK, Entry
from matricula.waitlist.queries import EntryRecord, OfferRecord
from matricula.waitlist.rules import Odds, Pace
from matricula.waitlist.states import EntryState, OfferState


@dataclass(frozen=True)
class Wish:
    """Who wants to wait for what: a course (its next full cohort is taken) or one cohort of it."""

    person_id: UUID
    course: str | UUID
    cohort_id: UUID | None = None
    party_size: int = 1


@dataclass(frozen=True)
class Standing:
    """Where a place in a list stands now. `position` counts places and `seats_ahead` the people
    before it; both are None unless it waits. `expected_wait` and `odds` are None while the history
    is too small to say."""

    entry: EntryRecord
    course: CoursePlan
    cohort: CohortPlan
    length: int
    position: int | None = None
    seats_ahead: int | None = None
    expected_wait: timedelta | None = None
    odds: Odds | None = None
    ahead_by_priority: int = 0
    stops_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether registration has ended, or the course begun: nobody is promoted any more."""
        return self.stops_at is not None and self.stops_at <= clock.now()


def join(wish: Wish) -> tuple[Standing, bool]:
    """A place at the end of the list, and whether it is new: who waits already keeps their place.

    Raises NotFound; a refusal of `enrollments.rules`, which will be asked again when the turn
    comes; AlreadyEnrolled; NoWaitlist or WaitlistFull; SeatsLeft while there is a seat to have; and
    ValidationFailed for a party larger than the list takes.
    """
    course = catalog.find_course(wish.course)
    counts = seat_counts.availability(plan.id for plan in course.cohorts)
    cohort = _cohort_to_wait_for(course, wish.cohort_id, counts)
    refusal = eligibility.refusals(course, cohort.id, [wish.person_id])[wish.person_id]
    if refusal is not None:
        raise refusal
    if not cohort.waitlist_enabled:
        raise NoWaitlist
    _check_party(cohort, wish.party_size, counts[cohort.id])
    is_new = _join(wish, course, cohort)
    return standing_in(wish.person_id, course.id, cohort.id), is_new


@transaction.atomic
def _join(wish: Wish, course: CoursePlan, cohort: CohortPlan) -> bool:
    lock_person(wish.person_id)
    seats.lock_counters([cohort.id])
    if actions.open_entry(wish.person_id, cohort.id) is not None:
        return False
    if not seat_counts.availability([cohort.id]).get(cohort.id, NO_SEATS).is_full:
        here = f"/courses/{course.slug}/enroll/"
        raise SeatsLeft(guidance=Guidance(actions=[Action("Enroll now", here)]))
    entry = actions.join(NewEntry(wish.person_id, course.id, cohort.id, wish.party_size))
    seats.set_queued(cohort.id, True)
    events.append([event(entry, "joined", seats=entry.party_size)])
    return True


def join_first(person_id: UUID, course_id: UUID, cohort_id: UUID) -> bool:
    """The first place in the list, for somebody who paid and found no seat; False where the cohort
    has no list, or a seat is offered to them already. The caller holds the locks of the person and
    of the counter row."""
    course = catalog.courses_by_id([course_id])[course_id]
    cohort = next(plan for plan in course.cohorts if plan.id == cohort_id)
    if not cohort.waitlist_enabled:
        return False
    waiting = actions.open_entry(person_id, cohort_id)
    if waiting is not None and waiting.state != EntryState.WAITING:
        return False
    if waiting is not None:
        actions.leave(waiting)
        events.append([event(waiting, "left")])
    entry = actions.join(NewEntry(person_id, course_id, cohort_id, rank=FIRST_RANK))
    seats.set_queued(cohort_id, True)
    events.append([event(entry, "joined", seats=1, first=True)])
    return True


@transaction.atomic
def leave(person_id: UUID, entry_id: UUID, *, actor_id: UUID) -> None:
    """Gives the place up, and with it every seat that is offered to it and was not taken yet.

    Raises NotFound, and IllegalState when it has ended.
    """
    record = queries.of_person(person_id, entry_id)
    lock_person(person_id)
    seats.lock_counters([record.cohort_id])
    entry = Entry.objects.get(pk=entry_id)
    declined = actions.leave(entry)
    seats.release(declined)
    seats.set_queued(record.cohort_id, actions.is_waited_for(record.cohort_id))
    events.append([event(entry, "left", actor_id)])


def standing(person_id: UUID, entry_id: UUID) -> Standing:
    """Where the person's place stands. Raises NotFound."""
    entry = queries.of_person(person_id, entry_id)
    return _standing(entry, catalog.courses_by_id([entry.course_id])[entry.course_id])


def standing_in(person_id: UUID, course: str | UUID, cohort_id: UUID | None = None) -> Standing:
    """Where the person stands in the list of a course or of one cohort. Raises NotFound when they
    never waited there."""
    plan = catalog.find_course(course)
    entry = queries.latest_in(person_id, plan.id, cohort_id)
    if entry is None:
        raise NotFound("You are not on this waitlist.")
    return _standing(entry, plan)


def standings(person_id: UUID) -> list[Standing]:
    """Every list the person waits in or has waited in, newest first."""
    entries = queries.list_of_person(person_id)
    courses = catalog.courses_by_id({entry.course_id for entry in entries})
    return [_standing(entry, courses[entry.course_id]) for entry in entries]


def _standing(entry: EntryRecord, course: CoursePlan) -> Standing:
    cohort = next(plan for plan in course.cohorts if plan.id == entry.cohort_id)
    queue, now = queries.queue(cohort.id), clock.now()
    known = Standing(entry, course, cohort, queue.length, stops_at=promote.stops_at(cohort))
    if entry.state is not EntryState.WAITING:
        return known
    ahead = queries.ahead(entry)
    earlier = queries.earlier_lists(course.id, cohort.id, now)
    pace = Pace(queue.seats_given, now - (queue.begun_at or now))
    return replace(
        known,
        position=ahead.places + 1,
        seats_ahead=ahead.seats,
        expected_wait=rules.expected_wait(pace, ahead.seats, entry.party_size),
        odds=rules.odds(earlier, ahead.seats, entry.party_size),
        ahead_by_priority=ahead.by_priority,
    )


def _cohort_to_wait_for(
    course: CoursePlan, cohort_id: UUID | None, counts: Mapping[UUID, Availability]
) -> CohortPlan:
    """The cohort asked for; else the first full one whose registration is open and that has a list,
    else whichever one enrolling would mean."""
    if cohort_id is not None:
        found = next((plan for plan in course.cohorts if plan.id == cohort_id), None)
        if found is None:
            raise NotFound("There is no such cohort.")
        return found
    facts = offering.course_facts(course, counts, clock.now()).cohorts
    open_ = {fact.id for fact in facts if fact.window == "open" and fact.is_full}
    waited_for = [plan for plan in course.cohorts if plan.id in open_ and plan.waitlist_enabled]
    if waited_for:
        return waited_for[0]
    chosen = choose_cohort(facts)
    if chosen is None:
        raise CourseNotAvailable
    return next(plan for plan in course.cohorts if plan.id == chosen.id)


def _check_party(cohort: CohortPlan, size: int, count: Availability) -> None:
    largest = queries.queue(cohort.id).largest_party
    if count.capacity is not None:
        largest = min(largest, count.capacity)
    if size > max(1, largest):
        message = f"At most {largest} seats can be waited for together here."
        raise ValidationFailed(message, Guidance(errors=[FieldError("party_size", message)]))


# --- the seat that is offered -------------------------------------------------------------------


@dataclass(frozen=True)
class Acceptance:
    """Who takes which offered seat, on what terms. `party_key` goes with the seats of a party that
    are passed on: whoever has it may take the seat."""

    offer_id: UUID
    person_id: UUID
    party_key: str = ""
    coupon_code: str | None = None
    terms: Terms = field(default_factory=Terms)


def party_key(offer_id: UUID) -> str:
    """What lets somebody take a seat of a party: made from the offer, kept nowhere."""
    return signing.Signer(salt="matricula.waitlist.party").signature(str(offer_id))


def find_offer(offer_id: UUID, person_id: UUID, key: str = "") -> tuple[OfferRecord, EntryRecord]:
    """An offer this person may take: their own, or with its key a seat of a party. Raises NotFound
    for any other."""
    offer, entry = queries.offer_of(offer_id), queries.entry_of_offer(offer_id)
    is_own = offer.number == 1 and entry.person_id == person_id
    is_passed_on = offer.number > 1 and constant_time_compare(key, party_key(offer_id))
    if not (is_own or is_passed_on):
        raise NotFound("There is no such offer.")
    return offer, entry


def accept(wanted: Acceptance) -> Receipt:
    """Takes the offered seat: enrolled in a free course, else an order to be paid while the seat is
    held, as `flows/enroll.py` leaves it. Repeated, the same enrollment comes again.

    Raises NotFound; OfferEnded; a refusal of `enrollments.rules`; AlreadyEnrolled; a refusal of the
    coupon. The offer stays as it was then.
    """
    offer, entry = find_offer(wanted.offer_id, wanted.person_id, wanted.party_key)
    course = catalog.courses_by_id([entry.course_id])[entry.course_id]
    if offer.state is OfferState.ACCEPTED:
        return _accepted_before(offer, course, wanted.person_id)
    if offer.state is not OfferState.OPEN:
        raise OfferEnded
    people = [wanted.person_id]
    refusal = eligibility.refusals(course, entry.cohort_id, people)[wanted.person_id]
    if refusal is not None:
        raise refusal
    return _accept(wanted, entry, course)


def _accepted_before(offer: OfferRecord, course: CoursePlan, person_id: UUID) -> Receipt:
    try:
        record = enrollments.of_person(person_id, offer.enrollment_id or offer.id)
    except NotFound:
        raise OfferEnded("Somebody has taken this seat already.") from None
    order = orders.of_enrollment(record.id)
    order_id = order.id if order is not None else None
    return Receipt(record.id, course, record.stage, record.hold_expires_at, False, order_id)


@transaction.atomic
def _accept(wanted: Acceptance, entry: EntryRecord, course: CoursePlan) -> Receipt:
    """The seat changes from the offer to the enrollment under the counter's lock, before anybody
    who queues."""
    lock_person(wanted.person_id)
    seats.lock_counters([entry.cohort_id])
    (offer,) = actions.lock_offers([wanted.offer_id])
    if offer.state != OfferState.OPEN:
        raise OfferEnded
    with seats.ahead_of_queue(entry.cohort_id):
        seats.release([offer.pk])
        receipt = _take(wanted, course, entry.cohort_id, offer.ends_at)
    actions.accept(offer, receipt.enrollment_id)
    about = {"offer": str(offer.pk), "enrollment": str(receipt.enrollment_id)}
    events.append([event(offer.entry, "accepted", wanted.person_id, **about)])
    return receipt


def _take(wanted: Acceptance, course: CoursePlan, cohort_id: UUID, ends_at: datetime) -> Receipt:
    """Held until the offer would have ended, and never shorter than any other checkout."""
    choice, now = Choice(course, cohort_id), clock.now()
    if not offering.is_paid(course, now):
        return _enroll(wanted.person_id, choice)
    left = int((ends_at - now).total_seconds())
    codes = [wanted.coupon_code] if wanted.coupon_code else []
    basket = checkout.basket(wanted.person_id, [choice], codes, wanted.terms)
    held_for = max(left, settings.ENVIRONMENT.hold_seconds)
    try:
        placed = checkout.place(replace(basket, hold_seconds=held_for))
    except checkout.NotHeld as refused:
        raise AlreadyEnrolled from refused
    (claim,) = placed.claims
    if placed.payment_id is None:
        return Receipt(claim.enrollment_id, course, Stage.CONFIRMED, None, True, placed.order_id)
    until = claim.hold_expires_at
    stage = Stage.PAYMENT_PENDING
    return Receipt(claim.enrollment_id, course, stage, until, True, placed.order_id)


def _enroll(person_id: UUID, choice: Choice) -> Receipt:
    made = promote.enroll_now(choice.course, choice.cohort_id, [person_id])
    if not made:
        raise AlreadyEnrolled
    return Receipt(made[person_id], choice.course, Stage.CONFIRMED, None, is_new=True)


def lapse(keys: Sequence[UUID]) -> None:
    """Held seats have run out: the offers among them are over. The caller has released the seats
    and so holds the counter rows."""
    events.append([event(entry, "lapsed") for entry in actions.lapse(keys)])


def event(entry: Entry, what: str, actor: UUID | None = None, **data: object) -> NewEvent:
    """An event on a place in a list. The caller holds the counter row of its cohort."""
    place = {"course": str(entry.course_id), "cohort": str(entry.cohort_id)}
    return NewEvent(
        type=f"waitlist.{what}",
        subject=entry.pk,
        person=entry.person_id,
        actor=actor,
        data={**place, **data},
    )
