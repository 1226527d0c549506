"""Reads of coupons, rates and the seller."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from matricula.kernel.money import Money
from matricula.pricing import coupons
from matricula.pricing.errors import (
    CouponExhausted,
    CouponExpired,
    CouponInvalid,
    CouponNotApplicable,
)
from matricula.pricing.models import LIVE_USE, CouponUse
from matricula.pricing.values import CouponTerms, Rate, SellerIdentity

MOST_CODES = 5
# Who sells where nobody has said so yet: no country whose taxes we know, so none is charged.
UNKNOWN_SELLER = SellerIdentity("Matricula", "Matricula", "", "", "")


# Read for every price that is shown or paid, so the statements are written out: Django's query
# builder takes longer than they do. Their columns are the members of what is made from them.
_SELLER = """
SELECT name, legal_name, address, country, state, gstin, vat_id, email, time_zone, invoice_prefix
  FROM pricing_seller
"""
_RATES = """
SELECT category, country, head, percent, valid_from, valid_until, code
  FROM pricing_taxrate WHERE category = ANY (%s::text[]) AND country = ANY (%s::text[])
"""
_COUPONS = """
SELECT c.id, upper(c.code), c.percent, c.amount_minor, c.currency,
       ARRAY (SELECT s.course_id FROM pricing_coupon_courses s WHERE s.coupon_id = c.id),
       c.stackable, c.automatic, c.starts_at, c.ends_at, c.total_limit, c.per_person_limit, c.taken
  FROM pricing_coupon c
"""


@dataclass(frozen=True)
class Asker:
    """Who wants to use a coupon; a visitor nobody knows has neither."""

    person_id: UUID | None = None
    email: str = ""


def seller() -> SellerIdentity:
    """Who sells."""
    with connection.cursor() as cursor:
        cursor.execute(_SELLER)
        row = cursor.fetchone()
    return UNKNOWN_SELLER if row is None else SellerIdentity(*row)


def rates(categories: Iterable[str], countries: Iterable[str]) -> list[Rate]:
    """The rates of these categories in these countries, of all dates."""
    with connection.cursor() as cursor:
        cursor.execute(_RATES, [list(categories), list(countries)])
        return [Rate(*row) for row in cursor.fetchall()]


def find_coupons(
    codes: Sequence[str], *, at: datetime, asker: Asker, courses: Sequence[UUID], currency: str
) -> list[CouponTerms]:
    """The coupons with these codes, each once, in the order given.

    Raises CouponInvalid for a code that is unknown, inactive or not begun; CouponExpired;
    CouponExhausted, open checkouts counted; CouponNotApplicable for other courses or another
    currency, and for codes that cannot be used together.
    """
    wanted = list(dict.fromkeys(code.strip().upper() for code in codes if code.strip()))
    if not wanted:
        return []
    if len(wanted) > MOST_CODES:
        raise CouponNotApplicable(_("These are too many codes for one checkout."))
    rows = _coupons("upper(c.code) = ANY (%s::text[]) AND c.is_active", wanted)
    by_code = {row.terms.code: row for row in rows}
    found = []
    for code in wanted:
        row = by_code.get(code)
        if row is None or (row.starts_at is not None and at < row.starts_at):
            raise CouponInvalid
        if row.ends_at is not None and at >= row.ends_at:
            raise CouponExpired
        _check_limits(row, asker)
        if not _fits(row.terms, courses, currency):
            raise CouponNotApplicable
        found.append(row.terms)
    if not coupons.may_combine(found):
        raise CouponNotApplicable(_("These codes cannot be used together."))
    return found


def automatic_coupons(
    *, at: datetime, asker: Asker, courses: Sequence[UUID], currency: str
) -> list[CouponTerms]:
    """The discounts that apply by themselves, the exhausted ones left out."""
    found = []
    for row in _coupons(
        "c.automatic AND c.is_active AND (c.starts_at IS NULL OR c.starts_at <= %s)"
        " AND (c.ends_at IS NULL OR c.ends_at > %s) ORDER BY c.code",
        at,
        at,
    ):
        try:
            _check_limits(row, asker)
        except CouponExhausted:
            continue
        if _fits(row.terms, courses, currency):
            found.append(row.terms)
    return found


@dataclass(frozen=True)
class _Offered:
    """A coupon, and when and how often it can be had. Both ends and limits may be open."""

    terms: CouponTerms
    starts_at: datetime | None
    ends_at: datetime | None
    total_limit: int | None
    per_person_limit: int | None
    taken: int


def _coupons(which: str, *params: Any) -> list[_Offered]:
    with connection.cursor() as cursor:
        cursor.execute(f"{_COUPONS} WHERE {which}", params)
        return [_offered(row) for row in cursor.fetchall()]


def _offered(row: Sequence[Any]) -> _Offered:
    id_, code, percent, minor, currency, courses, stackable, automatic, *limits = row
    amount = None if minor is None else Money(minor, currency)
    terms = CouponTerms(
        id=id_,
        code=code,
        kind="percent" if amount is None else "fixed",
        percent=percent,
        amount=amount,
        courses=frozenset(courses),
        stackable=stackable,
        automatic=automatic,
    )
    return _Offered(terms, *limits)


def _check_limits(row: _Offered, asker: Asker) -> None:
    """As it stands now; counted again under the coupon's lock when it is taken."""
    if row.total_limit is not None and row.taken >= row.total_limit:
        raise CouponExhausted
    if row.per_person_limit is None or (asker.person_id is None and not asker.email):
        return
    same = Q(person=asker.person_id) | Q(email=asker.email.lower())
    uses = CouponUse.objects.filter(same, coupon=row.terms.id, state__in=LIVE_USE)
    if uses.count() >= row.per_person_limit:
        raise CouponExhausted(_("You have used this coupon as often as is possible."))


def _fits(terms: CouponTerms, courses: Sequence[UUID], currency: str) -> bool:
    if terms.amount is not None and terms.amount.currency != currency:
        return False
    return any(terms.covers(course) for course in courses)
