"""What meets a request before Django does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import pytest

from matricula.edges.front import LARGEST_BODY, Front

Message = MutableMapping[str, Any]


class Served:
    """Stands where Django stands, and remembers the bodies it is given."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.headers: dict[bytes, bytes] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.headers = dict(scope["headers"])
        message = await receive()
        self.bodies.append(message["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})


class NothingLive:
    """Leaves every request to Django."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def serve(self, *_request: Any) -> bool:
        return False

    async def converse(self, *_connection: Any) -> None: ...


def serve(arriving: list[Message], **headers: str) -> tuple[Served, list[Message]]:
    """Sends a request that arrives in these messages; what was served and what was answered."""
    served, answered = Served(), []
    waiting = iter(arriving)

    async def receive() -> Message:
        return next(waiting)

    async def send(message: Message) -> None:
        answered.append(message)

    scope = {
        "type": "http",
        "headers": [
            (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
        ],
    }
    asyncio.run(Front(served, NothingLive())(scope, receive, send))
    return served, answered


def part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_body_in_parts_is_served_whole() -> None:
    served, _ = serve([part(b"ab", more=True), part(b"cd", more=False)])
    assert served.bodies == [b"abcd"]


def test_a_body_without_a_length_gets_one() -> None:
    """Else what comes in chunks would be taken for an empty body."""
    served, _ = serve([part(b"abcd", more=False)], transfer_encoding="chunked")
    assert served.headers == {b"content-length": b"4"}


def test_half_a_request_is_no_request() -> None:
    """Else a broken upload would be taken for an empty body, and cancel an enrollment."""
    served, answered = serve([part(b'{"reas', more=True), {"type": "http.disconnect"}])
    assert served.bodies == []
    assert answered == []


def test_a_body_beyond_the_limit_is_refused_while_it_arrives() -> None:
    half = b"x" * (LARGEST_BODY // 2 + 1)
    served, answered = serve([part(half, more=True), part(half, more=True)])
    assert served.bodies == []
    assert answered[0]["status"] == 413


@pytest.mark.parametrize("length", [str(LARGEST_BODY + 1), "9" * 5000])
def test_a_body_announced_beyond_the_limit_is_refused_unread(length: str) -> None:
    served, answered = serve([], content_length=length)
    assert served.bodies == []
    assert answered[0]["status"] == 413


@pytest.mark.parametrize(
    ("headers", "title"),
    [
        ({"accept_language": "fr-CA"}, "La requête est trop grande"),
        (
            {"accept_language": "fr", "cookie": "matricula_language=es"},
            "La solicitud es demasiado grande",
        ),
    ],
)
def test_what_the_front_refuses_is_said_in_the_readers_language(
    headers: dict[str, str], title: str
) -> None:
    _, answered = serve([part(b"", more=False)], content_length=str(LARGEST_BODY + 1), **headers)
    assert json.loads(answered[1]["body"])["title"] == title
