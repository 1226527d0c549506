"""Whether those who are connected still may be. Who signs out, gets a new password, has their token
revoked or their account closed is cut off within moments, not when the session or token would end.

The database announces such changes (`accounts/sql/notices.sql`), naming the person, the session or
the family of tokens. Whoever is connected by these is asked about again, many in one question.
Everybody is once after connecting, since something may have changed meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Protocol
from uuid import UUID

import psycopg
import structlog

from matricula.edges.live import identity
from matricula.edges.live.database import Database
from matricula.edges.live.identity import Identity

AT_ONCE = 500
AFTER_FAILURE_SECONDS = 1.0
log = structlog.get_logger(__name__)


class Signed(Protocol):
    """A connection of somebody who has shown who they are, if `identity` says so."""

    identity: Identity | None

    def cut_off(self) -> None:
        """The person may not be here any more."""


class Standings:
    """The connections of this process whose persons are known."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._named: dict[UUID, tuple[Signed, ...]] = {}
        self._doubted: set[Signed] = set()
        self._wake = asyncio.Event()

    def enter(self, client: Signed) -> None:
        """From now on the connection lasts no longer than its person's right to it."""
        if client.identity is None:
            return
        for name in client.identity.names:
            self._named[name] = (*self._named.get(name, ()), client)
        self._doubt([client])

    def leave(self, client: Signed) -> None:
        """Ends what `enter` began."""
        self._doubted.discard(client)
        for name in client.identity.names if client.identity else ():
            others = tuple(one for one in self._named.get(name, ()) if one is not client)
            if others:
                self._named[name] = others
            else:
                self._named.pop(name, None)

    def wake(self, named: Iterable[UUID] | None) -> None:
        """Something may have changed for these persons, sessions and families of tokens; None: for
        anybody."""
        for name in tuple(self._named) if named is None else named:
            self._doubt(self._named.get(name, ()))

    async def run(self) -> None:
        """Asks about the doubted, and ends those that may not be any more, until it is cancelled. A
        database that is away is waited for."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._doubted:
                clients = [self._doubted.pop() for _ in range(min(AT_ONCE, len(self._doubted)))]
                try:
                    await self._ask(clients)
                except psycopg.Error as error:
                    log.warning("live_standing_not_read", error=str(error))
                    self._doubted.update(clients)
                    await asyncio.sleep(AFTER_FAILURE_SECONDS)

    async def _ask(self, clients: list[Signed]) -> None:
        known = {client.identity for client in clients if client.identity is not None}
        standing = await identity.standing(known, self._database)
        for client in clients:
            if client.identity is not None and client.identity not in standing:
                client.cut_off()

    def _doubt(self, clients: Iterable[Signed]) -> None:
        before = len(self._doubted)
        self._doubted.update(clients)
        if len(self._doubted) > before:
            self._wake.set()
