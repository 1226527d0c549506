"""The day of a moment. Pure."""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from zoneinfo import ZoneInfo


def day_at(at: datetime, zone: tzinfo | str) -> date:
    """The day that this moment has in a time zone: the seller's for taxes and papers, the school's
    for everything else. The only way to a day, since `at.date()` is mostly the day in UTC."""
    return at.astimezone(ZoneInfo(zone) if isinstance(zone, str) else zone).date()
