"""The one line that a request leaves in the log, for whoever answers requests.

It is written for every request, and going through structlog and its formatter was a third of what
the front spent on one. So it is put together here, in the same shape as every other line.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from functools import lru_cache

from matricula.kernel import correlation

NAME = "matricula.requests"

_log = logging.getLogger(NAME)


def write(method: str, route: str, status: int, seconds: float) -> None:
    """`route` and never the path: a path may hold a reset link."""
    if not _log.isEnabledFor(logging.INFO):
        return
    at = datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    line = (
        f'{{{_beginning(method, route)}, "status": {status},'
        f' "milliseconds": {round(seconds * 1000, 1)},'
        f' "correlation_id": "{correlation.current()}", "timestamp": "{at}Z"}}'
    )
    _log.handle(logging.LogRecord(NAME, logging.INFO, "", 0, line, None, None))


@lru_cache(1024)
def _beginning(method: str, route: str) -> str:
    return (
        f'"event": "request", "level": "info", "logger": "{NAME}",'
        f' "method": {json.dumps(method)}, "route": {json.dumps(route)}'
    )
