"""The first thing a request meets: plain ASGI, before the live edge, and Django and its threads.

It refuses bodies that are too large while they arrive, not after they have filled the disk, and
senders who ask too often before anything is done for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from django.conf import settings
from django.http.cookie import parse_cookie
from django.utils import translation

from matricula.edges import languages, problems
from matricula.edges.limits import Limits
from matricula.kernel import correlation
from matricula.kernel.errors import DomainError, Guidance, PayloadTooLarge, RateLimited

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

# The seconds until a sender who asks too often may ask again. Only the front says it.
LIMITED = b"x-matricula-limited"
_OURS = {b"content-length", b"transfer-encoding", LIMITED}
LARGEST_BODY = 1_048_576
LONGEST_LENGTH = 12  # digits of a Content-Length that is worth reading


class Live(Protocol):
    """What waits: `edges/live`. `serve` answers False for a request that is Django's."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def serve(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> bool: ...

    async def converse(self, scope: Scope, receive: Receive, send: Send) -> None: ...


class Front:
    """Serves `live` what it lists and `django` the rest, within limits. Answers the lifespan
    protocol itself."""

    def __init__(self, django: Application, live: Live, limits: Limits | None = None) -> None:
        self._django = django
        self._live = live
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            telling = asyncio.create_task(self._limits.tell()) if self._limits else None
            await _run(self._live, receive, send)
            if telling is not None:
                telling.cancel()
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)
        else:
            await self._live.converse(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        # For this request alone: the server runs each in a task, and so in a context, of its own.
        translation.activate(_language(scope))
        try:
            body = await _read_body(scope, receive)
        except _Disconnected:
            return  # half a request is no request
        except PayloadTooLarge as error:
            # What is still arriving is not read: the connection ends with this answer.
            await _refuse(scope, send, error, [(b"connection", b"close")])
            return
        standing = self._limits.ask(scope) if self._limits else None
        limited = b""
        if standing is not None and scope["path"].startswith("/api/"):
            if standing.is_over:
                over = RateLimited(guidance=Guidance(retry_after=standing.resets_in))
                await _refuse(scope, send, over, standing.headers)
                return
            send = _with_headers(send, standing.headers)
        elif standing is not None and standing.is_over:
            limited = str(standing.resets_in).encode()  # a page says so: Django's to make
        if not limited and await self._live.serve(scope, body, receive, send):
            return
        # One length and no transfer coding, whatever way the body came: a WSGI application takes a
        # body without a length for an empty one.
        kept = [pair for pair in scope["headers"] if pair[0] not in _OURS]
        ours = [(b"content-length", str(len(body)).encode())]
        if limited:
            ours.append((LIMITED, limited))
        scope = {**scope, "headers": [*kept, *ours]}
        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return messages.pop() if messages else await receive()

        await self._django(scope, replay, send)


class _Disconnected(Exception):
    """The client went away before its request was whole."""


async def _read_body(scope: Scope, receive: Receive) -> bytes:
    """The whole body. Raises PayloadTooLarge beyond `LARGEST_BODY`, and _Disconnected."""
    announced = _header(scope, b"content-length")
    if announced.isdigit() and (len(announced) > LONGEST_LENGTH or int(announced) > LARGEST_BODY):
        raise PayloadTooLarge
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Disconnected
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > LARGEST_BODY:
            raise PayloadTooLarge
        if not message.get("more_body", False):
            return b"".join(parts)


async def _refuse(
    scope: Scope, send: Send, error: DomainError, extra: list[tuple[bytes, bytes]]
) -> None:
    offered = _header(scope, b"x-correlation-id").decode("latin-1")
    correlation_id = correlation.accept_or_make(offered)
    with correlation.following(correlation_id):
        body = problems.body_of(error).encode()
    headers = [
        (b"content-type", problems.MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"x-correlation-id", correlation_id.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
        *extra,
    ]
    if error.guidance.retry_after is not None:
        headers.append((b"retry-after", str(error.guidance.retry_after).encode()))
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _with_headers(send: Send, headers: list[tuple[bytes, bytes]]) -> Send:
    async def add(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *headers]}
        await send(message)

    return add


async def _run(live: Live, receive: Receive, send: Send) -> None:
    await receive()
    await live.open()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await live.close()
    await send({"type": "lifespan.shutdown.complete"})


def _language(scope: Scope) -> str:
    """What `Languages` finds for Django's requests."""
    cookie, accepted = _header(scope, b"cookie"), _header(scope, b"accept-language")
    if not cookie and not accepted:
        return settings.LANGUAGE_CODE
    chosen = parse_cookie(cookie.decode("latin-1")).get(settings.LANGUAGE_COOKIE_NAME, "")
    return languages.choose("", chosen, accepted.decode("latin-1"))


def _header(scope: Scope, name: bytes) -> bytes:
    for key, value in scope["headers"]:
        if key == name:
            found: bytes = value
            return found
    return b""
