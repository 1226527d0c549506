"""One web process: bounded request heads, who waits for another process, and the stop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
import uvicorn

from matricula.runtime.draining import Draining
from matricula.runtime.web import LARGEST_HEAD, MOST_TAKEN_OVER, BoundedHead, _Server


async def hello(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


@asynccontextmanager
async def site(*others: socket.socket) -> AsyncIterator[int]:
    """A running site; its port. It looks after the sockets of `others` too."""
    config = uvicorn.Config(hello, http=BoundedHead, lifespan="off", log_config=None)
    server = _Server(config, others)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = asyncio.create_task(server._serve(sockets=[listener]))
        await asyncio.sleep(0)  # the kernel queues who connects before the server has started
        yield listener.getsockname()[1]
        server.should_exit = True
        await running


async def status_of(port: int, *parts: bytes) -> bytes:
    """The status line that answers a request sent in `parts`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0.01)  # lets the server read each part by itself
    line = await reader.readline()
    writer.close()
    return line.rstrip()


@pytest.mark.parametrize("size", [1, LARGEST_HEAD // 2])
def test_an_ordinary_head_is_answered(size: int) -> None:
    async def ask() -> bytes:
        async with site() as port:
            head = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-long: "
            return await status_of(port, head, b"x" * size, b"\r\n\r\n")

    assert asyncio.run(ask()) == b"HTTP/1.1 200 OK"


def test_an_endless_head_is_refused() -> None:
    async def ask() -> bytes:
        async with site() as port:
            half = b"x" * (LARGEST_HEAD // 2)
            return await status_of(port, b"GET / HTTP/1.1\r\nx-long: ", half, half, b"x")

    assert asyncio.run(ask()) == b"HTTP/1.1 431 Request Header Fields Too Large"


def test_a_large_body_is_no_large_head() -> None:
    async def ask() -> bytes:
        async with site() as port:
            size = 4 * LARGEST_HEAD
            head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % size
            return await status_of(port, head, *[b"x" * LARGEST_HEAD for _ in range(4)])

    assert asyncio.run(ask()) == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize("waiting", [1, MOST_TAKEN_OVER + 5])
def test_whoever_waits_for_another_process_in_vain_is_answered(waiting: int) -> None:
    async def ask() -> list[bytes]:
        with another() as listener:
            async with site(listener):
                return await ask_many(listener, waiting)

    assert asyncio.run(ask()) == [b"HTTP/1.1 200 OK"] * waiting


def test_without_a_look_at_the_others_sockets_they_wait_on() -> None:
    """The negative control."""

    async def ask() -> None:
        with another() as listener:
            async with site():
                await asyncio.wait_for(ask_many(listener, 1), 1)

    with pytest.raises(TimeoutError):
        asyncio.run(ask())


@contextmanager
def another() -> Iterator[socket.socket]:
    """The socket of a process that takes nobody."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


async def ask_many(listener: socket.socket, count: int) -> list[bytes]:
    port, head = listener.getsockname()[1], b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
    return list(await asyncio.gather(*(status_of(port, head) for _ in range(count))))


def test_draining_wakes_those_who_wait_and_those_who_come_later() -> None:
    async def drain() -> bool:
        draining = Draining()
        waiting = asyncio.create_task(draining.wait())
        await asyncio.sleep(0)
        assert not draining.begun
        draining.begin()
        await waiting
        await draining.wait()
        return draining.begun

    assert asyncio.run(drain())
