"""One open answer of server-sent events
(https://html.spec.whatwg.org/multipage/server-sent-events.html).
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpResponse

from matricula.edges.live.connections import Connections, retry_milliseconds
from matricula.edges.live.identity import Identity
from matricula.edges.live.requests import LiveRequest, Receive, Send
from matricula.edges.live.sender import Sender
from matricula.edges.metrics import LIVE_DROPPED
from matricula.runtime.web import ABORT

# Begins to follow something for the stream, and answers how to end that.
Begin = Callable[["ServerSent"], Callable[[], None]]


class ServerSent:
    """Between two messages it is one coroutine that waits for the client to go away."""

    __slots__ = (
        "_abort",
        "_begin",
        "_connections",
        "_is_ending",
        "_send",
        "_sender",
        "address",
        "ends_at",
        "head",
        "identity",
        "person_id",
    )
    transport = "sse"

    def __init__(
        self, request: LiveRequest, who: Identity | None, ends_at: float, begin: Begin
    ) -> None:
        """Raises RateLimited when the person or the address has too many streams open."""
        self._connections: Connections = request.resources.connections
        self.identity = who
        self.person_id = who.person_id if who is not None else None
        self._connections.check(self.person_id, request.address)
        self._abort: Callable[[], None] | None = request.scope.get("extensions", {}).get(ABORT)
        self._begin = begin
        self._is_ending = False
        self.address = request.address
        self.ends_at = ends_at
        self.head = HttpResponse(content_type="text/event-stream")
        # Neither a proxy's buffer nor its compression may hold an event back.
        self.head["Cache-Control"] = "no-store, no-transform"
        self.head["X-Accel-Buffering"] = "no"

    async def run(self, receive: Receive, send: Send) -> None:
        """Sends what it is given until the client goes away or `end` is called."""
        self._send = send
        self._sender = Sender(self._transmit, self._give_up)
        self._sender.put(f"retry: {retry_milliseconds()}\n\n")
        leave = self._begin(self)
        self._connections.enter(self)
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            self._connections.leave(self)
            leave()
            self._sender.stop()

    def put(self, content: str, number: int | None = None) -> None:
        """Sends a message; `number` is what the client resumes from."""
        name = "" if number is None else f"id: {number}\n"
        self._sender.put(f"{name}data: {content}\n\n")

    def end(self) -> None:
        """Ends the answer after what was put before."""
        self._is_ending = True
        self._sender.put("")

    def beat(self) -> None:
        self._sender.put(":\n\n")

    def finish(self, *, restarting: bool) -> None:  # noqa: ARG002 - the client does the same
        self._sender.put(f"retry: {retry_milliseconds()}\n\n")
        self.end()

    def cut_off(self) -> None:
        self.finish(restarting=False)  # it asks again, and is refused

    async def _transmit(self, pieces: list[str]) -> None:
        body = "".join(pieces).encode()
        message = {"type": "http.response.body", "body": body, "more_body": not self._is_ending}
        await self._send(message)

    def _give_up(self) -> None:
        """The client reads too slowly. It will connect again, and resume."""
        LIVE_DROPPED.labels(self.transport).inc()
        if self._abort is not None:
            self._abort()
