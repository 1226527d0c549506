"""Windows and prices at the exact instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from matricula.catalog.rules import ListPrice, window
from matricula.kernel.money import Money

OPENS = datetime(2026, 3, 1, 9, tzinfo=UTC)
CLOSES = datetime(2026, 4, 1, 9, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (OPENS - INSTANT, "before"),
        (OPENS, "open"),
        (CLOSES - INSTANT, "open"),
        (CLOSES, "after"),
    ],
)
def test_a_window_holds_its_first_instant_and_not_its_last(at: datetime, expected: str) -> None:
    assert window(OPENS, CLOSES, at) == expected


def test_a_missing_end_is_no_limit() -> None:
    assert window(None, None, OPENS) == "open"
    assert window(None, CLOSES, OPENS) == "open"
    assert window(OPENS, None, CLOSES + timedelta(days=10_000)) == "open"


@pytest.mark.parametrize(
    ("at", "minor"),
    [(OPENS - INSTANT, 100), (OPENS, 80), (CLOSES - INSTANT, 80), (CLOSES, 100)],
)
def test_a_sale_counts_from_its_first_instant_until_its_end(at: datetime, minor: int) -> None:
    price = ListPrice(Money(100, "INR"), Money(80, "INR"), OPENS, CLOSES)
    assert price.current(at) == Money(minor, "INR")
    assert price.on_sale(at) == (minor == 80)


def test_a_sale_without_dates_lasts() -> None:
    assert ListPrice(Money(100, "INR"), Money(0, "INR")).current(OPENS) == Money(0, "INR")


def test_without_a_sale_the_price_is_the_regular_one() -> None:
    price = ListPrice(Money(100, "INR"), None, OPENS, CLOSES)
    assert (price.current(OPENS), price.on_sale(OPENS)) == (Money(100, "INR"), False)
