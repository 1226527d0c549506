"""The number at a person's bell, live: how many messages they have not read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING
from uuid import UUID

import psycopg
import structlog

from matricula.edges.live import identity
from matricula.edges.live.connections import end_of_life
from matricula.edges.live.database import Database
from matricula.edges.live.requests import Answer, LiveRequest
from matricula.edges.live.server_sent import ServerSent
from matricula.edges.live.stories import check_origin
from matricula.notifications import queries

if TYPE_CHECKING:
    from matricula.edges.live.sockets import Payload, Socket

AT_ONCE = 500  # people in one question
# A reader who clears their list, or a batch of news, is one change.
PAUSE_SECONDS = 0.2
AFTER_FAILURE_SECONDS = 1.0
log = structlog.get_logger(__name__)

# Given the number of unread messages, counted as far as `queries.MOST_COUNTED` + 1. Must not block.
Ring = Callable[[int], None]


class Listener:
    """One who is told of one person's bell."""

    __slots__ = ("person_id", "ring", "told")

    def __init__(self, person_id: UUID, ring: Ring) -> None:
        self.person_id = person_id
        self.ring = ring
        self.told = -1


class Bells:
    """The bells that somebody of this process listens to. The database announces whose messages
    have changed (`notifications/sql/notices.sql`); those are counted together."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._listeners: dict[UUID, tuple[Listener, ...]] = {}
        self._changed: set[UUID] = set()
        self._wake = asyncio.Event()

    def listen(self, person_id: UUID, ring: Ring) -> Listener:
        """From now on `ring` is given the number: soon as it is, then as it changes."""
        listener = Listener(person_id, ring)
        self._listeners[person_id] = (*self._listeners.get(person_id, ()), listener)
        self.wake([person_id])
        return listener

    def leave(self, listener: Listener) -> None:
        """Ends it; a second time does no harm."""
        person_id = listener.person_id
        others = tuple(one for one in self._listeners.get(person_id, ()) if one is not listener)
        if others:
            self._listeners[person_id] = others
        else:
            self._listeners.pop(person_id, None)

    def wake(self, named: Iterable[UUID] | None) -> None:
        """Something may have changed for these people; None: for anybody."""
        changed = self._listeners if named is None else named
        woken = [person_id for person_id in changed if person_id in self._listeners]
        if woken:
            self._changed.update(woken)
            self._wake.set()

    async def run(self) -> None:
        """Counts and rings until it is cancelled. A database that is away is waited for."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._changed:
                people = [self._changed.pop() for _ in range(min(AT_ONCE, len(self._changed)))]
                try:
                    await self._count(people)
                except psycopg.Error as error:
                    log.warning("live_bells_not_read", error=str(error))
                    self._changed.update(people)
                    await asyncio.sleep(AFTER_FAILURE_SECONDS)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _count(self, people: list[UUID]) -> None:
        rows = await self._database.rows(queries.UNREAD, [queries.MOST_COUNTED + 1, people])
        for person_id, unread in rows:
            for listener in self._listeners.get(person_id, ()):
                if listener.told != unread:
                    listener.told = unread
                    listener.ring(unread)


async def stream_bell(request: LiveRequest) -> Answer:
    """How many messages are unread, as server-sent events: as it is, then as it changes."""
    check_origin(request.scope)
    person = await identity.lasting(request)
    bells = request.resources.bells

    def begin(stream: ServerSent) -> Callable[[], None]:
        listener = bells.listen(person.person_id, lambda unread: stream.put(_text(unread)))
        return lambda: bells.leave(listener)

    return ServerSent(request, person, end_of_life(person.ends_at), begin)


async def subscribe(socket: Socket, _given: Payload) -> Payload | None:
    """The same over a socket."""
    person_id = socket.person.person_id
    bells = socket.resources.bells

    def begin() -> Callable[[], None]:
        listener = bells.listen(
            person_id, lambda unread: socket.push({"type": "messages", "unread": unread})
        )
        return lambda: bells.leave(listener)

    socket.follow("messages", begin)
    return {"type": "messages.subscribed"}


def _text(unread: int) -> str:
    return f'{{"unread": {unread}}}'
