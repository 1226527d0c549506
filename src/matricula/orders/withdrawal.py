"""The right of consumers in Europe to withdraw from a contract made at a distance: pure.

Directive 2011/83/EU: within 14 days, without a reason, for all of the money (articles 9 and 13).
The day of the contract is not counted, and a period that would end on a weekend ends on the next
working day (Regulation 1182/71, article 3; public holidays differ by country, and only ever make it
longer: staff refunds by hand). A buyer may ask that the course begin at once and acknowledge that
the right is then lost (article 16); it is lost when the course has begun, not before. Businesses
have no such right. Everything here is a default that a lawyer confirms.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta, timezone
from typing import Literal

from matricula.kernel.days import day_at

DAYS = 14
SATURDAY = 5
# Where a day begins first and ends last: Réunion and Martinique.
_EAST, _WEST = timezone(timedelta(hours=4)), timezone(timedelta(hours=-4))
# The European Economic Area: the Union, and those who took over the directive.
_CODES = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK"
COUNTRIES = frozenset(_CODES.split(" "))
# "": none. "full": whatever the course does. "until_start": it was given up from its start on.
Right = Literal["", "full", "until_start"]


def is_consumer(country: str, tax_id: str) -> bool:
    """Whether the buyer has the right: somebody in the area who is no business."""
    return country in COUNTRIES and not tax_id


def begins_within(starts_at: datetime | None, at: datetime) -> bool:
    """Whether the course begins before the period of a contract made now is over, so that it has to
    be asked for; one without a date begins at once."""
    return starts_at is None or starts_at < at + timedelta(days=DAYS + 1)


def right(
    country: str, tax_id: str, starts_at: datetime | None, at: datetime, *, waives: bool
) -> Right:
    """The right that a line bought now comes with."""
    if not is_consumer(country, tax_id):
        return ""
    return "until_start" if waives and begins_within(starts_at, at) else "full"


def ends_at(kept: str, *, paid_at: datetime, starts_at: datetime | None) -> datetime | None:
    """Until when it is possible (exclusive), which is nowhere in Europe earlier than the law says;
    None where there is no such right."""
    if not kept:
        return None
    last = day_at(paid_at, _EAST) + timedelta(days=DAYS)
    while last.weekday() >= SATURDAY:
        last += timedelta(days=1)
    end = datetime.combine(last + timedelta(days=1), time(), _WEST)
    if kept == "until_start":
        return min(end, max(paid_at, starts_at or paid_at))
    return end
