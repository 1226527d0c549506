"""From event to effect: the dispatcher takes owed events in batches and, in one transaction,
enqueues the jobs they owe, writes down what is done for many of them together (`effects.py`), and
wakes the live processes with a notice that names whom the batch is about.

Nothing of this happens inside the transactions that write events: a NOTIFY there would make their
commits queue (it takes a lock of the whole database), and a job each would double their cost.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from procrastinate.tasks import Task

from matricula.kernel import effects

BATCH = 500
IDLE_SECONDS = 0.05
AFTER_FAILURE_SECONDS = 1.0

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
    process dies, the rows are still there, or all is done.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT dispatch_events(%s, %s)", [BATCH, json.dumps(_all_owed())])
        row = cursor.fetchone()
    return int(row[0]) if row else 0


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
    while not stop.is_set():
        try:
            pause = 0.0 if dispatch_batch() == BATCH else IDLE_SECONDS
        except (DatabaseError, InterfaceError) as error:
            log.warning("dispatch_failed", error=str(error))
            pause = AFTER_FAILURE_SECONDS
            connection.close()
        stop.wait(pause)
    close_old_connections()
    connection.close()
