"""The live edge as an application: finds the endpoint, and does around it what Django's middleware
does around a view.
"""

from __future__ import annotations

import time
from functools import lru_cache

from django.conf import settings
from django.http import HttpResponse
from django.http.request import split_domain_port, validate_host

from matricula.edges import problems, request_log
from matricula.edges.live import heads, identity
from matricula.edges.live.messages import MESSAGES
from matricula.edges.live.requests import WHOLE, Answer, LiveRequest, Receive, Scope, Send, header
from matricula.edges.live.resources import Resources
from matricula.edges.live.routes import ROUTES, SOCKETS, Route, Table
from matricula.edges.live.sockets import Socket
from matricula.edges.live.stories import check_origin
from matricula.edges.metrics import count_request
from matricula.edges.middleware import HEADER
from matricula.kernel import correlation
from matricula.kernel.errors import MalformedRequest, NotFound

LONGEST_HOST = 260  # a name of 253 characters, and a port


class LiveApplication:
    """Serves what `routes.py` lists. `open` and `close` belong to the process's lifespan."""

    def __init__(self) -> None:
        self._table = Table(ROUTES)
        self._log = request_log.Gathered()

    async def open(self) -> None:
        self.resources = Resources()
        await self.resources.open()

    async def close(self) -> None:
        await self.resources.close()

    async def serve(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> bool:
        """Answers the request; False when it is Django's, and nothing was sent."""
        found = self._table.find(scope["method"], scope["path"])
        if found is None:
            return False
        route, params = found
        request = LiveRequest(scope, body, params, self.resources, receive)
        answer = await self._begin(route, request, send)
        if answer is None:
            return False
        if not isinstance(answer, WHOLE):
            await answer.run(receive, send)
        return True

    async def _begin(self, route: Route, request: LiveRequest, send: Send) -> Answer | None:
        """Sends the answer, or only its head if it goes on."""
        began = time.perf_counter()
        with correlation.following(correlation.accept_or_make(request.header(HEADER.lower()))):
            answer = await self._answer(route, request)
            if answer is None:
                return None
            head = answer if isinstance(answer, WHOLE) else answer.head
            self._record(route.method, route.path, head.status_code, time.perf_counter() - began)
            if isinstance(answer, HttpResponse):
                answer["Content-Length"] = str(len(answer.content))
            await send(heads.start(head, request.scope))
            if isinstance(answer, WHOLE):
                await send({"type": "http.response.body", "body": answer.content})
            return answer

    @staticmethod
    async def _answer(route: Route, request: LiveRequest) -> Answer | None:
        try:
            _check_host(request.header("host") or "")
            if "\x00" in request.scope["path"]:
                raise MalformedRequest("It holds a NUL character.")
            return await route.endpoint(request)
        except Exception as error:  # noqa: BLE001 - as Django's middleware: every failure is an answer
            return problems.respond(problems.as_domain_error(error))

    def _record(self, method: str, route: str, status: int, seconds: float) -> None:
        count_request(method, route, status, seconds)
        self._log.write(method, route, status, seconds)

    async def converse(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a WebSocket, or refuses it with a problem before it is opened."""
        began = time.perf_counter()
        await receive()  # websocket.connect
        with correlation.following(correlation.accept_or_make(header(scope, HEADER.lower()))):
            socket = await self._socket(scope, receive)
            if isinstance(socket, HttpResponse):
                status = socket.status_code
                start = heads.start(socket, scope)
                await send({**start, "type": "websocket.http.response.start"})
                body = {"type": "websocket.http.response.body", "body": socket.content}
                await send(body)
            else:
                status = 101
                await send({"type": "websocket.accept", "headers": heads.named()})
            self._record("GET", SOCKETS, status, time.perf_counter() - began)
            if isinstance(socket, Socket):
                await socket.talk(receive, send, MESSAGES)

    async def _socket(self, scope: Scope, receive: Receive) -> Socket | HttpResponse:
        request = LiveRequest(scope, b"", {}, self.resources, receive)
        try:
            _check_host(request.header("host") or "")
            if scope["path"] != SOCKETS:
                raise NotFound
            check_origin(scope)
            who = await identity.visitor(request)
            if who is not None:
                await identity.checked(who, self.resources.database)
            person_id = who.person_id if who else None
            self.resources.connections.check(person_id, request.address)
        except Exception as error:  # noqa: BLE001 - as in _answer
            return problems.respond(problems.as_domain_error(error))
        return Socket(self.resources, who, request.address)


@lru_cache(256)
def _is_host(host: str) -> bool:
    domain, _port = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


def _check_host(host: str) -> None:
    if len(host) > LONGEST_HOST or not _is_host(host):
        raise MalformedRequest("The Host header names no host of this site.")
