"""Hears the dispatcher's notices over one connection of this process, and does not trust in them
alone.

A notice can be missed: while the connection is away, and when no dispatcher runs. After every new
connection everybody is woken. And every few seconds one cheap question is asked on the same
connection: is the first event in the outbox still the one it was? Then nobody dispatches, and
everybody who waits for events is woken too. So a stopped worker delays news by seconds, and loses
none.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from uuid import UUID

import psycopg
import structlog
from django.conf import settings
from psycopg import AsyncConnection

from matricula.kernel import notices

CHECK_SECONDS = 2.0
ANSWER_SECONDS = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
_FIRST_OWED = b"SELECT min(event_seq) FROM kernel_outbox"
log = structlog.get_logger(__name__)

# Told whom a notice names; None: anybody.
Wake = Callable[[list[UUID] | None], None]


async def listen(wake: Wake, stalled: Callable[[], None]) -> None:
    """Listens until it is cancelled. A connection that breaks is made anew, ever more patiently.
    `stalled` is called again and again while nobody dispatches."""
    pause = FIRST_PAUSE
    while True:
        try:
            async with await _connect() as connection:
                await connection.execute(f"LISTEN {notices.CHANNEL}".encode())
                pause = FIRST_PAUSE
                wake(None)
                await _hear(connection, wake, stalled)
        except (psycopg.Error, OSError, TimeoutError) as error:
            log.warning("listening_failed", error=str(error), pause=round(pause, 1))
        await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - spreads processes
        pause = min(pause * 2, LONGEST_PAUSE)


async def _connect() -> AsyncConnection[tuple[object, ...]]:
    # A peer that is gone without a word shows within half a minute.
    return await AsyncConnection.connect(
        settings.DATABASE_DIRECT_ADDRESS,
        autocommit=True,
        connect_timeout=10,
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
        application_name="matricula-listen",
    )


async def _hear(
    connection: AsyncConnection[tuple[object, ...]], wake: Wake, stalled: Callable[[], None]
) -> None:
    first_owed: object = None
    while True:
        async for notice in connection.notifies(timeout=CHECK_SECONDS):
            wake(notices.read(notice.payload))
        async with asyncio.timeout(ANSWER_SECONDS):
            row = await (await connection.execute(_FIRST_OWED)).fetchone()
        before, first_owed = first_owed, row[0] if row else None
        if first_owed is not None and first_owed == before:
            stalled()
