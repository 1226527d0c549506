"""The correlation id: one text that follows a request through logs, events and jobs."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import structlog

_ACCEPTABLE = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_current: ContextVar[str] = ContextVar("correlation_id", default="")


def current() -> str:
    """The id of what is being done now; empty outside any request or job."""
    return _current.get()


def accept_or_make(offered: str | None) -> str:
    """The caller's id when it is harmless in a header and a log line, else a new one."""
    return accepted(offered) or secrets.token_hex(12)


def accepted(offered: str | None) -> str:
    """The id that somebody quotes; empty when it cannot be one of ours."""
    return offered if offered and _ACCEPTABLE.fullmatch(offered) else ""


@contextmanager
def following(correlation_id: str) -> Iterator[None]:
    """Binds the id for the block: to `current()` and to every log line written inside."""
    token = _current.set(correlation_id)
    try:
        with structlog.contextvars.bound_contextvars(correlation_id=correlation_id):
            yield
    finally:
        _current.reset(token)
