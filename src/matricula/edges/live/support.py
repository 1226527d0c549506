"""Support as a chat: what the person says is kept before it is answered for, and what staff says is
told at once. `flows/support.py` does the work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Annotated
from uuid import UUID

import psycopg
import structlog
from pydantic import BaseModel, Field, StringConstraints

from matricula.edges.api.parsing import check_text
from matricula.edges.live import threads
from matricula.edges.live.hub import Delivery
from matricula.edges.live.requests import validated
from matricula.edges.live.sockets import Payload, Socket
from matricula.edges.live.stories import LARGEST_NUMBER
from matricula.flows import support
from matricula.kernel import ids
from matricula.kernel.errors import AuthenticationRequired, NotFound
from matricula.support import queries
from matricula.support.rules import LONGEST_KEY, LONGEST_MESSAGE

AFTER_FAILURE_SECONDS = 1.0
log = structlog.get_logger(__name__)


class Said(BaseModel):
    content: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_MESSAGE)]
    conversation_id: str | None = None
    key: Annotated[str, StringConstraints(max_length=LONGEST_KEY)] = ""


class Subscribe(BaseModel):
    conversation_id: str
    after: Annotated[int, Field(ge=0, le=LARGEST_NUMBER)] = 0


async def say(socket: Socket, given: Payload) -> Payload:
    """Keeps a message and answers with its number; from then on the socket hears what follows in
    the conversation. Sent again under its key, it is kept once."""
    asked = validated(Said, given)
    check_text(asked.content)
    check_text(asked.key)
    person_id = socket.person.person_id
    into = ids.from_text("sup", asked.conversation_id) if asked.conversation_id else None
    await _check_active(socket, person_id)
    written = await threads.in_django(
        lambda: support.chat(person_id, asked.content, conversation_id=into, key=asked.key)
    )
    _follow(socket, written.conversation_id, written.number, anew=False)
    return {
        "type": "support.kept",
        "conversation_id": ids.to_text("sup", written.conversation_id),
        "number": written.number,
        "at": written.at.isoformat().replace("+00:00", "Z"),
    }


async def subscribe(socket: Socket, given: Payload) -> Payload:
    """Hears the messages of one of the person's conversations numbered above `after`."""
    asked = validated(Subscribe, given)
    conversation_id = ids.from_text("sup", asked.conversation_id)
    person_id = socket.person.person_id
    await _check_active(socket, person_id)
    rows = await socket.resources.database.rows(queries.OWNER, [conversation_id])
    if rows != [(person_id,)]:
        raise NotFound("There is no such conversation.")
    _follow(socket, conversation_id, asked.after, anew=True)
    return {"type": "support.subscribed", "conversation_id": asked.conversation_id}


async def _check_active(socket: Socket, person_id: UUID) -> None:
    if not await socket.resources.database.rows(queries.IS_ACTIVE, [person_id]):
        raise AuthenticationRequired("This account is closed.")


def _follow(socket: Socket, conversation_id: UUID, after: int, *, anew: bool) -> None:
    reference = ids.to_text("sup", conversation_id)
    name = f"conversation {reference}"
    if not anew and socket.follows(name):
        return

    def begin() -> Callable[[], None]:
        telling = _Telling(socket, conversation_id, after)
        return telling.end

    socket.follow(name, begin)


class _Telling:
    """Tells a socket what is new in one conversation: woken by its events, which hold no words, it
    reads the messages themselves."""

    def __init__(self, socket: Socket, conversation_id: UUID, after: int) -> None:
        self._socket = socket
        self._conversation_id = conversation_id
        self._after = after
        self._woken = asyncio.Event()
        self._following = socket.resources.hub.follow(conversation_id, 0, self._wake)
        self._task = asyncio.create_task(self._run())

    def end(self) -> None:
        self._socket.resources.hub.leave(self._following)
        self._task.cancel()

    def _wake(self, deliveries: Sequence[Delivery], more: bool) -> None:  # noqa: ARG002
        if deliveries:
            self._woken.set()

    async def _run(self) -> None:
        with suppress(asyncio.CancelledError):
            while True:
                await self._woken.wait()
                self._woken.clear()
                await self._tell()

    async def _tell(self) -> None:
        database = self._socket.resources.database
        try:
            rows = await database.rows(queries.NEWS, [self._conversation_id, self._after])
        except psycopg.Error as error:
            log.warning("support_read_failed", error=str(error))
            await asyncio.sleep(AFTER_FAILURE_SECONDS)
            self._woken.set()
            return
        for number, author, content, at in rows:
            self._after = number
            self._socket.push(
                {
                    "type": "support.message",
                    "conversation_id": ids.to_text("sup", self._conversation_id),
                    "number": number,
                    "author": author,
                    "content": content,
                    "at": at.isoformat().replace("+00:00", "Z"),
                }
            )
