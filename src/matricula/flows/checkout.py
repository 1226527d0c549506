"""Somebody buys one course or several: seats are held, the order is written and its money is to be
asked for, all in one transaction and all or nothing.

Only then is the gateway spoken to (`flows/pay.py`), outside of any transaction. What the person
pays is settled by `flows/settle.py`, whoever brings the news.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from matricula.accounts.models import Person
from matricula.enrollments import actions as enrollments
from matricula.enrollments.states import Stage
from matricula.flows import claims, overrides, tax_ids
from matricula.flows import quote as quotes
from matricula.flows.claims import Choice, Claim, Wish
from matricula.kernel import clock, events, ids
from matricula.kernel.errors import FieldError, Guidance, ValidationFailed
from matricula.kernel.events import NewEvent
from matricula.kernel.locks import lock_person
from matricula.kernel.money import Money
from matricula.kernel.words import said
from matricula.orders import actions as orders
from matricula.orders import queries as order_queries
from matricula.orders import withdrawal
from matricula.orders.actions import Buyer, NewLine, NewOrder
from matricula.orders.policy import Step
from matricula.payments import actions as payments
from matricula.payments import gateways
from matricula.pricing import actions as pricing
from matricula.pricing import queries as prices
from matricula.pricing.errors import CouponNotApplicable, PriceChanged
from matricula.pricing.values import Quote, QuoteLine
from matricula.seats import actions as seats
from matricula.seats.errors import HoldEnded

# The least that gateways take (https://razorpay.com/docs/api/orders/create/: INR 1.00).
LEAST_MINOR = 100


@dataclass(frozen=True)
class Terms:
    """On what terms somebody buys: where the bill goes, what was agreed to, where to go after.

    `shown_minor` is the total that the buyer was shown, in minor units, when they said so: at
    another one nothing is bought. `waives_withdrawal`: a consumer in Europe asks that courses begin
    at once and acknowledges that the right to withdraw is then lost (`orders/withdrawal.py`).
    """

    country: str = ""
    state: str = ""
    tax_id: str = ""
    billing_name: str = ""
    billing_address: str = ""
    provider: str = ""
    terms_version: str = ""
    success_url: str = ""
    cancel_url: str = ""
    shown_minor: int | None = None
    waives_withdrawal: bool = False


@dataclass(frozen=True)
class Basket:
    """What is bought, by whom, for how much. The quote has a line for each choice, in order. The
    seats are held for `hold_seconds`, or as long as usual."""

    person_id: UUID
    choices: Sequence[Choice]
    quote: Quote
    buyer: Buyer
    terms: Terms
    key: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    hold_seconds: int | None = None


class NotHeld(Exception):
    """One of the seats could not be held, so none is."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        super().__init__(claim.outcome)


@dataclass(frozen=True)
class Placed:
    """A checkout that holds its seats. `payment_id` is None when nothing is to be paid: then the
    person is enrolled already."""

    order_id: UUID
    payment_id: UUID | None
    claims: tuple[Claim, ...]


def basket(
    person_id: UUID,
    choices: Sequence[Choice],
    codes: Sequence[str],
    terms: Terms,
    *,
    key: str | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Basket:
    """What these choices cost this person now. Raises a refusal of a coupon (`pricing.errors`),
    ValidationFailed for a place that does not exist, and PriceChanged when the buyer was shown
    another total."""
    person = Person.objects.only("email", "guest_email", "full_name", "phone").get(pk=person_id)
    email = person.guest_email or person.email
    seller = prices.seller()
    place_ = quotes.place_of(terms.country, terms.state, terms.tax_id, seller)
    tax_ids.submit(place_)
    quote = quotes.quote_courses(
        [choice.course for choice in choices],
        codes=codes,
        place=place_,
        person_id=person_id,
        email=email,
        at=clock.now(),
        seller=seller,
    )
    if terms.shown_minor is not None and terms.shown_minor != quote.total.minor:
        raise PriceChanged(guidance=Guidance(extra={"total_payable_minor": quote.total.minor}))
    buyer = Buyer(
        name=person.full_name,
        email=email,
        phone=person.phone,
        country=place_.country,
        state=place_.state,
        tax_id=place_.tax_id,
        billing_name=terms.billing_name.strip(),
        billing_address=terms.billing_address.strip(),
        tax_evidence=place_.tax_evidence,
    )
    return Basket(person_id, choices, quote, buyer, terms, key, metadata or {})


@transaction.atomic
def place(basket: Basket, *, held: Mapping[UUID, UUID] | None = None) -> Placed:
    """Holds the seats and writes the order. Raises NotHeld, CouponExhausted, and
    CouponNotApplicable for a rest too small to be paid; nothing is held then. `held` names, by
    cohort, enrollments whose seat is held already; HoldEnded when one is not any more.
    """
    _check(basket)
    held = held or {}
    enrollment_ids = [held.get(choice.cohort_id) or ids.new_id() for choice in basket.choices]
    # All that needs no lock is written before the seats are claimed, so that others who want one
    # wait for as little as possible: foreign keys are checked at the end of the transaction.
    order = orders.place(_order(basket, ids.new_id(), enrollment_ids))
    payment = None
    if order.total_minor:
        provider = basket.terms.provider or gateways.default_provider().name
        payment = payments.begin(order.pk, provider, order.total)
    made = _claim_all(basket, enrollment_ids, held)
    overrides.note_use(basket.person_id, [(claim.enrollment_id, claim.choice) for claim in made])
    _take_coupons(basket, order.pk)
    if payment is None:
        _finish_free(order.pk, made)
        return Placed(order.pk, None, made)
    enrollments.await_payment(enrollment_ids)
    about = {"order": str(order.pk), "payment": str(payment.pk), **_amount(order.total)}
    _tell(basket.person_id, made, "payment.pending", about)
    return Placed(order.pk, payment.pk, made)


def _check(basket: Basket) -> None:
    total = basket.quote.total
    if 0 < total.minor < LEAST_MINOR:
        raise CouponNotApplicable(
            _("What is left to pay is less than can be paid. Use another code, or none.")
        )
    wanted = settings.ENVIRONMENT.terms_version
    if wanted and basket.terms.terms_version != wanted:
        message = said("Agree to the terms of version %(version)s.", version=wanted)
        raise ValidationFailed(
            _("The terms were not agreed to."),
            Guidance(errors=[FieldError("consent.terms_version", message)]),
        )


def _claim_all(
    basket: Basket, enrollment_ids: Sequence[UUID], held: Mapping[UUID, UUID]
) -> tuple[Claim, ...]:
    """A held seat for each choice, in order. Raises NotHeld, and HoldEnded."""
    if held:
        lock_person(basket.person_id)
        seats.lock_counters(held)
    pairs = list(zip(basket.choices, enrollment_ids, strict=True))
    # In cohort order, so that counters are locked in the order of the house.
    made = {
        choice.cohort_id: _held(choice, enrollment_id)
        if choice.cohort_id in held
        else _claim(basket, choice, enrollment_id)
        for choice, enrollment_id in sorted(pairs, key=lambda pair: pair[0].cohort_id)
    }
    return tuple(made[choice.cohort_id] for choice in basket.choices)


def _claim(basket: Basket, choice: Choice, enrollment_id: UUID) -> Claim:
    """One seat, held. Raises NotHeld."""
    wish = Wish(
        person_id=basket.person_id,
        choice=choice,
        enrollment_id=enrollment_id,
        hold_seconds=basket.hold_seconds or settings.ENVIRONMENT.hold_seconds,
        metadata=basket.metadata,
        key=basket.key,
    )
    (claim,) = claims.claim([wish])
    if claim.outcome != "held":
        raise NotHeld(claim)
    return claim


def _held(choice: Choice, enrollment_id: UUID) -> Claim:
    """A seat that was held before, with no order yet. Raises HoldEnded."""
    (row,) = enrollments.lock([enrollment_id])
    if row.stage != Stage.VALIDATED:
        raise HoldEnded
    return Claim(choice, "held", row.pk, Stage.VALIDATED, row.hold_expires_at)


def _order(basket: Basket, order_id: UUID, enrollment_ids: Sequence[UUID]) -> NewOrder:
    quote = basket.quote
    policies = order_queries.refund_policies(choice.course.id for choice in basket.choices)
    return NewOrder(
        id=order_id,
        person_id=basket.person_id,
        buyer=basket.buyer,
        lines=[
            replace(
                _line(choice, enrollment_id, line, policies[choice.course.id]),
                withdrawal=_withdrawal(basket, choice),
            )
            for choice, enrollment_id, line in zip(
                basket.choices, enrollment_ids, quote.lines, strict=True
            )
        ],
        currency=quote.currency,
        coupon_codes=[coupon.code for coupon in quote.coupons],
        notes=list(quote.notes),
        consent=_consent(basket.terms),
        success_url=basket.terms.success_url,
        cancel_url=basket.terms.cancel_url,
    )


def _consent(terms: Terms) -> dict[str, Any]:
    """What was agreed to, as the order keeps it; when, is when it was placed."""
    waived = {"waives_withdrawal": True} if terms.waives_withdrawal else {}
    return {"terms_version": terms.terms_version, **waived}


def _withdrawal(basket: Basket, choice: Choice) -> str:
    """The right to withdraw that comes with a line; frozen with the order."""
    buyer, starts_at = basket.buyer, choice.cohort_starts_at
    waives = basket.terms.waives_withdrawal
    return withdrawal.right(buyer.country, buyer.tax_id, starts_at, clock.now(), waives=waives)


def _line(choice: Choice, enrollment_id: UUID, line: QuoteLine, policy: Sequence[Step]) -> NewLine:
    return NewLine(
        enrollment_id=enrollment_id,
        title=line.title,
        cohort_name=choice.cohort_name,
        tax_code=line.tax_code,
        original=line.original,
        discount=line.sale_discount + line.coupon_discount,
        net=line.net,
        tax=line.tax,
        tax_lines=[
            {
                "head": tax.head,
                "percent": str(tax.percent),
                "amount_minor": tax.amount.minor,
            }
            for tax in line.tax_lines
        ],
        policy=[step.as_json() for step in policy],
    )


def _take_coupons(basket: Basket, order_id: UUID) -> None:
    used = [coupon.id for coupon in basket.quote.coupons]
    if used:
        pricing.take_coupons(
            used, person_id=basket.person_id, email=basket.buyer.email, order_id=order_id
        )


def _finish_free(order_id: UUID, claims: Sequence[Claim]) -> None:
    """A coupon pays for all of it: the seats are sold at once."""
    enrollment_ids = [claim.enrollment_id for claim in claims]
    seats.sell(enrollment_ids)
    told = []
    rows = enrollments.lock(enrollment_ids)
    enrollments.confirm_paid(rows)
    for row in rows:
        about: dict[str, Any] = {"subject": row.pk, "person": row.person_id}
        place_ = {"course": str(row.course_id), "cohort": str(row.cohort_id)}
        told += [
            NewEvent(type="enrollment.confirmed", data=place_, **about),
            NewEvent(type="access.granted", data=place_, **about),
        ]
    (order,) = orders.lock([order_id])
    orders.move(order, "pay")
    pricing.use_coupons([order_id])
    events.append(told)


def _tell(person_id: UUID, claims: Sequence[Claim], type_: str, data: Mapping[str, Any]) -> None:
    events.append(
        [
            NewEvent(type=type_, subject=claim.enrollment_id, person=person_id, data=data)
            for claim in claims
        ]
    )


def _amount(amount: Money) -> dict[str, Any]:
    return {"amount_minor": amount.minor, "currency": amount.currency}
