"""When a cohort meets: weekly patterns and single meetings, told by the clock on the wall of the
place. Pure: without a clock and without the database.

A class from 18:00 to 20:00 stays there when the clocks change, so moments are worked out day by day
in the meeting's zone. A time that the spring change leaves out is taken as it was before the change
(02:30 becomes 03:30); one that the autumn change has twice is the first of the two.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, order=True)
class Span:
    """A half-open stretch of time in UTC: starts_at <= now < ends_at. Back to back is no clash."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Meeting:
    """Every week on these weekdays (1 is Monday, as in ISO 8601) from the first day to the last,
    both included; or, without weekdays, once on the first day. One that ends before it starts ends
    on the next day.
    """

    first_day: date
    last_day: date
    starts: time
    ends: time
    zone: str
    weekdays: tuple[int, ...] = ()
    skipped: tuple[date, ...] = ()
    place: str = ""


def occurrences(meeting: Meeting) -> list[Span]:
    """Each time it takes place, in order."""
    zone = ZoneInfo(meeting.zone)
    return [_span(meeting, day, zone) for day in _days(meeting)]


def of_cohort(meetings: Iterable[Meeting]) -> list[Span]:
    """Each time that the cohort meets, in order."""
    return sorted(span for meeting in meetings for span in occurrences(meeting))


def _days(meeting: Meeting) -> list[date]:
    if not meeting.weekdays:
        return [meeting.first_day]
    length = (meeting.last_day - meeting.first_day).days + 1
    every = (meeting.first_day + timedelta(days=number) for number in range(length))
    return [
        day for day in every if day.isoweekday() in meeting.weekdays and day not in meeting.skipped
    ]


def _span(meeting: Meeting, day: date, zone: ZoneInfo) -> Span:
    last = day + timedelta(days=1) if meeting.ends <= meeting.starts else day
    starts_at = datetime.combine(day, meeting.starts, zone).astimezone(UTC)
    ends_at = datetime.combine(last, meeting.ends, zone).astimezone(UTC)
    if ends_at <= starts_at:  # the change left the start out and pushed it behind the end
        ends_at = starts_at + (
            datetime.combine(last, meeting.ends) - datetime.combine(day, meeting.starts)
        )
    return Span(starts_at, ends_at)
