"""Prices in currencies of three decimals, whose last digit gateways want to be 0."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from matricula.catalog.models import CoursePrice
from matricula.catalog.rules import ListPrice
from matricula.edges.console.prices import PriceForm
from matricula.kernel.ids import new_id
from matricula.kernel.money import Money
from matricula.pricing import rules
from matricula.pricing.models import Coupon
from matricula.pricing.values import CouponTerms, Item, Place, Rate, SellerIdentity

SELLER = SellerIdentity("A", "A", "", "KW", "")
RATES = [Rate("standard", "KW", "VAT", Decimal("7.5"))]


@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("percent", [Decimal(0), Decimal("33.33")])
def test_every_amount_of_a_quote_can_be_charged(inclusive: bool, percent: Decimal) -> None:
    course = new_id()
    price = ListPrice(Money(92_550, "KWD"))
    item = Item(course, course, "Databases", price, inclusive, "standard")
    coupons = [CouponTerms(new_id(), "THIRD", "percent", percent)] if percent else []
    quote = rules.quote(
        [item],
        seller=SELLER,
        place=Place("KW"),
        rates=RATES,
        given=coupons,
        at=datetime(2026, 12, 1, tzinfo=UTC),
        currency="KWD",
    )
    (line,) = quote.lines
    assert line.net.is_chargeable
    assert all(tax.amount.is_chargeable for tax in line.tax_lines)
    assert line.coupon_discount.is_chargeable


@pytest.mark.django_db
def test_a_price_that_cannot_be_charged_is_refused() -> None:
    form = PriceForm({"currency": "KWD", "amount": "99.991"}, instance=CoursePrice())
    assert "two decimals" in str(form.errors["amount"])


def test_a_coupon_that_cannot_be_charged_is_refused() -> None:
    coupon = Coupon(code="A", kind="fixed", amount_minor=1_005, currency="KWD")
    with pytest.raises(ValidationError, match="two decimals"):
        coupon.clean()
