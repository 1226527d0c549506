"""From event to effect: the dispatcher takes owed events in batches and, in one transaction,
enqueues the jobs they owe, writes down what is done for many of them together (`effects.py`), and
wakes the live processes with a notice that names whom the batch is about.

Nothing of this happens inside the transactions that write events: a NOTIFY there would make their
commits queue (it takes a lock of the whole database), and a job each would double their cost.
"""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from typing import Any

import structlog
from django.db import (
    DatabaseError,
    InterfaceError,
    close_old_connections,
    connection,
    transaction,
)
from django.db.models.functions import Now
from procrastinate.tasks import Task

from matricula.kernel import effects, failures
from matricula.kernel.failures import WorkQueue
from matricula.kernel.models import FailedWork, Outbox

BATCH = 500
IDLE_SECONDS = 0.05
AFTER_FAILURE_SECONDS = 1.0
RETRY_SECONDS = 5.0

log = structlog.get_logger(__name__)
_owed: dict[str, list[Task[..., Any, Any]]] = defaultdict(list)


def owe(task: Task[..., Any, Any], *event_types: str) -> None:
    """From now on each event of these types enqueues the task, with the keyword arguments
    `event_seq` and `correlation_id`. At least once: the task must bear being repeated.
    """
    for event_type in event_types:
        _owed[event_type].append(task)


def dispatch_batch() -> int:
    """Takes up to `BATCH` owed events and enqueues what they owe; returns how many it took.

    Several dispatchers may run: each takes rows that no other holds. All or nothing: if this
    process dies, the rows are still there, or all is done. An event that cannot be dispatched is
    taken out alone (`failures.py`), and the others of its batch go on.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT dispatch_events(%s, %s)", [BATCH, _owed_json()])
            row = cursor.fetchone()
    except DatabaseError as error:
        if failures.is_outage(error) or connection.in_atomic_block:
            raise
        log.warning("dispatched_one_by_one", error=failures.describe(error))
        return _dispatch_one_by_one()
    return int(row[0]) if row else 0


def retry_failed() -> int:
    """Dispatches events that failed before and whose pause is over; returns how many it tried."""
    due = FailedWork.objects.filter(queue=QUEUE.name, next_try_at__lte=Now())
    references = list(due.order_by("next_try_at").values_list("reference", flat=True)[:BATCH])
    failures.run_each(QUEUE.name, references, _dispatch_again)
    return len(references)


def _dispatch_one_by_one() -> int:
    seqs = list(Outbox.objects.order_by("event_seq").values_list("event_seq", flat=True)[:BATCH])
    for seq in seqs:
        try:
            with transaction.atomic():
                if _take(seq):
                    _dispatch([seq])
        except DatabaseError as error:
            if failures.is_outage(error):
                raise
            with transaction.atomic():
                if _take(seq):
                    failures.record(QUEUE.name, str(seq), error)
    return len(seqs)


def _take(seq: int) -> bool:
    """Whether this event is still owed and held by nobody else; it is the caller's then."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM kernel_outbox WHERE event_seq = (SELECT event_seq FROM kernel_outbox"
            " WHERE event_seq = %s FOR UPDATE SKIP LOCKED)",
            [seq],
        )
        return bool(cursor.rowcount)


def _dispatch_again(reference: str) -> None:
    with transaction.atomic():
        _dispatch([int(reference)])


def _dispatch(seqs: list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT dispatch_events_of(%s::bigint[], %s)", [seqs, _owed_json()])


def _owed_json() -> str:
    return json.dumps(_all_owed())


def _all_owed() -> list[dict[str, Any]]:
    """What each type of event owes, as `dispatch_events` wants it."""
    jobs = [
        {
            "type": event_type,
            "task": task.name,
            "queue": task.queue,
            "priority": task.priority,
            "lock": task.lock,
            "queueing_lock": task.queueing_lock,
        }
        for event_type, tasks in _owed.items()
        for task in tasks
    ]
    return jobs + [
        {"type": event_type, "task": name, "together": True} for event_type, name in effects.owed()
    ]


def dispatch_until(stop: threading.Event) -> None:
    """Dispatches until told to stop. A database that is away is waited for."""
    retry_at = 0.0
    while not stop.is_set():
        try:
            pause = 0.0 if dispatch_batch() == BATCH else IDLE_SECONDS
            if time.monotonic() >= retry_at:
                retry_failed()
                retry_at = time.monotonic() + RETRY_SECONDS
        except (DatabaseError, InterfaceError) as error:
            log.warning("dispatch_failed", error=str(error))
            pause = AFTER_FAILURE_SECONDS
            connection.close()
        stop.wait(pause)
    close_old_connections()
    connection.close()


QUEUE = failures.register(
    WorkQueue(
        name="events",
        title="Event dispatch",
        backlog="SELECT count(*), min(e.at) FROM (SELECT event_seq FROM kernel_outbox"
        " ORDER BY event_seq LIMIT 1000) o LEFT JOIN kernel_event e ON e.seq = o.event_seq",
        retry=_dispatch_again,
        is_vital=True,
    )
)
