"""Where somebody stands in line, and how long it may take: pure, without a clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

# A line that has not moved for so long is not spoken of as if it did.
STALLED_AFTER = timedelta(seconds=30)
SOONEST_POLL, USUAL_POLL, LATEST_POLL = 2, 5, 30


@dataclass(frozen=True)
class Place:
    """A waiting ticket. `number` counts arrivals from 1, `ahead` those who are served before it;
    `pace` is tickets served a second, None while nothing was measured."""

    number: int
    ahead: int
    taken_at: datetime
    is_paused: bool
    pace: float | None
    moved_at: datetime | None

    @property
    def position(self) -> int:
        """1 is served next."""
        return self.ahead + 1


def is_moving(place: Place, at: datetime) -> bool:
    """Whether somebody was served lately, or the ticket is too new to tell."""
    since = max(place.taken_at, place.moved_at or place.taken_at)
    return not place.is_paused and at - since < STALLED_AFTER


def expected_wait(place: Place, at: datetime) -> int | None:
    """Seconds until its turn, at the pace measured; None when nobody can say."""
    if place.pace is None or place.pace <= 0 or not is_moving(place, at):
        return None
    return max(1, ceil(place.position / place.pace))


def poll_after(place: Place, at: datetime) -> int:
    """After how many seconds asking again is worth it: sooner toward the front, so that a long
    line does not ask all at once."""
    wait = expected_wait(place, at)
    if wait is None:
        return USUAL_POLL if place.ahead < 1000 else LATEST_POLL  # noqa: PLR2004
    return min(max(wait // 4, SOONEST_POLL), LATEST_POLL)


def opens_by_itself(taken: int, seconds: float, above: int) -> bool:
    """Whether seats are taken faster than `above` a second."""
    return seconds > 0 and taken / seconds > above


def is_calm(taken: int, seconds: float, above: int) -> bool:
    """Whether a room that opened by itself may close: well below what opened it, so that it does
    not open and close by turns."""
    return seconds > 0 and taken / seconds < above / 2
