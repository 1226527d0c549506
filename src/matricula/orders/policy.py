"""How much of a line is given back, and until when: pure, without a clock and without the
database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

Until = Literal["before_start", "after_payment"]


@dataclass(frozen=True)
class Step:
    """Until `days` before the cohort starts, or after the payment, `percent` is given back."""

    until: Until
    days: int
    percent: int

    def as_json(self) -> dict[str, Any]:
        return {"until": self.until, "days": self.days, "percent": self.percent}


def read(policy: Sequence[Mapping[str, Any]]) -> list[Step]:
    """The steps as an order line keeps them."""
    return [Step(step["until"], step["days"], step["percent"]) for step in policy]


def ends_at(step: Step, *, paid_at: datetime, starts_at: datetime | None) -> datetime | None:
    """When the step ends (exclusive); None when it never applies: a start that is not set."""
    if step.until == "after_payment":
        return paid_at + timedelta(days=step.days)
    return None if starts_at is None else starts_at - timedelta(days=step.days)


def refundable_percent(
    steps: Sequence[Step], *, at: datetime, paid_at: datetime, starts_at: datetime | None
) -> int:
    """The best of the steps that still apply; 0 when none does."""
    found = _open(steps, at, paid_at, starts_at)
    return max((percent for percent, _end in found), default=0)


def step_ends_at(
    steps: Sequence[Step], *, at: datetime, paid_at: datetime, starts_at: datetime | None
) -> datetime | None:
    """Until when `refundable_percent` stays as it is; None when nothing is given back any more."""
    best = max(_open(steps, at, paid_at, starts_at), default=None)
    return None if best is None else best[1]


def _open(
    steps: Sequence[Step], at: datetime, paid_at: datetime, starts_at: datetime | None
) -> list[tuple[int, datetime]]:
    """The steps that still apply: percent and end."""
    ends = [(step.percent, ends_at(step, paid_at=paid_at, starts_at=starts_at)) for step in steps]
    return [(percent, end) for percent, end in ends if end is not None and at < end]
