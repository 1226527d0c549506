"""Wakes whoever follows a subject when something happened to it.

The dispatcher's notice names subjects. Those that somebody of this process follows are read, all of
them in one statement, and each follower is given what lies above the last number it has. A new
follower is read for in the same way. So nothing is read for a follower while nothing happens, and a
subject's events reach every follower in order, without gaps and once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import psycopg
import structlog

from matricula.edges.api.event_json import event_json
from matricula.edges.live.database import Database
from matricula.kernel import events

AT_ONCE = 500  # subjects in one statement
LONGEST_READ = 100  # events of one subject in one statement
AFTER_FAILURE_SECONDS = 1.0
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to a client; `text` is its JSON."""

    number: int
    type: str
    text: str


# Given the new events in order, and whether more of them are about to follow. Must not block.
Feed = Callable[[Sequence[Delivery], bool], None]


class Following:
    """One follower of one subject, and the last number it was given."""

    __slots__ = ("after", "feed", "subject")

    def __init__(self, subject: UUID, after: int, feed: Feed) -> None:
        self.subject = subject
        self.after = after
        self.feed = feed


class Hub:
    """The followers of this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._followers: dict[UUID, tuple[Following, ...]] = {}
        self._woken: set[UUID] = set()
        self._wake = asyncio.Event()

    def follow(self, subject: UUID, after: int, feed: Feed) -> Following:
        """From now on `feed` is given every event of the subject numbered above `after`. The first
        call comes soon, with what there is already, if only with nothing."""
        following = Following(subject, after, feed)
        self._followers[subject] = (*self._followers.get(subject, ()), following)
        self.wake([subject])
        return following

    def leave(self, following: Following) -> None:
        """Ends it; a second time does no harm."""
        others = tuple(f for f in self._followers.get(following.subject, ()) if f is not following)
        if others:
            self._followers[following.subject] = others
        else:
            self._followers.pop(following.subject, None)

    def wake(self, subjects: Iterable[UUID]) -> None:
        """Something may have happened to these. Those that nobody follows cost nothing more."""
        woken = [subject for subject in subjects if subject in self._followers]
        if woken:
            self._woken.update(woken)
            self._wake.set()

    def wake_all(self) -> None:
        """Something may have happened to anybody: notices may have been missed."""
        self.wake(list(self._followers))

    async def run(self) -> None:
        """Reads for the woken until it is cancelled. A database that is away is waited for."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._woken:
                subjects = [self._woken.pop() for _ in range(min(AT_ONCE, len(self._woken)))]
                try:
                    await self._read(subjects)
                except psycopg.Error as error:
                    log.warning("live_read_failed", error=str(error))
                    self._woken.update(subjects)
                    await asyncio.sleep(AFTER_FAILURE_SECONDS)

    async def _read(self, subjects: Sequence[UUID]) -> None:
        known = {
            subject: min(following.after for following in self._followers[subject])
            for subject in subjects
            if subject in self._followers
        }
        if not known:
            return
        found: dict[UUID, list[Delivery]] = {subject: [] for subject in known}
        rows = await self._database.rows(
            events.OF_SUBJECTS, [list(known), list(known.values()), LONGEST_READ]
        )
        for subject, *row in rows:
            event = events.recorded(*row)
            found[subject].append(Delivery(event.number, event.type, event_json(event)))
        for subject, deliveries in found.items():
            self._deliver(subject, deliveries)

    def _deliver(self, subject: UUID, deliveries: Sequence[Delivery]) -> None:
        more = len(deliveries) == LONGEST_READ
        for following in self._followers.get(subject, ()):
            # A follower that came while this was read may want older ones: it has been woken again,
            # and must not be given these first.
            if deliveries and deliveries[0].number > following.after + 1:
                continue
            news = [delivery for delivery in deliveries if delivery.number > following.after]
            if news:
                following.after = news[-1].number
            following.feed(news, more)
        if more:
            self.wake([subject])
