"""The one line that a request leaves in the log, for whoever answers requests.

It is written for every request, and going through structlog and its formatter was a third of what
the front spent on one. So it is put together here, in the same shape as every other line.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from select import PIPE_BUF

from matricula.kernel import correlation

NAME = "matricula.requests"

_log = logging.getLogger(NAME)


def write(method: str, route: str, status: int, seconds: float) -> None:
    """`route` and never the path: a path may hold a reset link."""
    if _log.isEnabledFor(logging.INFO):
        _hand_over(_line(method, route, status, seconds))


class Gathered:
    """The lines of what one event loop answers in one of its turns: they are handed over together,
    since each record costs as much as putting its line together, and a call of the system."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def write(self, method: str, route: str, status: int, seconds: float) -> None:
        """As the function `write`, a moment later. Call it in the event loop."""
        if not _log.isEnabledFor(logging.INFO):
            return
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._hand_over)
        self._lines.append(_line(method, route, status, seconds))

    def _hand_over(self) -> None:
        lines, self._lines = self._lines, []
        for some in _written_at_once(lines):
            _hand_over("\n".join(some))


def _written_at_once(lines: list[str]) -> Iterator[list[str]]:
    """In parts that a pipe takes as a whole: several processes write to one."""
    some: list[str] = []
    size = 0
    for line in lines:
        size += len(line) + 1  # ASCII, as JSON writes it
        if size > PIPE_BUF and some:
            yield some
            some, size = [], len(line) + 1
        some.append(line)
    yield some


def _hand_over(lines: str) -> None:
    _log.handle(logging.LogRecord(NAME, logging.INFO, "", 0, lines, None, None))


def _line(method: str, route: str, status: int, seconds: float) -> str:
    at = datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    return (
        f'{{{_beginning(method, route)}, "status": {status},'
        f' "milliseconds": {round(seconds * 1000, 1)},'
        f' "correlation_id": "{correlation.current()}", "timestamp": "{at}Z"}}'
    )


@lru_cache(1024)
def _beginning(method: str, route: str) -> str:
    return (
        f'"event": "request", "level": "info", "logger": "{NAME}",'
        f' "method": {json.dumps(method)}, "route": {json.dumps(route)}'
    )
