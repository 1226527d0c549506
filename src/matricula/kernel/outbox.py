"""From event to effect: the dispatcher takes owed events in batches and, in one transaction,
enqueues the jobs they owe and wakes the live processes with a notice that names whom the batch is
about.

Nothing of this happens inside the transactions that write events: a NOTIFY there would make their
commits queue (it takes a lock of the whole database), and a job each would double their cost.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections, connection, transaction
from procrastinate.exceptions import ProcrastinateException
from procrastinate.tasks import Task
from procrastinate.types import JSONDict

from matricula.kernel import notices

BATCH = 500
CHANNEL = "matricula_events"
IDLE_SECONDS = 0.05
AFTER_FAILURE_SECONDS = 1.0

log = structlog.get_logger(__name__)
_owed: dict[str, list[Task[..., Any, Any]]] = defaultdict(list)
_owed_together: set[int] = set()  # ids of tasks


@dataclass(frozen=True)
class OwedEvent:
    """An event whose effects are due."""

    seq: int
    type: str
    subject: UUID
    correlation_id: str
    course: UUID | None


def owe(task: Task[..., Any, Any], *event_types: str) -> None:
    """From now on each event of these types enqueues the task, with the keyword arguments
    `event_seq` and `correlation_id`. At least once: the task must bear being repeated.
    """
    for event_type in event_types:
        _owed[event_type].append(task)


def owe_together(task: Task[..., Any, Any], *event_types: str) -> None:
    """As `owe`, but one job for all those events of a batch, at most `BATCH`: it is enqueued with
    the keyword argument `event_seqs`. For effects that cost little beside a job of their own."""
    _owed_together.add(id(task))
    owe(task, *event_types)


def dispatch_batch() -> int:
    """Takes up to `BATCH` owed events and enqueues what they owe; returns how many it took.

    Several dispatchers may run: each takes rows that no other holds. All or nothing: if this
    process dies, the rows are still there.
    """
    with transaction.atomic():
        taken = _take()
        for task, events in _jobs(taken):
            if id(task) in _owed_together:
                task.defer(event_seqs=[event.seq for event in events])
            else:
                task.batch_defer(*map(_arguments, events))
        if taken:
            _notify(taken)
    return len(taken)


def _notify(taken: Sequence[OwedEvent]) -> None:
    named = {event.subject for event in taken} | {e.course for e in taken if e.course is not None}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_notify(%s, payload) FROM unnest(%s::text[]) AS payload",
            [CHANNEL, notices.written(named)],
        )


def _arguments(event: OwedEvent) -> JSONDict:
    return {"event_seq": event.seq, "correlation_id": event.correlation_id}


def dispatch_until(stop: threading.Event) -> None:
    """Dispatches until told to stop. A database that is away is waited for."""
    while not stop.is_set():
        try:
            pause = 0.0 if dispatch_batch() == BATCH else IDLE_SECONDS
        except (DatabaseError, InterfaceError, ProcrastinateException) as error:
            log.warning("dispatch_failed", error=str(error))
            pause = AFTER_FAILURE_SECONDS
            connection.close()
        stop.wait(pause)
    close_old_connections()
    connection.close()


def _take() -> list[OwedEvent]:
    # In order of seq; a row that a slower transaction commits later is simply taken later. Rows are
    # read by their own key, never "since the last one seen", so none is missed.
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH picked AS MATERIALIZED (  -- or the planner may pick more than once
                SELECT event_seq FROM kernel_outbox ORDER BY event_seq LIMIT %s
                   FOR UPDATE SKIP LOCKED
            ), taken AS (
                DELETE FROM kernel_outbox o USING picked p WHERE o.event_seq = p.event_seq
                RETURNING o.event_seq
            )
            SELECT e.seq, e.type, e.subject, e.correlation_id, (e.data ->> 'course')::uuid
              FROM taken t JOIN kernel_event e ON e.seq = t.event_seq ORDER BY e.seq
            """,
            [BATCH],
        )
        return [OwedEvent(*row) for row in cursor.fetchall()]


def _jobs(events: Iterable[OwedEvent]) -> list[tuple[Task[..., Any, Any], list[OwedEvent]]]:
    by_task: dict[int, tuple[Task[..., Any, Any], list[OwedEvent]]] = {}
    for event in events:
        for task in _owed.get(event.type, ()):
            by_task.setdefault(id(task), (task, []))[1].append(event)
    return list(by_task.values())
