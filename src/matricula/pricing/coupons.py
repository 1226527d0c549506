"""What coupons take off, and which go together: pure.

At most one coupon that is not stackable. Percentages come before fixed amounts, each on what is
left; within a kind in the order of their codes. Of the automatic ones that would exclude each
other, the best for the buyer counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from matricula.kernel.money import Money
from matricula.pricing.values import CouponTerms


@dataclass(frozen=True)
class Discountable:
    """A course and what it costs before coupons."""

    course_id: UUID
    price: Money


def may_combine(coupons: Sequence[CouponTerms]) -> bool:
    return len(coupons) <= 1 or all(coupon.stackable for coupon in coupons)


def choose(
    rows: Sequence[Discountable], given: Sequence[CouponTerms], automatic: Sequence[CouponTerms]
) -> tuple[CouponTerms, ...]:
    """The given coupons with the automatic ones that may join them; where they exclude each other,
    the combination that takes off most, the given ones first among equals."""
    candidates = [tuple(given)]
    candidates += [(*given, one) for one in automatic]
    candidates.append((*given, *(one for one in automatic if one.stackable)))
    if not given:
        candidates += [(one,) for one in automatic]
    allowed = [found for found in candidates if may_combine(found)]
    return max(allowed, key=lambda found: _total(rows, found), default=())


def discounts(rows: Sequence[Discountable], coupons: Sequence[CouponTerms]) -> list[Money]:
    """What is taken off each row, never more than it costs. Percentages round half up on each row;
    a fixed amount is split over the rows it covers by largest remainder."""
    left = [row.price for row in rows]
    in_order = sorted(coupons, key=lambda coupon: (coupon.kind == "fixed", coupon.code))
    for coupon in in_order:
        covered = [place for place, row in enumerate(rows) if coupon.covers(row.course_id)]
        for place, off in zip(covered, _taken(coupon, [left[p] for p in covered]), strict=True):
            left[place] = left[place] - off
    return [row.price - rest for row, rest in zip(rows, left, strict=True)]


def _taken(coupon: CouponTerms, prices: list[Money]) -> list[Money]:
    if coupon.percent is not None:
        return [price.percent(coupon.percent) for price in prices]
    weights = [price.minor for price in prices]
    if coupon.amount is None or not sum(weights):
        return [price - price for price in prices]
    total = Money(min(coupon.amount.minor, sum(weights)), coupon.amount.currency)
    return total.split(weights)


def _total(rows: Sequence[Discountable], coupons: Sequence[CouponTerms]) -> int:
    return sum(off.minor for off in discounts(rows, coupons))
