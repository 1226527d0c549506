"""The correlation id: one text that follows a request through logs, events and jobs."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar, Token

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


class following:  # noqa: N801 - read as a verb, like the context managers of contextlib
    """Binds the id for the block: to `current()`, and so to every log line written inside."""

    __slots__ = ("_id", "_token")

    def __init__(self, correlation_id: str) -> None:
        self._id = correlation_id

    def __enter__(self) -> None:
        self._token: Token[str] = _current.set(self._id)

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)
