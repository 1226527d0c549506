"""One web process: uvicorn, single-process, on a socket that its supervisor holds open.

Since the supervisor keeps every process's socket, the port stays open while one is replaced:
connections that arrive meanwhile wait in the kernel's queue, where the other processes look for
them and take them over.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import resource
import socket
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from matricula.config.environment import Environment
from matricula.runtime.children import announce_ready
from matricula.runtime.draining import draining
from matricula.runtime.listening import BACKLOG

ABORT = "matricula.abort"  # our ASGI extension: cuts the connection at once
LARGEST_HEAD = 64 * 1024  # bytes of request line and headers
LARGEST_MESSAGE = 64 * 1024  # bytes of one WebSocket message
DRAIN_SECONDS = 10
MOST_TAKEN_OVER = 100  # connections of another process, at each tick
# Longer than the idle time-out of the usual proxies (60 s): the side that reuses connections
# must be the one to close them, or a request may meet a closing one.
KEEP_ALIVE_SECONDS = 75

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class BoundedHead(HttpToolsProtocol):
    """Refuses a request whose head is larger than LARGEST_HEAD; the parser has no limit."""

    _heads = 0
    _head_is_open = False
    _head_size = 0

    def on_message_begin(self) -> None:
        self._head_is_open = True
        super().on_message_begin()
        # For a stream whose client does not read: closing would wait for it.
        extensions: dict[str, Any] = {ABORT: self.transport.abort}
        self.scope["extensions"] = extensions

    def on_headers_complete(self) -> None:
        self._head_is_open = False
        self._heads += 1
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        before = self._heads
        super().data_received(data)
        if self._head_is_open and self._heads == before:
            self._head_size += len(data)
        else:
            self._head_size = 0
        if self._head_size > LARGEST_HEAD and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()


class _Server(uvicorn.Server):
    """Announces its start, tells streams when it begins to stop, and takes whoever waits at the
    sockets of `others` at the moment of a tick, ten times a second: at that of a process that is
    well hardly ever anybody."""

    def __init__(self, config: uvicorn.Config, others: Sequence[socket.socket]) -> None:
        super().__init__(config)
        self._others = others

    async def on_tick(self, counter: int) -> bool:
        if not self.should_exit:
            for connection in itertools.chain.from_iterable(map(_waiting_at, self._others)):
                await self._take_over(connection)
        return await super().on_tick(counter)

    async def _take_over(self, connection: socket.socket) -> None:
        protocol = partial(
            BoundedHead,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        connection.setblocking(False)
        try:
            await asyncio.get_running_loop().connect_accepted_socket(protocol, connection)
        except OSError:  # the client went away
            connection.close()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        _keep_what_is_loaded()
        announce_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        draining.begin()
        await super().shutdown(sockets=sockets)


def _keep_what_is_loaded() -> None:
    """What start-up has made stays as long as the process: the collector need not walk it again,
    and need not come after every few hundred objects that a request makes."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _allow_open_files() -> None:
    """As many as the system lets this process have: each stream is one."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _waiting_at(listener: socket.socket) -> Iterator[socket.socket]:
    """The connections that nobody has taken yet, at most so many that the loop goes on."""
    for _ in range(MOST_TAKEN_OVER):
        try:
            connection, _address = listener.accept()
        except OSError:  # none, or it went away, or no file may be opened now
            return
        yield connection


def run_web_process(
    listener: socket.socket, others: Sequence[socket.socket], environment: Environment
) -> None:
    """Serves the site on its listening socket until a signal asks to stop, and whoever waits in
    vain at those of `others`."""
    _allow_open_files()
    for other in others:
        other.setblocking(False)
    config = uvicorn.Config(
        "matricula.config.asgi:application",
        loop="uvloop",
        http=BoundedHead,
        ws_max_size=LARGEST_MESSAGE,
        ws_per_message_deflate=False,  # messages are small, and its memory is not
        log_config=None,
        log_level="warning",
        access_log=False,  # our own middleware logs each request, with its correlation id
        server_header=False,
        proxy_headers=bool(environment.trusted_proxies),
        forwarded_allow_ips=list(environment.trusted_proxies),
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    _Server(config, others).run(sockets=[listener])
