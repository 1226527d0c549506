"""Failed work: one item that cannot be processed never holds up the others.

Every background queue follows the same rule. An item that fails is recorded with its error and
tried again after growing pauses. After `MAX_TRIES` it is set aside: it is not tried again until
staff retries it, or drops it, in the console under *Failed work*. `doctor`, `/readyz`, the metrics
and the console's overview report what is set aside.

A database that is away is no item's fault: `is_outage` tells, and the whole queue waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import psycopg
import structlog
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models.functions import Now

from matricula.kernel import events
from matricula.kernel.errors import IllegalState
from matricula.kernel.events import NewEvent
from matricula.kernel.foreign_text import storable
from matricula.kernel.models import FailedWork

# Together ten minutes and a half: long enough for a short fault elsewhere to pass.
MAX_TRIES = 8
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(hours=1)
LONGEST_ERROR = 500
# Connection exceptions, insufficient resources and operator intervention
# (https://www.postgresql.org/docs/current/errcodes-appendix.html); of the last, a canceled
# statement (57014) may well be the item's own fault.
_OUTAGES = ("08", "53", "57P", "58")

T = TypeVar("T")
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class WorkQueue:
    """A kind of background work, as staff and monitoring know it.

    `backlog` is SQL for one row (number of items due, `timestamptz` since when the oldest is due),
    or empty where nothing queues up. `retry` processes an item that was set aside, or puts it back
    into its queue; `drop` ends it for good. Both get the item's reference; without them, forgetting
    the failure is enough for the item to be found again. A site whose vital queue lags for long is
    not ready: a large mailing may lag, but not what grants seats and tells that it happened.
    """

    name: str
    title: str
    backlog: str = ""
    retry: Callable[[str], object] | None = None
    drop: Callable[[str], object] | None = None
    is_vital: bool = False


_queues: dict[str, WorkQueue] = {}


def register(queue: WorkQueue) -> WorkQueue:
    """Makes the queue known to staff and monitoring."""
    _queues[queue.name] = queue
    return queue


def queues() -> Collection[WorkQueue]:
    """Every registered queue."""
    return _queues.values()


def queue_named(name: str) -> WorkQueue:
    """The queue of this name; one that a former release had can only be forgotten."""
    return _queues.get(name) or WorkQueue(name, name)


def is_outage(error: BaseException) -> bool:
    """Whether the database is away or out of resources, rather than this work being at fault."""
    if isinstance(error, InterfaceError):
        return True
    if not isinstance(error, OperationalError):
        return False
    cause = error.__cause__
    code = cause.sqlstate if isinstance(cause, psycopg.Error) else None
    return code is None or code.startswith(_OUTAGES)


def record(queue: str, reference: str, error: Exception, *, max_tries: int | None = None) -> bool:
    """Records one more failure of the item; returns whether it is now set aside, which it is after
    `max_tries` (by default `MAX_TRIES`).

    Call it outside the transaction that failed.
    """
    with transaction.atomic():
        FailedWork.objects.bulk_create(
            [FailedWork(queue=queue, reference=reference, error="", tries=0)],
            ignore_conflicts=True,
        )
        rows = FailedWork.objects.select_for_update()
        work = rows.get(queue=queue, reference=reference)
        work.tries += 1
        work.error = describe(error)
        is_last = work.tries >= (max_tries or MAX_TRIES)
        work.next_try_at = None if is_last else Now() + pause_after(work.tries)
        if is_last and work.set_aside_at is None:
            work.set_aside_at = Now()
        work.save()
    log.error(
        "work_failed",
        queue=queue,
        reference=reference,
        tries=work.tries,
        set_aside=is_last,
        exc_info=error,
    )
    return is_last


def set_aside(queue: str, reference: str, why: str, tries: int) -> None:
    """Sets the item aside at once: its queue has counted the tries itself."""
    FailedWork.objects.update_or_create(
        queue=queue,
        reference=reference,
        defaults={
            "error": storable(why, LONGEST_ERROR),
            "tries": tries,
            "next_try_at": None,
            "set_aside_at": Now(),
            "dropped_at": None,
            "dropped_by": None,
        },
    )
    log.error("work_set_aside", queue=queue, reference=reference, tries=tries, error=why)


def clear(queue: str, references: Collection[str]) -> None:
    """These items are done: their failures are forgotten."""
    FailedWork.objects.filter(queue=queue, reference__in=references).delete()


def held_back(queue: str) -> set[str]:
    """Items of the queue that are not to be tried now."""
    return {reference for reference, is_due in _failing(queue).items() if not is_due}


def run_each(
    queue: str,
    items: Iterable[T],
    work: Callable[[T], Any],
    *,
    reference: Callable[[T], str] = str,
) -> list[Any]:
    """Runs `work` for each item on its own and returns the results. An item that fails is recorded,
    and left out until its pause is over. Raises only a database's outage."""
    failing = _failing(queue)
    results = []
    for item in items:
        name = reference(item)
        if not failing.get(name, True):
            continue
        try:
            results.append(work(item))
        except Exception as error:
            if is_outage(error):
                raise
            record(queue, name, error)
        else:
            if name in failing:
                clear(queue, [name])
    return results


def set_aside_counts() -> dict[str, int]:
    """How many items of each queue are set aside and wait for staff; queues with none left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT queue, count(*) FROM kernel_failedwork"
            " WHERE set_aside_at IS NOT NULL AND dropped_at IS NULL GROUP BY queue"
        )
        return dict(cursor.fetchall())


def retry(work: FailedWork, actor: Any) -> None:
    """Staff has the item tried again, with its tries counted anew. Raises IllegalState when it was
    dropped, and what trying it raises; the item then stays as it is."""
    with transaction.atomic():
        locked = FailedWork.objects.select_for_update().get(pk=work.pk)
        if locked.dropped_at is not None:
            raise IllegalState("It was dropped.")
        again = queue_named(locked.queue).retry
        if again is not None:
            again(locked.reference)
        locked.delete()
        data = {"queue": locked.queue, "reference": locked.reference}
        events.append([NewEvent("failed_work.retried", work.pk, actor=actor, data=data)])


def drop(work: FailedWork, actor: Any) -> None:
    """Staff gives the item up. Raises IllegalState unless it is set aside."""
    with transaction.atomic():
        locked = FailedWork.objects.select_for_update().get(pk=work.pk)
        if locked.set_aside_at is None or locked.dropped_at is not None:
            raise IllegalState("It is not set aside.")
        end = queue_named(locked.queue).drop
        if end is not None:
            end(locked.reference)
        locked.dropped_at, locked.dropped_by = Now(), actor
        locked.save()
        data = {"queue": locked.queue, "reference": locked.reference}
        events.append([NewEvent("failed_work.dropped", work.pk, actor=actor, data=data)])


def pause_after(tries: int) -> timedelta:
    """How long to wait after so many failures: 5 seconds, doubled each time, an hour at most."""
    pause: timedelta = FIRST_PAUSE * (1 << min(tries - 1, 20))
    return min(pause, LONGEST_PAUSE)


def describe(error: Exception) -> str:
    """The error's type and first line. Further lines of a database's error quote the row, which may
    be personal."""
    first = str(error).partition("\n")[0]
    return storable(f"{type(error).__name__}: {first}", LONGEST_ERROR)


def _failing(queue: str) -> dict[str, bool]:
    """Every failing item of the queue, and whether it may be tried now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT reference, coalesce(next_try_at <= statement_timestamp(), false)"
            " FROM kernel_failedwork WHERE queue = %s",
            [queue],
        )
        return dict(cursor.fetchall())
