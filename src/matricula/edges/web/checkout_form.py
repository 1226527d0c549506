"""What a buyer fills in before paying, and the price that follows from it. The same on the course's
confirmation, the cart, and for guests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from matricula.catalog.queries import CoursePlan
from matricula.edges.web import bills, reminding
from matricula.edges.web.bills import Bill
from matricula.flows import quote as quotes
from matricula.flows import tax_ids
from matricula.flows.checkout import Terms
from matricula.kernel import clock
from matricula.kernel.errors import DomainError
from matricula.orders import queries as orders
from matricula.orders import withdrawal
from matricula.pricing import queries as pricing
from matricula.pricing.errors import (
    CouponExhausted,
    CouponExpired,
    CouponInvalid,
    CouponNotApplicable,
)
from matricula.pricing.values import Place, Quote
from matricula.taxids.queries import TaxIdRecord
from matricula.taxids.states import TaxIdState

# `total` is the price that the buyer was shown, in minor units; `terms`, `waive` and `remind` are
# boxes.
FIELDS = (
    "coupon",
    "country",
    "state",
    "tax_id",
    "billing_name",
    "billing_address",
    "total",
    "terms",
    "waive",
    "remind",
)
COUPON_REFUSALS = (CouponInvalid, CouponExpired, CouponExhausted, CouponNotApplicable)
_LONGEST = {"billing_name": 150, "billing_address": 500}


@dataclass(frozen=True)
class CheckoutForm:
    """What was filled in, the price for it, and what is wrong with it by field."""

    values: dict[str, str]
    errors: dict[str, str]
    bill: Bill
    is_sent: bool
    tax_note: str = ""
    asks_to_remind: bool = False

    @property
    def codes(self) -> list[str]:
        return [self.values["coupon"]] if self.values["coupon"] else []

    @property
    def is_agreed(self) -> bool:
        """Whether the buyer agreed, to what can be bought."""
        return self.is_sent and not self.errors

    def terms(self) -> Terms:
        """The terms to buy on."""
        return Terms(
            country=self.values["country"],
            state=self.values["state"],
            tax_id=self.values["tax_id"],
            billing_name=self.values["billing_name"],
            billing_address=self.values["billing_address"],
            terms_version=settings.ENVIRONMENT.terms_version if self.values["terms"] else "",
            waives_withdrawal=bool(self.values["waive"]),
        )

    def can_withdraw(self) -> bool:
        """Whether the buyer may withdraw from what they buy, as a consumer in Europe."""
        tax_id = "" if "tax_id" in self.errors else self.values["tax_id"]
        return not self.bill.is_free and withdrawal.is_consumer(self.values["country"], tax_id)

    def note(self, error: DomainError) -> bool:
        """Puts a refusal beside the field it is about; False for one that is about none."""
        if isinstance(error, COUPON_REFUSALS):
            self.errors["coupon"] = _words(error)
        self.errors.update({entry.field: str(entry.message) for entry in error.guidance.errors})
        return bool(self.errors)


def read(
    request: HttpRequest, courses: Sequence[CoursePlan], person_id: UUID | None, email: str = ""
) -> CheckoutForm:
    """The form as it was sent, by GET or POST, with its price. A field that is wrong is left out of
    the price, and said beside the field; what was typed stays."""
    sent = request.POST if request.method == "POST" else request.GET
    values = {name: sent.get(name, "").strip()[: _LONGEST.get(name, 64)] for name in FIELDS}
    if request.method == "GET" and "again" in sent:
        before = reminding.filled_in(request)
        values |= {name: before[name] for name in FIELDS if name in before}
    errors: dict[str, str] = {}
    place = _place(values, errors)
    known = tax_ids.submit(place)
    quote = _quote(courses, values, errors, {"place": place, "person_id": person_id}, email)
    values["country"] = place.country
    values["state"] = values["state"] if "state" in errors else place.state
    bill = bills.bill_of_quote(quote)
    is_sent = request.method == "POST" and "update" not in request.POST
    if is_sent:
        errors |= _not_agreed(values, bill)
    values["total"] = str(bill.minor)
    tax_note = _tax_note(known) if known is not None else ""
    asks = reminding.is_asked(person_id)
    return CheckoutForm(values, errors, bill, is_sent, tax_note, asks)


def _place(values: dict[str, str], errors: dict[str, str]) -> Place:
    if values["country"] not in {"", "IN"}:
        values["state"] = ""  # a State of India, left over from before
    try:
        return quotes.place_of(values["country"], values["state"], values["tax_id"])
    except DomainError as error:
        errors |= {entry.field: str(entry.message) for entry in error.guidance.errors}
    try:
        return quotes.place_of(values["country"], values["state"])
    except DomainError:
        seller = pricing.seller()
        return Place(seller.country, seller.state)


def _quote(
    courses: Sequence[CoursePlan],
    values: Mapping[str, str],
    errors: dict[str, str],
    about: dict[str, Any],
    email: str,
) -> Quote:
    about = {**about, "email": email, "at": clock.now()}
    codes = [values["coupon"]] if values["coupon"] else []
    try:
        return quotes.quote_courses(courses, codes=codes, **about)
    except COUPON_REFUSALS as error:
        errors["coupon"] = _words(error)
        return quotes.quote_courses(courses, **about)


def _not_agreed(values: Mapping[str, str], bill: Bill) -> dict[str, str]:
    """What keeps this from being an agreement: nobody buys at a price that was not shown."""
    errors = {}
    if values["total"] and values["total"] != str(bill.minor):
        errors["total"] = _(
            "The price is %(total)s now, with what you filled in. Check it and confirm again."
        ) % {"total": bill.total}
    if settings.ENVIRONMENT.terms_version and not values["terms"]:
        errors["terms"] = _("Agree to the terms to go on.")
    return errors


def _tax_note(known: TaxIdRecord) -> str:
    """What is known of the buyer's VAT id. VIES is named where it is asked, or has answered."""
    if known.state is TaxIdState.CONFIRMED:
        return _("This VAT id is confirmed: you owe the VAT yourself.")
    if known.state is TaxIdState.REFUSED and known.by_staff:
        return _("This VAT id was not accepted, so VAT is charged. Check it, or ask support.")
    if known.state is TaxIdState.REFUSED:
        return _(
            "The European register (VIES) does not know this VAT id, so VAT is charged. Check it, "
            "or ask support."
        )
    if known.is_due and settings.ENVIRONMENT.vies_url:
        return _(
            "The European register (VIES) is being asked about this VAT id. Until it is confirmed, "
            "VAT is charged. Update the price in a moment."
        )
    return _(
        "This VAT id is not confirmed yet, so VAT is charged. Ask support to confirm it before you "
        "pay."
    )


def _words(error: DomainError) -> str:
    return f"{error.title}. {error.detail}"


def context_of(
    form: CheckoutForm, courses: Sequence[CoursePlan], starts: Mapping[UUID, datetime | None]
) -> dict[str, Any]:
    """What the template `components/checkout_fields.html` prints. `starts` has the start of the
    cohort of each course, for the dates of its refund policy."""
    at = clock.now()
    steps = orders.refund_policies([course.id for course in courses])
    language = get_language() or "en"
    return {
        "form": form,
        "bill": form.bill,
        "place": bills.place_words(form.values["country"], form.values["state"], language),
        "countries": bills.countries(language),
        "states": bills.indian_states(),
        "policies": [
            {
                "title": course.title,
                "steps": bills.policy_words(
                    steps[course.id], paid_at=at, starts_at=starts.get(course.id)
                ),
            }
            for course in courses
            if course.price is not None
        ],
        "withdrawal": form.can_withdraw(),
        "can_waive": form.can_withdraw()
        and any(withdrawal.begins_within(starts.get(course.id), at) for course in courses),
        "remind_words": reminding.words() if form.asks_to_remind else "",
        "terms_url": settings.ENVIRONMENT.terms_url,
        "terms_version": settings.ENVIRONMENT.terms_version,
    }
