"""The live edge as an application: finds the endpoint, and does around it what Django's middleware
does around a view.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import lru_cache

import structlog
from django.conf import settings
from django.http import HttpResponse
from django.http.request import split_domain_port, validate_host

from matricula.edges import problems
from matricula.edges.live import heads
from matricula.edges.live.database import Database
from matricula.edges.live.requests import Answer, LiveRequest, Receive, Scope, Send, header
from matricula.edges.live.routes import ROUTES, Route, Table
from matricula.edges.metrics import REQUESTS, SECONDS
from matricula.edges.middleware import HEADER
from matricula.kernel import correlation
from matricula.kernel.errors import MalformedRequest

LONGEST_HOST = 260  # a name of 253 characters, and a port
log = structlog.get_logger(__name__)


@dataclass
class Resources:
    """What the endpoints of one process share."""

    database: Database = field(default_factory=Database)

    async def open(self) -> None:
        await self.database.open()

    async def close(self) -> None:
        await self.database.close()


class LiveApplication:
    """Serves what `routes.py` lists. `open` and `close` belong to the process's lifespan."""

    def __init__(self) -> None:
        self.resources = Resources()
        self._table = Table(ROUTES)

    async def open(self) -> None:
        await self.resources.open()

    async def close(self) -> None:
        await self.resources.close()

    async def serve(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> bool:
        """Answers the request; False when it is Django's, and nothing was sent."""
        found = self._table.find(scope["method"], scope["path"])
        if found is None:
            return False
        route, params = found
        began = time.perf_counter()
        with correlation.following(correlation.accept_or_make(header(scope, HEADER.lower()))):
            answer = await self._answer(route, LiveRequest(scope, body, params, self.resources))
            if answer is None:
                return False
            head = answer if isinstance(answer, HttpResponse) else answer.head
            _record(route, head.status_code, time.perf_counter() - began)
            await send(heads.start(head, scope))
            if isinstance(answer, HttpResponse):
                await send({"type": "http.response.body", "body": answer.content})
            else:
                await answer.run(receive, send)
        return True

    async def converse(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a WebSocket. There is none yet: refused before it is opened."""
        log.info("websocket_refused", path=scope["path"][:LONGEST_HOST])
        await receive()
        await send({"type": "websocket.close", "code": 1008})

    @staticmethod
    async def _answer(route: Route, request: LiveRequest) -> Answer | None:
        try:
            _check_host(request.header("host") or "")
            if "\x00" in request.scope["path"]:
                raise MalformedRequest("It holds a NUL character.")
            return await route.endpoint(request)
        except Exception as error:  # noqa: BLE001 - as Django's middleware: every failure is an answer
            return problems.respond(problems.as_domain_error(error))


@lru_cache(256)
def _is_host(host: str) -> bool:
    domain, _port = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


def _check_host(host: str) -> None:
    if len(host) > LONGEST_HOST or not _is_host(host):
        raise MalformedRequest("The Host header names no host of this site.")


def _record(route: Route, status: int, seconds: float) -> None:
    REQUESTS.labels(route.method, route.path, status).inc()
    SECONDS.labels(route.path).observe(seconds)
    log.info(
        "request",
        method=route.method,
        route=route.path,
        status=status,
        milliseconds=round(seconds * 1000, 1),
    )
