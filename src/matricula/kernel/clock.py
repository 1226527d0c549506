"""The one clock. Python code asks `now()`; inside SQL the database's own `now()` decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def _system() -> datetime:
    return datetime.now(UTC)


_clock: ContextVar[Clock] = ContextVar("clock", default=_system)


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return _clock.get()()


@contextmanager
def using(clock: Clock) -> Iterator[None]:
    """Lets `clock` answer `now()` inside the block."""
    token = _clock.set(clock)
    try:
        yield
    finally:
        _clock.reset(token)
