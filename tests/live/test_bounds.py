"""Bounds of one process, where a running site would need a thousand clients to meet them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from matricula.edges.live import connections as module
from matricula.edges.live.connections import Connections
from matricula.edges.live.sockets import MOST_FOLLOWED, Socket
from matricula.edges.live.standings import Standings
from matricula.kernel.errors import RateLimited

ADDRESS, ANOTHER = "203.0.113.9", "203.0.113.10"


class Guest:
    """Somebody connected whom nobody knows."""

    transport = "sse"
    identity = None
    person_id = None
    ends_at = float("inf")

    def __init__(self, address: str) -> None:
        self.address = address

    def beat(self) -> None: ...

    def finish(self, *, restarting: bool) -> None: ...

    def cut_off(self) -> None: ...


def test_an_address_may_have_only_so_many_open(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fill() -> None:
        monkeypatch.setattr(module, "MOST_OF_AN_ADDRESS", 3)
        connections = Connections(Standings(cast("Any", None)))
        guests = [Guest(ADDRESS) for _ in range(3)]
        for guest in guests:
            connections.check(None, ADDRESS)
            connections.enter(guest)
        connections.check(None, ANOTHER)
        with pytest.raises(RateLimited) as refusal:
            connections.check(None, ADDRESS)
        assert refusal.value.guidance.retry_after
        connections.leave(guests[0])
        connections.check(None, ADDRESS)

    monkeypatch.setattr(module, "settings", Limited)
    asyncio.run(fill())


class Limited:
    """Settings of a site with its limits on."""

    class ENVIRONMENT:
        limits, demo = True, False


def test_a_socket_follows_only_so_many_things_and_keeps_those_it_has() -> None:
    async def fill() -> None:
        socket = Socket(cast("Any", None), None, ADDRESS)
        left: list[int] = []
        for number in range(MOST_FOLLOWED):
            socket.follow(f"enrollment {number}", _begin(left, number))
        with pytest.raises(RateLimited):
            socket.follow("one more", _begin(left, -1))
        assert left == []
        socket.follow("enrollment 7", _begin(left, 7))  # anew: takes its own place
        assert left == [7]

    asyncio.run(fill())


def _begin(left: list[int], number: int) -> Callable[[], Callable[[], None]]:
    return lambda: lambda: left.append(number)
