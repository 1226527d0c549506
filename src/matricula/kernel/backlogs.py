"""How far background work lags behind, by queue: what `/readyz`, the metrics, the doctor and the
console's overview report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from matricula.kernel import failures
from matricula.kernel.failures import WorkQueue


@dataclass(frozen=True)
class Backlog:
    """What is due in one queue: how many items (counted up to a thousand), for how many seconds the
    oldest has been due, and how many are set aside and wait for staff."""

    queue: WorkQueue
    waiting: int
    oldest_seconds: float
    set_aside: int


def backlogs() -> list[Backlog]:
    """Every queue's backlog, read in one statement from indexes. A queue that a former release had
    is listed while something of it is set aside."""
    measured = [queue for queue in failures.queues() if queue.backlog]
    text = " UNION ALL ".join(
        # Each is SQL of ours; no input reaches it.
        f"SELECT '{queue.name}', b.waiting,"  # noqa: S608
        " coalesce(extract(epoch FROM now() - b.since), 0)::float8"
        f" FROM ({queue.backlog}) AS b(waiting, since)"
        for queue in measured
    )
    with connection.cursor() as cursor:
        cursor.execute(text)
        found = {name: (waiting, seconds) for name, waiting, seconds in cursor.fetchall()}
    set_aside = failures.set_aside_counts()
    names = dict.fromkeys([*(queue.name for queue in failures.queues()), *set_aside])
    return [
        Backlog(failures.queue_named(name), *found.get(name, (0, 0.0)), set_aside.get(name, 0))
        for name in names
    ]


def late(found: Sequence[Backlog], seconds: float) -> list[Backlog]:
    """Those whose oldest item has been due for longer than this."""
    return [backlog for backlog in found if backlog.oldest_seconds > seconds]
