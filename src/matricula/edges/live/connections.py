"""The open streams, polls and sockets of this process: how many, how long, and their end."""

from __future__ import annotations

import asyncio
import ipaddress
import random
from collections import Counter
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from django.conf import settings

from matricula.edges.live.identity import Identity
from matricula.edges.live.standings import Standings
from matricula.edges.metrics import LIVE_OPEN
from matricula.kernel import clock
from matricula.kernel.errors import Guidance, RateLimited
from matricula.runtime.draining import draining

MOST_OF_A_PERSON = 20
MOST_OF_AN_ADDRESS = 1000  # a campus may stand behind one
RETRY_SECONDS = 10
HEARTBEAT_SECONDS = 15
LONGEST_LIFE_SECONDS = 3600.0
_TICK_SECONDS = 1.0
Key = TypeVar("Key")


class Client(Protocol):
    """Somebody connected. `ends_at` is a moment of the event loop's clock."""

    transport: str
    identity: Identity | None
    person_id: UUID | None
    address: str
    ends_at: float

    def beat(self) -> None:
        """Shows the client, and whatever stands between, that the connection is alive."""

    def finish(self, *, restarting: bool) -> None:
        """Says goodbye, so that the client connects again and goes on."""

    def cut_off(self) -> None:
        """Says goodbye to one who may not go on."""


class Connections:
    """Counts per process: with n web processes a person may have n times as many."""

    def __init__(self, standings: Standings) -> None:
        self._standings = standings
        # Clients beat in turns: each second those of one part.
        self._turns: list[set[Client]] = [set() for _ in range(HEARTBEAT_SECONDS)]
        self._people: Counter[UUID] = Counter()
        self._addresses: Counter[str] = Counter()
        self._entered = 0

    def check(self, person_id: UUID | None, address: str) -> None:
        """Raises RateLimited when the person or the address has too many open already."""
        if not settings.ENVIRONMENT.limits:
            return
        few = person_id is None or self._people[person_id] < MOST_OF_A_PERSON
        if few and (_is_exempt(address) or self._addresses[address] < MOST_OF_AN_ADDRESS):
            return
        raise RateLimited(
            "Too many live connections are open. Close some first.",
            Guidance(retry_after=RETRY_SECONDS),
        )

    def enter(self, client: Client) -> None:
        """From now on the client is counted, kept alive, and told when it must end."""
        self._turns[self._entered % HEARTBEAT_SECONDS].add(client)
        self._entered += 1
        self._addresses[client.address] += 1
        if client.person_id is not None:
            self._people[client.person_id] += 1
        LIVE_OPEN.labels(client.transport).inc()
        self._standings.enter(client)
        if draining.begun:
            client.finish(restarting=True)

    def leave(self, client: Client) -> None:
        """Ends what `enter` began."""
        self._standings.leave(client)
        for turn in self._turns:
            turn.discard(client)
        _forget_one(self._addresses, client.address)
        if client.person_id is not None:
            _forget_one(self._people, client.person_id)
        LIVE_OPEN.labels(client.transport).dec()

    def move(self, client: Client, who: Identity) -> None:
        """The client has shown only now who it is. Raises RateLimited."""
        self.check(who.person_id, client.address)
        client.person_id = who.person_id
        self._people[who.person_id] += 1
        self.renew(client, who)

    def renew(self, client: Client, who: Identity) -> None:
        """The same person shows it anew, by a token that lasts longer."""
        self._standings.leave(client)
        client.identity = who
        client.ends_at = end_of_life(who.ends_at)
        self._standings.enter(client)

    async def keep_alive(self) -> None:
        """Lets the clients beat, and ends those whose time is over, until it is cancelled."""
        now = asyncio.get_running_loop().time
        while True:
            for turn in self._turns:
                await asyncio.sleep(_TICK_SECONDS)
                for client in tuple(turn):
                    if now() >= client.ends_at:
                        client.finish(restarting=False)
                    else:
                        client.beat()

    async def drain(self) -> None:
        """Ends them all when the process begins to stop."""
        await draining.wait()
        for turn in self._turns:
            for client in tuple(turn):
                client.finish(restarting=True)


def end_of_life(until: datetime | None) -> float:
    """When a connection must end, by the event loop's clock: with the token or session, or after an
    hour, spread a little so that not all come back at once."""
    life = LONGEST_LIFE_SECONDS * random.uniform(0.9, 1.1)  # noqa: S311
    if until is not None:
        life = min(life, (until - clock.now()).total_seconds())
    return asyncio.get_running_loop().time() + life


def retry_milliseconds() -> int:
    """How long a client waits before it connects again: drawn, so that they come one by one."""
    usual: int = settings.EVENTS_RETRY_MILLISECONDS
    return round(usual * random.uniform(0.5, 1.5))  # noqa: S311


def _is_exempt(address: str) -> bool:
    """In demo mode everybody comes from loopback."""
    try:
        return settings.ENVIRONMENT.demo and ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _forget_one(counts: Counter[Key], key: Key) -> None:
    counts[key] -= 1
    if counts[key] <= 0:
        del counts[key]
