"""Taxes in India: whose State, and which day's rate."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from stdnum import luhn

from matricula.catalog.rules import ListPrice
from matricula.flows.quote import place_of
from matricula.kernel.errors import ValidationFailed
from matricula.kernel.ids import new_id
from matricula.kernel.money import Money
from matricula.pricing import gstin, regions, rules
from matricula.pricing.models import Seller
from matricula.pricing.values import Item, Place, Rate, SellerIdentity

SELLER = SellerIdentity("A", "A", "", "IN", "KA", time_zone="Asia/Kolkata")
PAN = "AABCM1234M"


def gstin_of(state: str) -> str:
    """A valid GSTIN that begins with this number of a State."""
    number = f"{state}{PAN}1Z"
    return number + luhn.calc_check_digit(number, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")


@pytest.mark.parametrize("number", [*(f"{number:02d}" for number in range(1, 39)), "97"])
def test_every_state_has_gstins(number: str) -> None:
    parsed, state = gstin.parse(gstin_of(number))
    assert parsed == gstin_of(number)
    assert state in regions.INDIA


@pytest.mark.parametrize(("number", "state"), [("25", "DH"), ("28", "AP"), ("38", "LA")])
def test_the_state_is_that_of_the_gstin(number: str, state: str) -> None:
    assert place_of("IN", None, gstin_of(number), SELLER).state == state


@pytest.mark.parametrize("text", ["", "39AABCM1234M1ZD", "29AABCM1234M1ZY", "29AABCM1234M0ZE", "x"])
def test_what_is_no_gstin_is_refused(text: str) -> None:
    with pytest.raises(gstin.InvalidGstin):
        gstin.parse(text)


def test_a_gstin_of_another_state_than_the_one_given_is_refused_in_words() -> None:
    with pytest.raises(ValidationFailed) as refused:
        place_of("IN", "MH", gstin_of("29"), SELLER)
    (error,) = refused.value.guidance.errors
    assert error.field == "state"
    assert "Karnataka" in str(error.message)
    assert place_of("IN", "Karnataka", gstin_of("29").lower(), SELLER).tax_id == gstin_of("29")


@pytest.mark.django_db
def test_the_sellers_gstin_is_valid_and_of_their_state() -> None:
    seller = Seller.objects.get()
    seller.full_clean()
    seller.state = "MH"
    with pytest.raises(ValidationError, match="of Karnataka"):
        seller.full_clean()
    seller.gstin = "29AABCM1234M1ZY"
    with pytest.raises(ValidationError, match="no valid GSTIN"):
        seller.full_clean()


@pytest.mark.parametrize(
    ("at", "percent"),
    [
        (datetime(2026, 11, 30, 18, 29, tzinfo=UTC), 18),
        (datetime(2026, 11, 30, 18, 30, tzinfo=UTC), 5),
    ],
)
def test_the_rate_is_that_of_the_sellers_day(at: datetime, percent: int) -> None:
    change = date(2026, 12, 1)
    rates = [
        Rate("standard", "IN", "GST", Decimal(18), valid_until=change),
        Rate("standard", "IN", "GST", Decimal(5), valid_from=change),
    ]
    item = Item(
        new_id(),
        new_id(),
        "Databases",
        ListPrice(Money(10_000, "INR")),
        tax_inclusive=False,
        tax_category="standard",
    )
    quote = rules.quote(
        [item], seller=SELLER, place=Place("IN", "MH"), rates=rates, at=at, currency="INR"
    )
    assert [line.percent for line in quote.lines[0].tax_lines] == [percent]
