"""Decisions about VAT ids: pure, without a clock and without the database."""

from __future__ import annotations

from datetime import datetime, timedelta

# How long an answer counts. Whether a business is registered may change on any day; tax offices
# want it checked at the sale, and a month is what is usual between two sales to the same buyer.
CONFIRMED_FOR = timedelta(days=30)
REFUSED_FOR = timedelta(hours=1)
# Member States' registers are away for minutes at a time, and by night.
FIRST_RETRY = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(hours=1)
GIVEN_UP_AFTER = timedelta(days=3)
_MOST_DOUBLINGS = 20
# VAT ids name Greece so, which is GR everywhere else.
GREECE, GREECE_IN_IDS = "GR", "EL"


def standard(number: str) -> str:
    """The id as it is registered: people also write GR before those of Greece."""
    return GREECE_IN_IDS + number[2:] if number.startswith(GREECE) else number


def split(number: str) -> tuple[str, str]:
    """The member state as VIES names it, and the rest of the number."""
    return number[:2], number[2:]


def is_of(number: str, country: str) -> bool:
    """Whether the id is one of this country (ISO 3166-1)."""
    return number[:2] == (GREECE_IN_IDS if country == GREECE else country)


def pause_before_retry(tries: int) -> timedelta:
    """How long to wait after so many tries without an answer."""
    doubled: timedelta = FIRST_RETRY * (1 << min(tries, _MOST_DOUBLINGS))
    return min(doubled, LONGEST_PAUSE)


def counts(checked_at: datetime | None, *, by_staff: bool, at: datetime) -> bool:
    """Whether a confirmation still counts. What staff confirmed counts until they say otherwise."""
    return by_staff or (checked_at is not None and at < checked_at + CONFIRMED_FOR)
