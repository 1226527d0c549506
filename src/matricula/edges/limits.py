"""How often one person, and one address, may ask: counted before anything is done for them.

Each process counts in its memory, so that a request costs no query. Once a second it tells the
others of whoever asks often (`kernel/rates.py`) and learns what they saw. A limit can so be passed
by what the processes had not told of yet: at most an eighth of it in each of them.

Windows are fixed and as long as the limit says. A person is who their token names, or their session
cookie; whoever shows neither is known by their address alone.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.cookies import CookieError, SimpleCookie
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from matricula.accounts import tokens
from matricula.kernel import rates
from matricula.kernel.errors import DomainError
from matricula.kernel.rates import Counted

Scope = MutableMapping[str, Any]

TELL_EVERY = 1.0  # seconds
TOLD_FROM = 8  # whoever made one in so many of the requests allowed is told of
PAGES_THAT_ENROLL = re.compile(r"/courses/[^/]+/enroll/|/cart/.*|/guests/.*")
ENROLLING = re.compile(
    r"/api/v1/(enrollments/initialize|orders|waitlist/offers/[^/]+/accept|courses/[^/]+/waitlist)"
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Limit:
    """So many `requests` in so many `seconds`."""

    name: str
    requests: int
    seconds: int = 60


# A person's double clicks and retries stay far below; a school behind one address does too.
PERSON_ENROLLS = Limit("enrolling", 120)
ADDRESS_ENROLLS = Limit("enrolling-address", 6_000)
PERSON_ASKS = Limit("api", 3_000)
ADDRESS_ASKS = Limit("api-address", 12_000)


@dataclass(frozen=True)
class Standing:
    """Where a subject stands to a limit."""

    limit: Limit
    used: int
    resets_in: int  # seconds

    @property
    def is_over(self) -> bool:
        return self.used > self.limit.requests

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """As usual with gateways (draft-ietf-httpapi-ratelimit-headers, its first form)."""
        left = max(0, self.limit.requests - self.used)
        return [
            (b"ratelimit-limit", str(self.limit.requests).encode()),
            (b"ratelimit-remaining", str(left).encode()),
            (b"ratelimit-reset", str(self.resets_in).encode()),
        ]


@dataclass
class _Count:
    """Requests of one subject in the present window."""

    here: int = 0
    told: int = 0
    elsewhere: int = 0


class Limits:
    """The limits of one process. `count_loopback`: whether addresses of this machine count too."""

    def __init__(self, *, count_loopback: bool) -> None:
        self._count_loopback = count_loopback
        self._counts: dict[Limit, tuple[int, dict[str, _Count]]] = {}

    def ask(self, scope: Scope) -> Standing | None:
        """Counts the request; where its sender stands to the limit they are nearest to. None for
        what is not limited."""
        limits = _limits_of(scope)
        if limits is None:
            return None
        standings = [
            self._count(limit, subject)
            for limit, subject in zip(limits, self._senders(scope), strict=True)
            if subject
        ]
        return max(standings, key=lambda s: s.used / s.limit.requests, default=None)

    async def tell(self) -> None:
        """Tells the other processes, until cancelled."""
        while True:
            await asyncio.sleep(TELL_EVERY)
            news = list(self._news())
            if news:
                await asyncio.to_thread(self._tell, news)

    def _count(self, limit: Limit, subject: str) -> Standing:
        now = time.time()
        window = int(now // limit.seconds)
        counted_in, counts = self._counts.get(limit, (-1, {}))
        if counted_in != window:
            counts = {}
            self._counts[limit] = (window, counts)
        count = counts.setdefault(subject, _Count())
        count.here += 1
        resets_in = int((window + 1) * limit.seconds - now) + 1
        return Standing(limit, count.here + count.elsewhere, resets_in)

    def _senders(self, scope: Scope) -> tuple[str, str]:
        """The person and the address, as far as they are known and counted."""
        host = (scope.get("client") or ("", 0))[0]
        return _person(scope), _address(host, count_loopback=self._count_loopback)

    def _news(self) -> Iterator[tuple[Limit, int, str, _Count]]:
        for limit, (window, counts) in self._counts.items():
            for subject, count in counts.items():
                if count.here > count.told and count.here >= limit.requests // TOLD_FROM:
                    yield limit, window, subject, count

    def _tell(self, news: list[tuple[Limit, int, str, _Count]]) -> None:
        seen = [count.here for *_, count in news]
        counted = [
            Counted(
                _digest(f"{limit.name} {subject}"),
                datetime.fromtimestamp((window + 1) * limit.seconds, UTC),
                here - count.told,
            )
            for (limit, window, subject, count), here in zip(news, seen, strict=True)
        ]
        try:
            totals = rates.add(counted)
        except (DatabaseError, InterfaceError) as error:
            log.warning("limits_not_told", error=str(error))
            return
        finally:
            connection.close()
        for (*_, count), here, total in zip(news, seen, totals, strict=True):
            count.told, count.elsewhere = here, total - here


def _limits_of(scope: Scope) -> tuple[Limit, Limit] | None:
    path, changes = scope["path"], scope["method"] == "POST"
    if changes and (ENROLLING.fullmatch(path) or PAGES_THAT_ENROLL.fullmatch(path)):
        return PERSON_ENROLLS, ADDRESS_ENROLLS
    return (PERSON_ASKS, ADDRESS_ASKS) if path.startswith("/api/") else None


def _person(scope: Scope) -> str:
    given = {name: value.decode("latin-1") for name, value in scope["headers"] if name in _SHOWN}
    scheme, _, token = given.get(b"authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        try:
            return str(tokens.read_access(token.strip()))
        except DomainError:
            return ""
    try:
        session = SimpleCookie(given.get(b"cookie", "")).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return ""
    return f"session {session.value}" if session is not None else ""


_SHOWN = {b"authorization", b"cookie"}


def _address(host: str, *, count_loopback: bool) -> str:
    try:
        address = ip_address(host)
    except ValueError:
        return ""
    if address.is_loopback and not count_loopback:
        return ""
    if isinstance(address, IPv6Address):  # one customer has at least a /64
        return str(ip_network((address, 64), strict=False))
    return str(address)


def _digest(text: str) -> str:
    key = settings.SECRET_KEY.encode()[:64]
    return hashlib.blake2b(text.encode(), digest_size=16, key=key).hexdigest()
