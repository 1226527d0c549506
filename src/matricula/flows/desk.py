"""The desk: requests to enroll that arrive together are served together.

One claim a transaction makes a crowd wait for one commit after the other, since whoever takes a
seat holds the cohort's counter until commit. So requests queue here, and a thread of the desk
serves all that wait in one go (`enroll.enroll_many`); while it does, the next ones gather. Alone, a
request goes through at once. Nobody is answered before the transaction is durable.

The queue is short-lived: it is of one process, and a request that dies with the process was never
answered. Lines that have to survive are the waiting room's (`admit.py`).
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, connection
from psycopg.errors import LockNotAvailable

from matricula.flows.applications import Application, Keyed, Outcome, Receipt, Request
from matricula.flows.enroll import enroll_many, finished
from matricula.kernel.errors import Guidance, Overloaded

Served = Outcome | Exception
Serve = Callable[[Sequence[Request]], Sequence[Served]]

BATCH = 100
# Whoever would wait longer is told at once to come again: by how long the last ones took.
LONGEST_WAIT = 15.0  # seconds
MOST_WAITING = 20_000  # whatever the estimate says
RETRY_FOR = 5.0  # seconds for a database that is away
RETRY_PAUSE = 0.1
BESIDE = 2  # threads, and connections, for what is put aside
IDLE = 5.0  # seconds until an idle desk gives its connection back
_FIRST_GUESS = 0.001  # seconds a request

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    request: Request
    future: Future[Served] | asyncio.Future[Served]
    loop: asyncio.AbstractEventLoop | None = None  # where an asyncio future is at home

    @property
    def course(self) -> object:
        """What is asked for, as it was named: by course or by cohort."""
        return self.request.application.cohort_id or self.request.application.course


class Desk:
    """Serves what is submitted, one batch after the other, until it is closed; then what waits is
    still served.

    A batch for which a lock does not come is put aside: other threads go on with it, each course by
    itself, and with what arrives for these courses meanwhile. So a cohort whose counter somebody
    holds on to holds up the others once, and for no longer than a lock is waited for.
    """

    def __init__(self, serve: Serve = enroll_many) -> None:
        self._serve = serve
        self._queue: deque[_Waiting] = deque()  # in order of arrival
        self._aside: dict[object, deque[_Waiting]] = {}  # the same, by course
        self._seconds_each = _FIRST_GUESS
        self._is_closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="desk", daemon=True)
        self._beside = ThreadPoolExecutor(BESIDE, "desk-aside")

    def open(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Returns when everything that waited is served."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join()
        self._beside.shutdown()

    def submit(self, request: Request) -> Future[Served]:
        """What will become of the request. Raises Overloaded at once when too many wait."""
        future: Future[Served] = Future()
        self._put(_Waiting(request, future))
        return future

    def submit_here(self, request: Request) -> asyncio.Future[Served]:
        """As `submit`, for whoever awaits it in the running event loop."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Served] = loop.create_future()
        self._put(_Waiting(request, future, loop))
        return future

    def _put(self, waiting: _Waiting) -> None:
        with self._changed:
            count = len(self._queue) + sum(map(len, self._aside.values()))
            wait = len(self._queue) * self._seconds_each
            if self._is_closing or wait > LONGEST_WAIT or count >= MOST_WAITING:
                raise Overloaded(guidance=Guidance(retry_after=max(1, math.ceil(wait / 2))))
            self._queue.append(waiting)
            if len(self._queue) == 1:
                self._changed.notify()

    def _work(self) -> None:
        while batch := self._next():
            began = time.perf_counter()
            try:
                outcomes = _outcomes(self._serve, _requests(batch), is_patient=False)
            except _Stuck:
                connection.close()
                self._put_aside(batch)
                continue
            _deliver(batch, outcomes)
            if len(batch) * 2 >= BATCH:  # a small one says nothing of how fast a crowd is served
                each = (time.perf_counter() - began) / len(batch)
                self._seconds_each += (each - self._seconds_each) / 8
        connection.close()

    def _next(self) -> list[_Waiting]:
        """The next batch; empty when the desk is closed and nobody waits."""
        while True:
            with self._changed:
                while not self._queue and not self._is_closing:
                    if not self._changed.wait(IDLE):
                        connection.close()
                if not self._queue:
                    return []
                if batch := _take(self._queue, self._aside):
                    return batch

    def _put_aside(self, batch: Sequence[_Waiting]) -> None:
        log.warning("batch_put_aside", requests=len(batch))
        with self._changed:
            new = {waiting.course for waiting in batch} - self._aside.keys()
            for course in new:
                self._aside[course] = deque()
            for waiting in batch:
                self._aside[waiting.course].append(waiting)
        for course in new:
            self._beside.submit(self._work_aside, course)

    def _work_aside(self, course: object) -> None:
        """Serves what was put aside of this course, and a little longer if it is still stuck."""
        until = 0.0
        while True:
            with self._changed:
                batch = _take(self._aside[course], {})
                if not batch and (self._is_closing or time.monotonic() >= until):
                    del self._aside[course]
                    break
            if not batch:
                # No waiting for `_changed`: whoever waits there would take the desk's own wake-up.
                time.sleep(RETRY_PAUSE)
                continue
            outcomes = _outcomes(self._serve, _requests(batch), is_patient=True)
            _deliver(batch, outcomes)
            is_stuck = any(isinstance(one, OperationalError) for one in outcomes)
            until = time.monotonic() + RETRY_FOR if is_stuck else 0.0
        connection.close()


def _requests(batch: Sequence[_Waiting]) -> list[Request]:
    return [waiting.request for waiting in batch]


def _take(queue: deque[_Waiting], aside: Mapping[object, deque[_Waiting]]) -> list[_Waiting]:
    """The next batch of the queue, in order. What is for a course put aside goes there."""
    # What a person's second request deserves depends on the first: it waits for the next batch, at
    # the head, and those behind it keep their order.
    batch: dict[object, _Waiting] = {}
    later: list[_Waiting] = []
    while queue and len(batch) < BATCH:
        waiting = queue.popleft()
        person_id = waiting.request.application.person_id
        if waiting.course in aside:
            aside[waiting.course].append(waiting)
        elif person_id in batch:
            later.append(waiting)
        else:
            batch[person_id] = waiting
    queue.extendleft(reversed(later))
    return list(batch.values())


class _Stuck(Exception):
    """A lock did not come in time: most likely the counter of a cohort."""


def _outcomes(serve: Serve, requests: Sequence[Request], *, is_patient: bool) -> Sequence[Served]:
    """One outcome a request. A request that cannot be served fails alone: the others of its batch
    are served again without it. Serving again is safe, since each enrollment has its id already.

    Raises _Stuck at the first lock that does not come, unless it `is_patient`.
    """
    try:
        return _patiently(serve, requests, waits_for_locks=is_patient)
    except _Stuck:
        raise
    except (OperationalError, InterfaceError) as error:
        return [error] * len(requests)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the outcome of its own request
        connection.close()
        if len(requests) == 1:
            return [error]
        log.warning("batch_split", requests=len(requests), error=type(error).__name__)
        middle = len(requests) // 2
        halves = requests[:middle], requests[middle:]
        return [one for half in halves for one in _outcomes(serve, half, is_patient=is_patient)]


def _patiently(
    serve: Serve, requests: Sequence[Request], *, waits_for_locks: bool
) -> Sequence[Served]:
    """Tries again for a while when the database is away, or a lock did not come."""
    deadline = time.monotonic() + RETRY_FOR
    while True:
        try:
            return serve(requests)
        except (OperationalError, InterfaceError) as error:
            connection.close()
            if isinstance(error.__cause__, LockNotAvailable) and not waits_for_locks:
                raise _Stuck from error
            if time.monotonic() > deadline:
                raise
            log.warning("batch_repeated", requests=len(requests), error=str(error))
            time.sleep(RETRY_PAUSE)


def _deliver(batch: Sequence[_Waiting], outcomes: Sequence[Served]) -> None:
    """Answers everybody: those of one event loop with one call, since each call wakes it."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Any, Served]]] = {}
    for waiting, outcome in zip(batch, outcomes, strict=True):
        if waiting.loop is not None:
            by_loop.setdefault(waiting.loop, []).append((waiting.future, outcome))
        else:
            waiting.future.set_result(outcome)
    for loop, answered in by_loop.items():
        loop.call_soon_threadsafe(_settle, answered)


def _settle(answered: Sequence[tuple[asyncio.Future[Served], Served]]) -> None:
    for future, outcome in answered:
        if not future.done():  # its client may have gone away
            future.set_result(outcome)


_here: Desk | None = None


def open_here() -> Desk:
    """Opens the desk of this process; `enroll` uses it from now on."""
    global _here  # noqa: PLW0603 - one desk a process, as there is one database
    _here = Desk()
    _here.open()
    return _here


def close_here() -> None:
    global _here
    desk, _here = _here, None
    if desk is not None:
        desk.close()


def enroll(application: Application, keyed: Keyed | None = None) -> Receipt:
    """`enroll.enroll`, through the desk of this process if there is one: so the pages' requests
    are folded with all others. Raises Overloaded when too many wait."""
    request = Request(application, keyed)
    if _here is None or connection.in_atomic_block:
        (outcome,) = enroll_many([request])
        return finished(request, outcome)
    served = _here.submit(request).result()
    if isinstance(served, Exception):
        raise served
    return finished(request, served)
