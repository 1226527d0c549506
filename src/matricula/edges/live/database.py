"""The live edge's way to the database: a small pool of asynchronous connections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from psycopg_pool import AsyncConnectionPool

# Two connections: on a hot row they beat eight, and streams ask for all their subjects at once.
SMALLEST, LARGEST = 1, 2
WAIT_SECONDS = 5.0
_OPTIONS = "-c lock_timeout=4s -c statement_timeout=20s -c timezone=UTC"


class Database:
    """Opened with the process. A database that is away is waited for, and then an OperationalError
    of psycopg, which is answered with 503."""

    def __init__(self) -> None:
        self.pool = AsyncConnectionPool(
            settings.DATABASE_ADDRESS,
            min_size=SMALLEST,
            max_size=LARGEST,
            timeout=WAIT_SECONDS,
            max_idle=300,
            kwargs={"autocommit": True, "options": _OPTIONS, "application_name": "matricula-live"},
            open=False,
            name="live",
        )

    async def open(self) -> None:
        """Begins to connect; does not wait for it."""
        await self.pool.open(wait=False)

    async def close(self) -> None:
        await self.pool.close()

    async def rows(
        self, statement: str, params: Sequence[Any] | Mapping[str, Any] = ()
    ) -> list[tuple[Any, ...]]:
        """What one statement, our own text, returns. It commits by itself."""
        async with self.pool.connection() as connection:
            cursor = await connection.execute(statement.encode(), params)
            return await cursor.fetchall()
