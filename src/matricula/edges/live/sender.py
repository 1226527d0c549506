"""Sends to one client, in order and as fast as it reads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

# Characters that may wait for a client, beside what the kernel holds: well above what one read of
# the log may bring a client that has just come.
MOST_WAITING = 262_144
PATIENCE_SECONDS = 5.0


class Sender:
    """`transmit` sends some pieces at once and may take as long as the client does. A client that
    lets more than `MOST_WAITING` pile up is given up: `give_up` is called once, and nothing more
    is sent. There is no task while nothing is to be sent.
    """

    __slots__ = ("_give_up", "_size", "_task", "_transmit", "_waiting", "is_over")

    def __init__(
        self, transmit: Callable[[list[str]], Awaitable[None]], give_up: Callable[[], None]
    ) -> None:
        self._transmit = transmit
        self._give_up = give_up
        self._waiting: list[str] = []
        self._size = 0
        self._task: asyncio.Task[None] | None = None
        self.is_over = False

    def put(self, piece: str) -> None:
        """Sends the piece after those before it; returns at once."""
        if self.is_over:
            return
        self._waiting.append(piece)
        self._size += len(piece)
        if self._size > MOST_WAITING:
            self._end()
        elif self._task is None:
            self._task = asyncio.create_task(self._send())

    def stop(self) -> None:
        """Sends nothing more."""
        self.is_over = True
        self._waiting.clear()
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()

    async def flush(self) -> None:
        """Returns when everything is sent, or the client has kept us waiting too long."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=PATIENCE_SECONDS)

    async def _send(self) -> None:
        try:
            while self._waiting:
                pieces, self._waiting, self._size = self._waiting, [], 0
                await self._transmit(pieces)
        except (OSError, RuntimeError):  # the client is gone, or has been told goodbye
            self.stop()
        finally:
            self._task = None

    def _end(self) -> None:
        if not self.is_over:
            self.stop()
            self._give_up()
