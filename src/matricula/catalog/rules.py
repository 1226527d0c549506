"""Decisions about prices and windows: pure, without a clock and without the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from matricula.kernel.money import Money

Window = Literal["before", "open", "after"]


@dataclass(frozen=True)
class ListPrice:
    """A course's price: what it usually costs, and what it costs on sale."""

    regular: Money
    sale: Money | None = None
    sale_starts_at: datetime | None = None
    sale_ends_at: datetime | None = None

    def on_sale(self, at: datetime) -> bool:
        return (
            self.sale is not None and window(self.sale_starts_at, self.sale_ends_at, at) == "open"
        )

    def current(self, at: datetime) -> Money:
        """What it costs at this moment, before coupons and tax."""
        return self.sale if self.sale is not None and self.on_sale(at) else self.regular


def registration_ends_at(
    closes_at: datetime | None,
    starts_at: datetime | None,
    ends_at: datetime | None,
    after_start: timedelta,
) -> datetime | None:
    """When registration for a cohort ends; None when it never does.

    A deadline that staff set decides. Otherwise it is `after_start` past the start, or the cohort's
    end if that comes first. Only a cohort without any of these dates stays open.
    """
    if closes_at is not None:
        return closes_at
    latest_start = None if starts_at is None else starts_at + after_start
    return min(filter(None, [latest_start, ends_at]), default=None)


def window(opens_at: datetime | None, closes_at: datetime | None, at: datetime) -> Window:
    """Where a moment stands to a half-open window: opens_at <= at < closes_at."""
    if opens_at is not None and at < opens_at:
        return "before"
    if closes_at is not None and at >= closes_at:
        return "after"
    return "open"
