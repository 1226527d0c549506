"""What courses cost a buyer: prices of the catalog, coupons and taxes put together for reading."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import babel
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from stdnum.eu import vat
from stdnum.exceptions import ValidationError as NumberError

from matricula.catalog.queries import CoursePlan
from matricula.kernel import clock
from matricula.kernel.errors import FieldError, Guidance, ValidationFailed, Words
from matricula.kernel.words import said
from matricula.pricing import gstin, queries, regions, rules
from matricula.pricing.errors import CouponInvalid, CurrencyMismatch
from matricula.pricing.gstin import InvalidGstin
from matricula.pricing.queries import Asker
from matricula.pricing.tax import EU
from matricula.pricing.values import Item, Place, Quote, SellerIdentity
from matricula.taxids import queries as tax_ids
from matricula.taxids.rules import is_of, standard

_COUNTRIES = frozenset(code for code in map(str, babel.Locale("en").territories) if code.isalpha())


def quote_courses(
    courses: Sequence[CoursePlan],
    *,
    codes: Sequence[str] = (),
    place: Place | None = None,
    person_id: UUID | None = None,
    email: str = "",
    at: datetime,
    seller: SellerIdentity | None = None,
) -> Quote:
    """What these courses cost together at this moment; the lines' keys are the courses' ids.

    Without a place, the buyer is taken to be where the seller is; `seller` is given where it was
    read already. Raises CurrencyMismatch, and a
    refusal of a coupon (`pricing.errors`).
    """
    seller = seller or queries.seller()
    place = place or Place(seller.country, seller.state)
    currency = currency_of(courses)
    is_paid = any(course.price is not None and course.price.current(at) for course in courses)
    if codes and not is_paid:
        raise CouponInvalid(_("This course is free: no coupon is needed."))
    asker, course_ids = Asker(person_id, email), [course.id for course in courses]
    about = {"at": at, "asker": asker, "courses": course_ids, "currency": currency}
    return rules.quote(
        [_item(course) for course in courses],
        seller=seller,
        place=place,
        rates=queries.rates(
            {course.tax_category for course in courses}, {seller.country, place.country}
        ),
        given=queries.find_coupons(codes, **about),  # type: ignore[arg-type]
        automatic=queries.automatic_coupons(**about) if is_paid else (),  # type: ignore[arg-type]
        at=at,
        currency=currency,
    )


def currency_of(courses: Iterable[CoursePlan]) -> str:
    """The one currency that these courses are priced in; the installation's where none has a price.
    Raises CurrencyMismatch."""
    found = {course.price.regular.currency for course in courses if course.price is not None}
    if len(found) > 1:
        raise CurrencyMismatch
    return found.pop() if found else str(settings.CURRENCY)


def place_of(
    country: str | None, state: str | None, tax_id: str = "", seller: SellerIdentity | None = None
) -> Place:
    """Where the buyer says to be; what is not said is taken to be where the seller is.

    A GSTIN names its State; a State that is given beside it must be the same. A VAT id is checked
    for its form; whether it is confirmed is what is known of it (see `flows/tax_ids.py`). Raises
    ValidationFailed naming the field.
    """
    seller = seller or queries.seller()
    code = (country or "").strip().upper() or seller.country
    if code and code not in _COUNTRIES:
        raise _wrong("country", _("Give a country code, like IN."))
    region = (state or "").strip()
    tax_id = tax_id.replace(" ", "").upper()
    if code == "IN":
        return _in_india(region, tax_id, seller.state if seller.country == "IN" else "")
    evidence = ""
    if tax_id and code in EU:
        tax_id = _vat_id(tax_id, code)
        evidence = tax_ids.evidence(tax_id, clock.now())
    return Place(code, region.upper()[:3] if len(region) <= 3 else "", tax_id, evidence)  # noqa: PLR2004


def _vat_id(tax_id: str, country: str) -> str:
    try:
        number = standard(vat.validate(tax_id))
    except NumberError as error:
        raise _wrong("tax_id", _("This is no valid VAT id.")) from error
    if not is_of(number, country):
        raise _wrong("tax_id", _("This VAT id is of another country than the bill."))
    return number


def _in_india(region: str, tax_id: str, default: str) -> Place:
    state = regions.state_code(region) if region else default
    if state is None:
        raise _wrong("state", _("Give a State or Union Territory of India, like KA or Karnataka."))
    if tax_id:
        try:
            tax_id, of_gstin = gstin.parse(tax_id)
        except InvalidGstin as error:
            raise _wrong("tax_id", _("This is no valid GSTIN.")) from error
        if region and state != of_gstin:
            message = said(
                "The GSTIN is of %(state)s. Choose that State, or correct the GSTIN.",
                state=regions.state_name(of_gstin),
            )
            raise _wrong("state", message)
        state = of_gstin
    return Place("IN", state, tax_id)


def _wrong(field: str, message: Words) -> ValidationFailed:
    return ValidationFailed(guidance=Guidance(errors=[FieldError(field, message)]))


def _item(course: CoursePlan) -> Item:
    return Item(
        key=course.id,
        course_id=course.id,
        title=course.title,
        price=course.price,
        tax_inclusive=course.tax_inclusive,
        tax_category=course.tax_category,
    )
