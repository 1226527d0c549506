"""What the live edge's endpoints of one process share, and the tasks that serve them all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog

from matricula.edges.live.bells import Bells
from matricula.edges.live.connections import Connections
from matricula.edges.live.database import Database
from matricula.edges.live.finishing import Finishing
from matricula.edges.live.hub import Hub
from matricula.edges.live.listening import listen
from matricula.edges.live.seats import Board
from matricula.edges.live.standings import Standings
from matricula.edges.live.webhooks import Inbox
from matricula.flows import desk

AFTER_FAILURE_SECONDS = 1.0
log = structlog.get_logger(__name__)


class Resources:
    """Made inside the event loop; `open` and `close` belong to the process's lifespan."""

    def __init__(self) -> None:
        self.database = Database()
        self.hub = Hub(self.database)
        self.board = Board()
        self.bells = Bells(self.database)
        self.standings = Standings(self.database)
        self.connections = Connections(self.standings)
        self.webhooks = Inbox(self.database)
        self.finishing = Finishing()
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        await self.database.open()
        self.desk = desk.open_here()
        works: dict[str, Callable[[], Awaitable[None]]] = {
            "listen": lambda: listen(self._wake, self._wake_for_events),
            "hub": self.hub.run,
            "board": self.board.run,
            "bells": self.bells.run,
            "standings": self.standings.run,
            "keep-alive": self.connections.keep_alive,
            "drain": self.connections.drain,
        }
        self._tasks = [
            asyncio.create_task(_keep(name, work), name=f"live-{name}")
            for name, work in works.items()
        ]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.database.close()
        await asyncio.to_thread(desk.close_here)
        await asyncio.to_thread(self.finishing.close)

    def _wake(self, named: list[UUID] | None) -> None:
        """Something happened to these; None: to anybody."""
        if named is None:
            self.hub.wake_all()
        else:
            self.hub.wake(named)
        self.board.wake(named)
        self.bells.wake(named)
        self.standings.wake(named)

    def _wake_for_events(self) -> None:
        """Events may have gone unannounced. What the database announces itself has not."""
        self.hub.wake_all()
        self.board.wake(None)


async def _keep(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """A task without which nobody would be told anything: what nobody expected does not end it."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("live_task_failed", task=name)
            await asyncio.sleep(AFTER_FAILURE_SECONDS)
        else:
            return
