"""The quote: price, then coupons, then tax, each rounding stated. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from matricula.kernel.days import day_at
from matricula.kernel.money import CurrencyMismatch, Money
from matricula.pricing import coupons as couponing
from matricula.pricing.coupons import Discountable
from matricula.pricing.tax import Taxes, taxes_of
from matricula.pricing.values import (
    CouponTerms,
    Item,
    Place,
    Quote,
    QuoteLine,
    Rate,
    SellerIdentity,
    TaxLine,
)


def quote(
    items: Sequence[Item],
    *,
    seller: SellerIdentity,
    place: Place,
    rates: Sequence[Rate],
    given: Sequence[CouponTerms] = (),
    automatic: Sequence[CouponTerms] = (),
    at: datetime,
    currency: str,
) -> Quote:
    """What the items cost at this moment. `given` are the coupons the buyer named, all of which
    count; of the `automatic` ones those that are best for the buyer.

    Raises CurrencyMismatch for prices in another currency.
    """
    zero = Money.zero(currency)
    today = day_at(at, seller.time_zone)
    rows = []
    for item in items:
        price = item.price.current(at) if item.price is not None else zero
        if price.currency != currency:
            raise CurrencyMismatch(f"{price.currency} and {currency}")
        rows.append(Discountable(item.course_id, price))
    used = couponing.choose(rows, given, automatic)
    off = couponing.discounts(rows, used)
    lines, notes = [], []
    for item, row, discount in zip(items, rows, off, strict=True):
        taxes = Taxes()
        if row.price:
            taxes = taxes_of(item.tax_category, seller=seller, place=place, rates=rates, on=today)
        lines.append(_line(item, row.price, discount, taxes))
        notes.append(taxes.note)
    return Quote(
        currency=currency,
        lines=tuple(lines),
        coupons=used,
        notes=tuple(dict.fromkeys(note for note in notes if note)),
    )


def _line(item: Item, price: Money, discount: Money, taxes: Taxes) -> QuoteLine:
    original = item.price.regular if item.price is not None else price
    due = price - discount
    net, tax_lines = _included(due, taxes) if item.tax_inclusive else _added(due, taxes)
    return QuoteLine(
        key=item.key,
        course_id=item.course_id,
        title=item.title,
        original=original,
        sale_discount=original - price,
        coupon_discount=discount,
        net=net,
        tax_lines=tax_lines,
        tax_code=taxes.code,
    )


def _added(due: Money, taxes: Taxes) -> tuple[Money, tuple[TaxLine, ...]]:
    """Tax on top; each head rounded half up."""
    lines = tuple(TaxLine(head, percent, due.percent(percent)) for head, percent in taxes.heads)
    return due, lines


def _included(due: Money, taxes: Taxes) -> tuple[Money, tuple[TaxLine, ...]]:
    """Tax taken out of the price: all heads together rounded half up, then split, so that net and
    taxes sum to the price exactly."""
    total = sum((percent for _, percent in taxes.heads), Decimal(0))
    if not total:
        return due, tuple(TaxLine(head, percent, due - due) for head, percent in taxes.heads)
    exact = Decimal(due.minor) * total / (100 + total)
    tax = Money.rounded(exact, due.currency)
    weights = [int(percent * 1000) for _, percent in taxes.heads]
    parts = tax.split(weights)
    lines = tuple(
        TaxLine(head, percent, part)
        for (head, percent), part in zip(taxes.heads, parts, strict=True)
    )
    return due - tax, lines
