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
from django.db import DatabaseError, InterfaceError, connection, transaction

from matricula.kernel import failures
from matricula.kernel.failures import MAX_TRIES, WorkQueue
from matricula.kernel.models import Effect

Work = Callable[[Sequence[int]], Any]
Taken = tuple[int, int, int]  # an effect, the `seq` of its event, and how often it was taken

BATCH = 200
LEASE_SECONDS = 120
# Between two looks: long enough for a few to gather, short enough for whoever watches their bell.
PAUSE_SECONDS = 0.2
AFTER_FAILURE_SECONDS = 1.0
# From this try on an effect is done by itself: it failed before, or ended its worker's process.
ALONE_FROM = 3

log = structlog.get_logger(__name__)
_works: dict[str, Work] = {}
_owed: dict[str, list[str]] = defaultdict(list)


def owe_together(work: Work, *event_types: str) -> None:
    """From now on each event of these types owes `work`, which gets the `seq` of many. Its name
    stands in the database: what the release before wrote down is found by it."""
    name = f"{work.__module__}.{work.__qualname__}"
    _works[name] = work
    failures.register(_queue(name))
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
        except (DatabaseError, InterfaceError) as error:
            log.warning("effects_not_done", work=name, error=str(error))
            pause = AFTER_FAILURE_SECONDS
        connection.close()
        stop.wait(pause)


def do_due(name: str) -> int:
    """Takes one batch of what is due of this work and does it; returns how many it took."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM take_due_effects(%s, %s, %s)", [name, BATCH, LEASE_SECONDS])
        taken = cursor.fetchall()
    together = [one for one in taken if one[2] < ALONE_FROM]
    if together:
        _do(name, together)
    for one in taken:
        if one[2] > MAX_TRIES:  # not even its failure could be recorded
            _set_aside(name, one, "It ended the worker's process.")
        elif one[2] >= ALONE_FROM:
            _do(name, [one])
    return len(taken)


def _do(name: str, taken: list[Taken]) -> None:
    """All at once and, if that fails, each alone: what fails then fails alone."""
    try:
        _works[name]([seq for _, seq, _ in taken])
    except Exception as error:
        if failures.is_outage(error):
            raise  # their time comes again
        if len(taken) == 1:
            _failed(name, taken[0], error)
            return
        log.warning("effects_failed_together", work=name, count=len(taken), error=str(error))
        for one in taken:
            _do(name, [one])
        return
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM kernel_effect WHERE id = ANY(%s)", [[one[0] for one in taken]])


def _failed(name: str, one: Taken, error: Exception) -> None:
    effect, seq, tries = one
    log.error("effect_failed", work=name, seq=seq, tries=tries, exc_info=error)
    if tries >= MAX_TRIES:
        _set_aside(name, one, failures.describe(error))
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE kernel_effect SET due_at = statement_timestamp() + make_interval(secs => %s)"
            " WHERE id = %s",
            [failures.pause_after(tries).total_seconds(), effect],
        )


def _set_aside(name: str, one: Taken, why: str) -> None:
    effect, seq, tries = one
    with transaction.atomic():
        failures.set_aside(name, str(seq), why, tries)
        Effect.objects.filter(pk=effect).delete()


def _queue(name: str) -> WorkQueue:
    return WorkQueue(
        name=name,
        title=name.rpartition(".")[2].replace("_", " ").capitalize(),
        # The name is a module's and a function's of ours, no input.
        backlog="SELECT count(*), min(due_at) FROM (SELECT due_at FROM kernel_effect"  # noqa: S608
        f" WHERE work = '{name}' AND due_at <= now() ORDER BY due_at LIMIT 1000) due",
        retry=lambda seq: Effect.objects.create(work=name, event_seq=int(seq)),
    )
