"""Reads of coupons, rates and the seller."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

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
from matricula.pricing.models import LIVE_USE, Coupon, CouponUse, Seller, TaxRate
from matricula.pricing.values import CouponTerms, Rate, SellerIdentity

MOST_CODES = 5
# Who sells where nobody has said so yet: no country whose taxes we know, so none is charged.
UNKNOWN_SELLER = SellerIdentity("Matricula", "Matricula", "", "", "")


@dataclass(frozen=True)
class Asker:
    """Who wants to use a coupon; a visitor nobody knows has neither."""

    person_id: UUID | None = None
    email: str = ""


def seller() -> SellerIdentity:
    """Who sells."""
    row = Seller.objects.first()
    if row is None:
        return UNKNOWN_SELLER
    return SellerIdentity(**{name: getattr(row, name) for name in SellerIdentity.__match_args__})


def rates(categories: Iterable[str], countries: Iterable[str]) -> list[Rate]:
    """The rates of these categories in these countries, of all dates."""
    rows = TaxRate.objects.filter(category__in=set(categories), country__in=set(countries))
    names = list(Rate.__match_args__)
    return [Rate(**row) for row in rows.values(*names)]


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
    rows = Coupon.objects.filter(code__in=wanted, is_active=True).prefetch_related("courses")
    by_code = {row.code: row for row in rows}
    found = []
    for code in wanted:
        row = by_code.get(code)
        if row is None or (row.starts_at is not None and at < row.starts_at):
            raise CouponInvalid
        if row.ends_at is not None and at >= row.ends_at:
            raise CouponExpired
        _check_limits(row, asker)
        terms = _terms(row)
        if not _fits(terms, courses, currency):
            raise CouponNotApplicable
        found.append(terms)
    if not coupons.may_combine(found):
        raise CouponNotApplicable(_("These codes cannot be used together."))
    return found


def automatic_coupons(
    *, at: datetime, asker: Asker, courses: Sequence[UUID], currency: str
) -> list[CouponTerms]:
    """The discounts that apply by themselves, the exhausted ones left out."""
    begun = Q(starts_at__isnull=True) | Q(starts_at__lte=at)
    lasting = Q(ends_at__isnull=True) | Q(ends_at__gt=at)
    rows = Coupon.objects.filter(begun, lasting, automatic=True, is_active=True).order_by("code")
    found = []
    for row in rows.prefetch_related("courses"):
        try:
            _check_limits(row, asker)
        except CouponExhausted:
            continue
        if _fits(_terms(row), courses, currency):
            found.append(_terms(row))
    return found


def _check_limits(row: Coupon, asker: Asker) -> None:
    """As it stands now; counted again under the coupon's lock when it is taken."""
    if row.total_limit is not None and row.taken >= row.total_limit:
        raise CouponExhausted
    if row.per_person_limit is None or (asker.person_id is None and not asker.email):
        return
    same = Q(person=asker.person_id) | Q(email=asker.email.lower())
    uses = CouponUse.objects.filter(same, coupon=row, state__in=LIVE_USE)
    if uses.count() >= row.per_person_limit:
        raise CouponExhausted(_("You have used this coupon as often as is possible."))


def _fits(terms: CouponTerms, courses: Sequence[UUID], currency: str) -> bool:
    if terms.amount is not None and terms.amount.currency != currency:
        return False
    return any(terms.covers(course) for course in courses)


def _terms(row: Coupon) -> CouponTerms:
    amount = None if row.amount_minor is None else Money(row.amount_minor, row.currency)
    return CouponTerms(
        id=row.pk,
        code=row.code,
        kind="percent" if amount is None else "fixed",
        percent=row.percent,
        amount=amount,
        courses=frozenset(course.pk for course in row.courses.all()),
        stackable=row.stackable,
        automatic=row.automatic,
    )
