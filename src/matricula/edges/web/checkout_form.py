"""What a buyer fills in before paying, and the price that follows from it. The same on the course's
confirmation, the cart, and for guests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from matricula.catalog.queries import CoursePlan
from matricula.edges.web import bills
from matricula.edges.web.bills import Bill
from matricula.flows import quote as quotes
from matricula.flows.checkout import Terms
from matricula.kernel import clock
from matricula.kernel.errors import DomainError
from matricula.orders import queries as orders
from matricula.pricing import queries as pricing
from matricula.pricing.values import Place

FIELDS = ("coupon", "country", "state", "tax_id")
_LONGEST = 64


@dataclass(frozen=True)
class CheckoutForm:
    """What was filled in, the price for it, and what is wrong with it by field."""

    values: dict[str, str]
    errors: dict[str, str]
    bill: Bill

    @property
    def codes(self) -> list[str]:
        return [self.values["coupon"]] if self.values["coupon"] else []

    @property
    def is_valid(self) -> bool:
        return not self.errors

    def terms(self, request: HttpRequest) -> Terms:
        """The terms to buy on."""
        return Terms(
            country=self.values["country"],
            state=self.values["state"],
            tax_id=self.values["tax_id"],
            terms_version=settings.ENVIRONMENT.terms_version if "terms" in request.POST else "",
        )


def read(
    request: HttpRequest, courses: Sequence[CoursePlan], person_id: UUID | None, email: str = ""
) -> CheckoutForm:
    """The form as it was sent, by GET or POST, with its price. A field that is wrong is left out of
    the price, and said beside the field; what was typed stays."""
    sent = request.POST if request.method == "POST" else request.GET
    values = {name: sent.get(name, "").strip()[:_LONGEST] for name in FIELDS}
    errors: dict[str, str] = {}
    seller = pricing.seller()
    place = Place(seller.country, seller.state)
    try:
        place = quotes.place_of(values["country"], values["state"], values["tax_id"])
    except DomainError as error:
        errors |= {entry.field: str(entry.message) for entry in error.guidance.errors}
    about: dict[str, Any] = {
        "place": place,
        "person_id": person_id,
        "email": email,
        "at": clock.now(),
    }
    codes = [values["coupon"]] if values["coupon"] else []
    try:
        quote = quotes.quote_courses(courses, codes=codes, **about)
    except DomainError as error:
        errors["coupon"] = _(error.title) + ". " + _(error.detail)
        quote = quotes.quote_courses(courses, **about)
    values["country"] = place.country
    values["state"] = values["state"] if "state" in errors else place.state
    return CheckoutForm(values, errors, bills.bill_of_quote(quote))


def context_of(form: CheckoutForm, courses: Sequence[CoursePlan]) -> dict[str, Any]:
    """What the template `components/checkout_fields.html` prints."""
    policies = [
        {
            "title": course.title,
            "steps": bills.policy_words(
                orders.refund_policy(course.id), paid_at=clock.now(), starts_at=_starts_at(course)
            ),
        }
        for course in courses
    ]
    return {
        "form": form,
        "bill": form.bill,
        "countries": bills.countries(get_language() or "en"),
        "states": bills.indian_states(),
        "policies": policies,
        "terms_url": settings.ENVIRONMENT.terms_url,
        "terms_version": settings.ENVIRONMENT.terms_version,
    }


def _starts_at(course: CoursePlan) -> Any:
    return next((plan.starts_at for plan in course.cohorts if plan.starts_at), None)
