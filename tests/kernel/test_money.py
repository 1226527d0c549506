"""Money: whole minor units of one currency, split and rounded exactly."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matricula.kernel.money import CurrencyMismatch, Money, minor_digits

EXPONENTS = {"JPY": 0, "KRW": 0, "INR": 2, "USD": 2, "EUR": 2, "KWD": 3, "BHD": 3}
currencies = st.sampled_from(sorted(EXPONENTS))
minors = st.integers(-(2**63), 2**63 - 1)  # what a bigint column holds
weights = st.lists(st.integers(0, 10_000), min_size=1, max_size=12).filter(any)


@pytest.mark.parametrize(("currency", "digits"), EXPONENTS.items())
def test_a_currency_has_its_own_number_of_decimals(currency: str, digits: int) -> None:
    assert minor_digits(currency) == digits


@pytest.mark.parametrize("code", ["", "inr", "RUPEE", "IN R", "₹", "QQQ"])
def test_an_unknown_currency_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match="ISO 4217"):
        Money(1, code)


@pytest.mark.parametrize("amount", [1.0, 0.1, True, False, Decimal(1), "1", None])
def test_minor_units_are_whole_numbers_only(amount: object) -> None:
    with pytest.raises(TypeError):
        Money(amount, "INR")  # type: ignore[arg-type]


@pytest.mark.parametrize("amount", [0.5, 1.0, True])
def test_major_units_are_never_floats_or_booleans(amount: object) -> None:
    with pytest.raises(TypeError):
        Money.of_major(amount, "INR")  # type: ignore[arg-type]


@pytest.mark.parametrize("amount", ["abc", "", "NaN", "Infinity", "-Infinity", "sNaN", "1,5"])
def test_what_is_no_amount_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match=r"amount|decimals"):
        Money.of_major(amount, "INR")


@given(minors, currencies)
def test_major_units_lead_back_to_the_same_money(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert Money.of_major(money.major, currency) == money
    assert Money.of_major(str(money.major), currency) == money


@given(minors, currencies)
def test_major_units_have_exactly_the_decimals_of_the_currency(minor: int, currency: str) -> None:
    major = Money(minor, currency).major
    assert -int(major.as_tuple().exponent) == EXPONENTS[currency]
    assert Fraction(major) == Fraction(minor, 10 ** EXPONENTS[currency])


@pytest.mark.parametrize(("amount", "code"), [("1.005", "INR"), ("0.5", "JPY"), ("1.0001", "KWD")])
def test_more_decimals_than_the_currency_has_are_refused(amount: str, code: str) -> None:
    with pytest.raises(ValueError, match="decimals"):
        Money.of_major(amount, code)


@given(minors, weights, currencies)
def test_parts_sum_exactly_to_the_whole(minor: int, parts: list[int], currency: str) -> None:
    split = Money(minor, currency).split(parts)
    assert len(split) == len(parts)
    assert sum(part.minor for part in split) == minor


@given(minors, weights)
def test_each_part_is_within_one_unit_of_its_share(minor: int, parts: list[int]) -> None:
    for part, weight in zip(Money(minor, "INR").split(parts), parts, strict=True):
        assert abs(part.minor - Fraction(minor * weight, sum(parts))) < 1


@given(st.integers(0, 10**6), weights)
def test_leftover_units_go_to_the_largest_remainders(minor: int, parts: list[int]) -> None:
    total = sum(parts)
    shares = [divmod(minor * weight, total) for weight in parts]
    split = Money(minor, "INR").split(parts)
    got = [part.minor - whole for part, (whole, _) in zip(split, shares, strict=True)]
    best = sorted(range(len(parts)), key=lambda n: (-shares[n][1], n))[: sum(got)]
    assert {n for n, extra in enumerate(got) if extra} == set(best)


@given(minors, weights)
def test_a_negative_amount_splits_like_its_opposite(minor: int, parts: list[int]) -> None:
    money = Money(minor, "INR")
    assert [-part for part in money.split(parts)] == (-money).split(parts)


@pytest.mark.parametrize("wrong", [[], [0, 0], [1, -1], [-1, 3]])
def test_weights_that_share_nothing_out_are_refused(wrong: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        Money(100, "INR").split(wrong)


@given(st.integers(0, 10**15), st.decimals(0, 100, places=2))
def test_a_percentage_is_rounded_half_up_to_the_minor_unit(minor: int, rate: Decimal) -> None:
    exact = Fraction(minor) * Fraction(rate) / 100
    expected = int(exact + Fraction(1, 2))
    assert Money(minor, "INR").percent(rate) == Money(expected, "INR")
    assert Money(-minor, "INR").percent(rate) == Money(-expected, "INR")


def test_the_tax_heads_of_the_demo_course_are_as_published() -> None:
    net = Money.of_major("1499.50", "INR")
    assert net.percent(Decimal(9)).major == Decimal("134.96")
    assert net.percent(Decimal(18)).major == Decimal("269.91")
    assert Decimal("134.955").quantize(Decimal("0.01"), ROUND_HALF_UP) == Decimal("134.96")


@given(minors, minors, currencies)
def test_sums_and_order_are_those_of_the_minor_units(one: int, other: int, code: str) -> None:
    a, b = Money(one, code), Money(other, code)
    assert ((a + b).minor, (a - b).minor, (-a).minor) == (one + other, one - other, -one)
    assert (a < b, a <= b, a > b, a >= b) == (one < other, one <= other, one > other, one >= other)
    assert bool(a) == bool(one)


@pytest.mark.parametrize("mix", ["__add__", "__sub__", "__lt__", "__le__", "__gt__", "__ge__"])
def test_two_currencies_do_not_mix(mix: str) -> None:
    with pytest.raises(CurrencyMismatch):
        getattr(Money(1, "INR"), mix)(Money(1, "USD"))


def test_amounts_of_two_currencies_are_never_equal() -> None:
    assert Money(0, "INR") != Money(0, "USD")


@given(st.integers(0, 10**9), weights, st.decimals(0, 100, places=2))
def test_three_decimals_are_charged_in_steps_of_ten(
    units: int, parts: list[int], rate: Decimal
) -> None:
    whole = Money(units * 10, "KWD")
    assert all(part.is_chargeable for part in whole.split(parts))
    assert whole.percent(rate).is_chargeable
    assert not Money(units * 10 + 1, "KWD").is_chargeable


def test_other_currencies_are_charged_by_the_minor_unit() -> None:
    assert Money(99_991, "INR").is_chargeable
    assert Money(7, "JPY").is_chargeable
    assert Money(1995, "KWD").percent(Decimal(50)) == Money(1000, "KWD")
