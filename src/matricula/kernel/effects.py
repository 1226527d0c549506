"""Effects that are done for many events at once: a letter each costs little beside a job each.

The dispatcher writes down what events owe (`outbox.py`), and a thread of the worker takes what is
due, many at a time. While it is at work more gathers, so that under load its batches grow and each
effect gets cheaper.

Taking moves their time on, so that nobody else takes them and a worker that dies leaves them to be
taken again: at least once, and what is done must bear being repeated.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, connection

Work = Callable[[Sequence[int]], Any]
Taken = tuple[int, int]  # an effect and the `seq` of its event

BATCH = 200
LEASE_SECONDS = 120
# Between two looks: long enough for a few to gather, short enough for whoever watches their bell.
PAUSE_SECONDS = 0.2
AFTER_FAILURE_SECONDS = 1.0
# Tried again after so many seconds; from then on every hour, and the doctor speaks of it.
_PAUSES = (5, 30, 120, 600)
_HOURLY = 3600

log = structlog.get_logger(__name__)
_works: dict[str, Work] = {}
_owed: dict[str, list[str]] = defaultdict(list)


def owe_together(work: Work, *event_types: str) -> None:
    """From now on each event of these types owes `work`, which gets the `seq` of many. Its name
    stands in the database: what the release before wrote down is found by it."""
    name = f"{work.__module__}.{work.__qualname__}"
    _works[name] = work
    for event_type in event_types:
        _owed[event_type].append(name)


def owed() -> Iterator[tuple[str, str]]:
    """Each type of event with the name of a work it owes."""
    return ((event_type, name) for event_type, names in _owed.items() for name in names)


def names() -> list[str]:
    """The works there are. Each has a thread of its own, so that none waits for another."""
    return list(_works)


def work_until(name: str, stop: threading.Event) -> None:
    """Does what is due of this work until told to stop. A database that is away is waited for."""
    while not stop.is_set():
        try:
            pause = 0.0 if do_due(name) == BATCH else PAUSE_SECONDS
        except (OperationalError, InterfaceError) as error:
            log.warning("effects_not_done", work=name, error=str(error))
            pause = AFTER_FAILURE_SECONDS
        connection.close()
        stop.wait(pause)


def do_due(name: str) -> int:
    """Takes one batch of what is due of this work and does it; returns how many it took."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM take_effects(%s, %s, %s)", [name, BATCH, LEASE_SECONDS])
        taken = cursor.fetchall()
    if taken:
        _do(name, taken)
    return len(taken)


def _do(name: str, taken: list[Taken]) -> None:
    """All at once and, if that fails, each alone: what fails then fails alone."""
    try:
        _works[name]([seq for _, seq in taken])
    except (OperationalError, InterfaceError):
        raise  # the database: their time comes again
    except Exception as error:
        if len(taken) == 1:
            log.exception("effect_failed", work=name, seq=taken[0][1])
            _put_off(taken[0][0])
            return
        log.warning("effects_failed_together", work=name, count=len(taken), error=str(error))
        for one in taken:
            _do(name, [one])
        return
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM kernel_effect WHERE id = ANY(%s)", [[id_ for id_, _ in taken]])


def _put_off(effect: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE kernel_effect SET due_at = statement_timestamp()"
            " + make_interval(secs => coalesce((%s::int[])[tries], %s)) WHERE id = %s",
            [list(_PAUSES), _HOURLY, effect],
        )
