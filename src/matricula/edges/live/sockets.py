"""One WebSocket: who speaks, what they follow, and how much they may.

What its messages mean stands in `messages.py`. docs/live.md describes the protocol for clients.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import UUID

from matricula.edges import problems
from matricula.edges.live import identity
from matricula.edges.live.connections import end_of_life
from matricula.edges.live.identity import Identity
from matricula.edges.live.requests import Message, Receive, Send
from matricula.edges.live.sender import Sender
from matricula.edges.metrics import LIVE_DROPPED
from matricula.kernel import clock
from matricula.kernel.errors import (
    AuthenticationRequired,
    DomainError,
    MalformedRequest,
    RateLimited,
    ValidationFailed,
)

if TYPE_CHECKING:
    from matricula.edges.live.resources import Resources

SILENCE_SECONDS = 15.0  # in which a new socket must begin to follow something
MOST_FOLLOWED = 50
MESSAGES_A_SECOND, MOST_AT_ONCE = 10.0, 60
LONGEST_REQUEST_ID = 64
RESTARTING, GOING_AWAY = 1012, 1001
NOT_SIGNED_IN, TOO_SLOW, TOO_MANY = 4401, 4408, 4429

Payload = Mapping[str, Any]
# Does what one message asks, and answers with what is sent back, if anything. Raises DomainErrors.
Handle = Callable[["Socket", Payload], Awaitable["Payload | None"]]


class Socket:
    """An open conversation. Handlers use `identity`, `person`, `resources`, `push`, `follow` and
    `unfollow`; the rest is the edge's own.
    """

    transport = "websocket"

    def __init__(self, resources: Resources, who: Identity | None, address: str) -> None:
        self.resources = resources
        self.identity = who
        self.person_id: UUID | None = who.person_id if who else None
        self.address = address
        self.ends_at = end_of_life(who.ends_at if who else None)
        self._following: dict[str, Callable[[], None]] = {}
        self._allowance = _Allowance()
        self._is_first = True

    # --- for handlers -----------------------------------------------------------------------

    @property
    def person(self) -> Identity:
        """Who speaks. Raises AuthenticationRequired for a guest."""
        if self.identity is None:
            raise AuthenticationRequired
        return self.identity

    def push(self, message: Payload) -> None:
        """Sends a message, after those before it; returns at once."""
        self._sender.put(json.dumps(message, ensure_ascii=False))

    def push_text(self, text: str) -> None:
        """The same for a message that is JSON text already."""
        self._sender.put(text)

    def follow(self, name: str, begin: Callable[[], Callable[[], None]]) -> None:
        """Calls `begin`, and what it returns when the socket closes or the name is unfollowed. What
        was followed by this name before ends. Raises RateLimited beyond `MOST_FOLLOWED`."""
        self.unfollow(name)
        if len(self._following) >= MOST_FOLLOWED:
            raise RateLimited(f"A socket follows at most {MOST_FOLLOWED} things.")
        self._following[name] = begin()

    def follows(self, name: str) -> bool:
        return name in self._following

    def unfollow(self, name: str) -> None:
        """Ends what is followed by this name, if anything."""
        leave = self._following.pop(name, None)
        if leave is not None:
            leave()

    async def authenticate(self, token: str) -> None:
        """The token's person speaks from now on. Raises TokenExpired, TokenRefused or RateLimited,
        after which the socket closes."""
        who = await identity.checked(identity.bearer(token), self.resources.database)
        if self.identity is None:
            self.resources.connections.move(self, who)
        elif self.identity.person_id != who.person_id:
            raise AuthenticationRequired("The token is another person's.")
        else:
            self.resources.connections.renew(self, who)

    # --- the conversation -------------------------------------------------------------------

    async def talk(self, receive: Receive, send: Send, handlers: Mapping[str, Handle]) -> None:
        """Serves the accepted socket until it closes."""
        self._send = send
        self._sender = Sender(self._transmit, self._give_up)
        self._closing: asyncio.Task[None] | None = None
        self.resources.connections.enter(self)
        silence = asyncio.get_running_loop().call_later(SILENCE_SECONDS, self._check_silence)
        try:
            while (message := await receive())["type"] == "websocket.receive":
                await self._take(message, handlers)
        finally:
            silence.cancel()
            self.resources.connections.leave(self)
            for name in list(self._following):
                self.unfollow(name)
            self._sender.stop()

    async def _take(self, message: Message, handlers: Mapping[str, Handle]) -> None:
        given: Payload = {}
        try:
            self._allowance.spend()
            given = _read(message)
            is_first, self._is_first = self._is_first, False
            if is_first and isinstance(given.get("token"), str):
                await self.authenticate(given["token"])
            handle = handlers.get(str(given.get("type")))
            if handle is None:
                raise ValidationFailed("There is no such type of message.")
            answer = await handle(self, given)
            if answer is not None:
                self.push({**answer, **_about(given)})
        except Exception as exception:  # noqa: BLE001 - every failure is an answer
            self._refuse(problems.as_domain_error(exception), given)

    def _refuse(self, error: DomainError, given: Payload) -> None:
        self.push({**problems.to_problem(error), "type": "error", **_about(given)})
        if isinstance(error, _Flooding):
            self.close(TOO_MANY, error.detail)
        elif error.status == 401 and "token" in given:  # noqa: PLR2004
            self.close(NOT_SIGNED_IN, error.detail)

    def close(self, code: int, reason: str) -> None:
        """Closes after what was pushed before."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(code, reason))

    def beat(self) -> None:
        """Nothing: the server pings by the protocol itself."""

    def finish(self, *, restarting: bool) -> None:
        if restarting:
            self.close(RESTARTING, "The server restarts: connect again.")
        elif self.identity is not None and self.identity.ends_at <= clock.now():
            self.cut_off()
        else:
            self.close(GOING_AWAY, "Connect again.")

    def cut_off(self) -> None:
        self.close(NOT_SIGNED_IN, "Sign in again, then connect again.")

    def _check_silence(self) -> None:
        if not self._following:
            self.close(TOO_SLOW, "Nothing was subscribed to.")

    def _give_up(self) -> None:
        LIVE_DROPPED.labels(self.transport).inc()
        self.close(TOO_SLOW, "Too slow: connect again, and resume.")

    async def _transmit(self, pieces: list[str]) -> None:
        for piece in pieces:
            await self._send({"type": "websocket.send", "text": piece})

    async def _close(self, code: int, reason: str) -> None:
        await self._sender.flush()
        self._sender.stop()
        with suppress(OSError, RuntimeError):  # it is closed already
            await self._send({"type": "websocket.close", "code": code, "reason": reason})


class _Flooding(RateLimited):
    usual_detail = "Too many messages: the socket is closed."


class _Allowance:
    """How many messages may come: `MESSAGES_A_SECOND`, and `MOST_AT_ONCE` after a pause."""

    def __init__(self) -> None:
        self._left = float(MOST_AT_ONCE)
        self._at = asyncio.get_running_loop().time()

    def spend(self) -> None:
        """Raises _Flooding when there is nothing left."""
        now = asyncio.get_running_loop().time()
        self._left = min(MOST_AT_ONCE, self._left + (now - self._at) * MESSAGES_A_SECOND)
        self._at = now
        if self._left < 1:
            raise _Flooding
        self._left -= 1


def _read(message: Message) -> Payload:
    """The message as an object. Raises MalformedRequest."""
    try:
        given = json.loads(message.get("text") or "")
    except (ValueError, RecursionError) as error:
        raise MalformedRequest("A message is JSON text.") from error
    if not isinstance(given, dict):
        raise MalformedRequest("A message is a JSON object.")
    return given


def _about(given: Payload) -> dict[str, str]:
    """What the answer to a message repeats of it."""
    about: MutableMapping[str, str] = {}
    for name in ("request_id", "enrollment_id"):
        value = given.get(name)
        if isinstance(value, str) and len(value) <= LONGEST_REQUEST_ID:
            about[name] = value
    return dict(about)
