"""Somebody who waited takes the seat that is offered to them, or to their party.

An offer is a hold with a time of its own (`waitlist.models.Offer`). The seat changes from it to the
enrollment in one transaction, before anybody else who waits; what is to be paid is paid like any
checkout while the seat is held.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _

from matricula.catalog import queries as catalog
from matricula.catalog.queries import CoursePlan
from matricula.catalog.rules import ListPrice
from matricula.enrollments import queries as enrollments
from matricula.enrollments.errors import AlreadyEnrolled
from matricula.enrollments.states import Stage
from matricula.flows import checkout, eligibility, give, offer, waitlist
from matricula.flows.checkout import Terms
from matricula.flows.claims import Choice
from matricula.flows.enroll import Receipt
from matricula.kernel import clock, events
from matricula.kernel.errors import DomainError, NotFound
from matricula.kernel.locks import lock_person
from matricula.orders import queries as orders
from matricula.seats import actions as seats
from matricula.waitlist import actions, queries
from matricula.waitlist.errors import OfferEnded
from matricula.waitlist.queries import EntryRecord, OfferRecord
from matricula.waitlist.states import OfferState


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
    found, entry = queries.offer_of(offer_id), queries.entry_of_offer(offer_id)
    is_own = found.number == 1 and entry.person_id == person_id
    is_passed_on = found.number > 1 and constant_time_compare(key, party_key(offer_id))
    if not (is_own or is_passed_on):
        raise NotFound(_("There is no such offer."))
    return found, entry


def course_of(found: OfferRecord, entry: EntryRecord) -> CoursePlan:
    """The course at the price of the offer: while it is open, a price that was raised since does
    not count, and one that was lowered does."""
    course = catalog.courses_by_id([entry.course_id])[entry.course_id]
    offered, price = found.price, course.price
    if found.state is not OfferState.OPEN or offered is None or price is None:
        return course
    current = price.current(clock.now())
    if current.currency != offered.currency or current.minor <= offered.minor:
        return course
    return replace(course, price=ListPrice(price.regular, offered) if offered else None)


def accept(wanted: Acceptance) -> Receipt:
    """Takes the offered seat: enrolled in a free course, else an order to be paid while the seat is
    held, as `flows/enroll.py` leaves it. Repeated, the same enrollment comes again.

    Raises NotFound; OfferEnded; a refusal of `enrollments.rules`; AlreadyEnrolled; a refusal of the
    coupon. The offer stays as it was then.
    """
    found, entry = find_offer(wanted.offer_id, wanted.person_id, wanted.party_key)
    course = course_of(found, entry)
    if found.state is OfferState.ACCEPTED:
        return _accepted_before(found, course, wanted.person_id)
    if found.state is not OfferState.OPEN:
        raise OfferEnded
    people = [wanted.person_id]
    # The seat was promised while registration was open; moving the deadline does not take it back.
    found_fit = eligibility.decisions(course, entry.cohort_id, people, came_in_time=True)
    decided = found_fit[wanted.person_id]
    if isinstance(decided, DomainError):
        raise decided
    return _accept(wanted, entry, decided)


def _accepted_before(found: OfferRecord, course: CoursePlan, person_id: UUID) -> Receipt:
    try:
        record = enrollments.of_person(person_id, found.enrollment_id or found.id)
    except NotFound:
        raise OfferEnded(_("Somebody has taken this seat already.")) from None
    order = orders.of_enrollment(record.id)
    order_id = order.id if order is not None else None
    return Receipt(record.id, course, record.stage, record.hold_expires_at, False, order_id)


@transaction.atomic
def _accept(wanted: Acceptance, entry: EntryRecord, choice: Choice) -> Receipt:
    """The seat changes from the offer to the enrollment under the counter's lock, before anybody
    who queues."""
    lock_person(wanted.person_id)
    seats.lock_counters([entry.cohort_id])
    (found,) = actions.lock_offers([wanted.offer_id])
    if found.state != OfferState.OPEN:
        raise OfferEnded
    with seats.ahead_of_queue(entry.cohort_id):
        seats.release([found.pk])
        receipt = _take(wanted, choice, found.ends_at)
    actions.accept(found, receipt.enrollment_id)
    about = {"offer": str(found.pk), "enrollment": str(receipt.enrollment_id)}
    events.append([waitlist.event(found.entry, "accepted", wanted.person_id, **about)])
    return receipt


def _take(wanted: Acceptance, choice: Choice, ends_at: datetime) -> Receipt:
    """Held until the offer would have ended, and never shorter than any other checkout."""
    course, now = choice.course, clock.now()
    if not offer.is_paid(course, now):
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
    is_free = placed.payment_id is None
    return Receipt(
        claim.enrollment_id,
        course,
        Stage.CONFIRMED if is_free else Stage.PAYMENT_PENDING,
        None if is_free else claim.hold_expires_at,
        is_new=True,
        order_id=placed.order_id,
    )


def _enroll(person_id: UUID, choice: Choice) -> Receipt:
    made = give.enroll_now([(person_id, choice)])
    if not made:
        raise AlreadyEnrolled
    return Receipt(made[person_id], choice.course, Stage.CONFIRMED, None, is_new=True)
