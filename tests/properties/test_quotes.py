"""Quotes: whatever is bought, with whatever coupons, wherever, the lines sum exactly."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from matricula.catalog.rules import ListPrice
from matricula.kernel import ids
from matricula.kernel.money import Money
from matricula.orders import papers
from matricula.pricing import regions
from matricula.pricing.coupons import Discountable, discounts
from matricula.pricing.rules import quote
from matricula.pricing.values import CouponTerms, Item, Place, Quote, Rate, SellerIdentity

AT = datetime(2026, 11, 24, tzinfo=UTC)
COURSES = [ids.new_id() for _ in range(4)]
SELLERS = [
    SellerIdentity("A", "A", "", "IN", "KA"),
    SellerIdentity("B", "B", "", "IN", "CH"),
    SellerIdentity("C", "C", "", "DE", ""),
    SellerIdentity("D", "D", "", "US", "CA"),
]
RATES = [
    Rate("standard", "IN", "GST", Decimal(18), code="999293"),
    Rate("standard", "DE", "VAT", Decimal(19)),
    Rate("standard", "FR", "VAT", Decimal(20)),
]
prices = st.integers(0, 10_000_000)


@st.composite
def items(draw: st.DrawFn) -> Item:
    regular = draw(prices)
    sale = draw(st.none() | st.integers(0, regular))
    price = ListPrice(
        Money(regular, "INR"), None if sale is None else Money(sale, "INR"), None, None
    )
    course = draw(st.sampled_from(COURSES))
    return Item(
        key=course,
        course_id=course,
        title="Course",
        price=draw(st.none() | st.just(price)),
        tax_inclusive=draw(st.booleans()),
        tax_category=draw(st.sampled_from(["standard", "exempt", "unknown"])),
    )


@st.composite
def coupons(draw: st.DrawFn) -> CouponTerms:
    percent = draw(st.none() | st.decimals("0.01", "100", places=2))
    amount = None if percent is not None else Money(draw(st.integers(1, 5_000_000)), "INR")
    return CouponTerms(
        id=ids.new_id(),
        code=draw(st.text("ABC", min_size=3, max_size=6)),
        kind="fixed" if percent is None else "percent",
        percent=percent,
        amount=amount,
        courses=draw(st.frozensets(st.sampled_from(COURSES), max_size=3)),
        stackable=draw(st.booleans()),
    )


places = st.builds(
    Place,
    country=st.sampled_from(["IN", "DE", "FR", "US"]),
    state=st.sampled_from(["", *regions.INDIA]),
    tax_id=st.sampled_from(["", "FR123"]),
    tax_evidence=st.sampled_from(["", "confirmed by VIES"]),
)


def made(
    things: list[Item], seller: SellerIdentity, place: Place, automatic: list[CouponTerms]
) -> Quote:
    return quote(
        things,
        seller=seller,
        place=place,
        rates=RATES,
        automatic=automatic,
        at=AT,
        currency="INR",
    )


@given(
    st.lists(items(), min_size=1, max_size=5),
    st.sampled_from(SELLERS),
    places,
    st.lists(coupons(), max_size=3),
)
@settings(max_examples=1500, deadline=None)
def test_every_quote_sums_exactly(
    things: list[Item], seller: SellerIdentity, place: Place, automatic: list[CouponTerms]
) -> None:
    found = made(things, seller, place, automatic)
    zero = Money.zero("INR")
    assert found.total == found.net + found.tax
    assert found.tax.minor == sum(tax.amount.minor for tax in found.tax_lines)
    for thing, line in zip(things, found.lines, strict=True):
        due = line.original - line.discount
        assert zero <= due
        assert zero <= line.coupon_discount
        assert line.total == (due if thing.tax_inclusive else due + line.tax)
        assert zero <= line.net
        assert all(zero <= tax.amount for tax in line.tax_lines)
    if len({line.tax_code for line in found.lines}) == 1 and seller.country == "IN":
        heads = {tax.head for tax in found.tax_lines}
        assert heads <= {"IGST"} or heads in ({"CGST", "SGST"}, {"CGST", "UTGST"})


@given(st.lists(prices, min_size=1, max_size=6), st.lists(coupons(), max_size=4))
@settings(max_examples=1000, deadline=None)
def test_coupons_never_take_more_than_there_is(amounts: list[int], used: list[CouponTerms]) -> None:
    rows = [
        Discountable(COURSES[n % len(COURSES)], Money(minor, "INR"))
        for n, minor in enumerate(amounts)
    ]
    for row, off in zip(rows, discounts(rows, used), strict=True):
        assert Money.zero("INR") <= off <= row.price
        if not any(coupon.covers(row.course_id) for coupon in used):
            assert not off


@given(prices, st.integers(0, 4), st.data())
@settings(max_examples=500, deadline=None)
def test_a_credited_part_sums_exactly(net: int, heads: int, data: st.DataObject) -> None:
    taxes = [data.draw(st.integers(0, 100_000)) for _ in range(heads)]
    total = net + sum(taxes)
    if not total:
        return
    line = {
        "net_minor": net,
        "tax_lines": [{"head": "X", "percent": "9", "amount_minor": tax} for tax in taxes],
        "total_minor": total,
    }
    part = papers.split_part(line, data.draw(st.integers(1, total)), "INR")
    given_back = part["net_minor"] + sum(tax["amount_minor"] for tax in part["tax_lines"])
    assert given_back == part["total_minor"]
    assert part["net_minor"] <= net
