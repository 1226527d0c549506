"""Many at once: threads with connections of their own, and real SQL with a guard taken out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from django.db import connections, transaction
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict

import matricula

Result = TypeVar("Result")
Work = Callable[["Connection[Any]"], Result]

# A lock that is never given up shows as this error; deadlocks are found sooner than usual.
_OPTIONS = "-c statement_timeout=60s -c deadlock_timeout=50ms"
_CROWD = "crowd"
_PATIENCE = 60.0


def connect(url: str) -> Connection[Any]:
    """A connection that commits each statement, unless a transaction is opened."""
    return psycopg.connect(url, autocommit=True, options=_OPTIONS, application_name=_CROWD)


@contextmanager
def room_for_a_crowd(url: str) -> Iterator[None]:
    """Lets one crowd at a time onto the server, which has not connections enough for two. The
    lock stands in a database that all test processes share."""
    shared = conninfo_to_dict(url, dbname="postgres")
    with psycopg.connect(**shared, autocommit=True) as gatekeeper:
        gatekeeper.execute("SELECT pg_advisory_lock(4218)")
        try:
            yield
        finally:  # a crowd that did not get in must not keep the next one out
            wait_until(lambda: _others(gatekeeper, url) == 0)


def at_once(url: str, works: Sequence[Work[Result]]) -> list[Result | psycopg.Error]:
    """Runs each work in a thread and on a connection of its own, all from the same moment on.

    Answers in the order of `works`; a refusal of the database takes the result's place.
    """
    start = threading.Barrier(len(works), timeout=_PATIENCE)

    def run(work: Work[Result], connection: Connection[Any]) -> Result | psycopg.Error:
        start.wait()
        try:
            return work(connection)
        except psycopg.Error as error:
            return error

    with ExitStack() as stack:
        stack.enter_context(room_for_a_crowd(url))
        open_ = [stack.enter_context(connect(url)) for _ in works]
        pool = stack.enter_context(ThreadPoolExecutor(len(works)))
        return list(pool.map(run, works, open_))


def all_at_once(url: str, works: Sequence[Callable[[], Result]]) -> list[Result | Exception]:
    """As `at_once`, for works that use Django's connection; any error takes the result's place."""
    start = threading.Barrier(len(works), timeout=_PATIENCE)

    def run(work: Callable[[], Result]) -> Result | Exception:
        with django_on(url):
            start.wait()
            try:
                return work()
            except Exception as error:  # noqa: BLE001 - the test looks at it
                return error

    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result() for future in [pool.submit(run, work) for work in works]]


# A statement for a function's text: waits here while the gate is closed.
AT_THE_GATE = "PERFORM pg_advisory_xact_lock_shared(4217);"


class Gate:
    """Closed until it is opened: functions with `AT_THE_GATE` in their text wait before it."""

    def __init__(self, url: str) -> None:
        self._keeper = connect(url)
        self._keeper.execute("SELECT pg_advisory_lock(4217)")

    def open(self) -> None:
        self._keeper.close()


def during(url: str, first: Callable[[], Any], second: Callable[[], Result]) -> Future[Result]:
    """Runs `second` while what `first` did is not committed yet. `first` is committed once
    `second` waits for it, or turns out not to need to. Answers what became of `second`."""
    with ExitStack() as stack, transaction.atomic():
        first()
        return stack.enter_context(beside(url, second))


@contextmanager
def beside(url: str, work: Callable[[], Result]) -> Iterator[Future[Result]]:
    """Starts `work` on Django's connection in another thread, and goes on once it waits for a
    lock or has ended."""
    ready = threading.Event()
    pids: list[int] = []

    def run() -> Result:
        with django_on(url):
            with connections["default"].cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                pids.append(cursor.fetchone()[0])
            ready.set()
            return work()

    with ThreadPoolExecutor(1) as pool, connect(url) as watcher:
        future = pool.submit(run)
        assert ready.wait(_PATIENCE)
        wait_until(lambda: future.done() or is_blocked(watcher, pids[0]))
        yield future


def _others(gatekeeper: Connection[Any], url: str) -> int:
    """How many of the crowd's connections the server has not cleared away yet."""
    row = gatekeeper.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND application_name = %s",
        [conninfo_to_dict(url)["dbname"], _CROWD],
    ).fetchone()
    return int(row[0]) if row else 0


def is_blocked(watcher: Connection[Any], pid: int) -> bool:
    """Whether the backend waits for a lock that another holds."""
    row = watcher.execute("SELECT cardinality(pg_blocking_pids(%s))", [pid]).fetchone()
    return row is not None and row[0] > 0


def wait_until(condition: Callable[[], bool], seconds: float = _PATIENCE) -> None:
    """Returns once the condition holds; fails the test when it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.005)


@contextmanager
def django_on(url: str) -> Iterator[None]:
    """Inside the block, Django's connection of this thread leads to the database at `url`."""
    usual = connections["default"]
    settings = deepcopy(usual.settings_dict)
    parts: dict[str, Any] = conninfo_to_dict(url)
    for name, part in {"NAME": "dbname", "USER": "user", "HOST": "host", "PORT": "port"}.items():
        settings[name] = parts.pop(part, "")
    settings["OPTIONS"] = {**settings["OPTIONS"], **parts}
    settings["OPTIONS"].pop("pool", None)
    here = type(usual)(settings, "default")
    connections["default"] = here
    try:
        yield
    finally:
        here.close()
        connections["default"] = usual


def text_of(file: str) -> str:
    """One of our `.sql` files, like `seats/sql/claims.sql`."""
    return (Path(matricula.__file__).parent / file).read_text()


def changed(text: str, old: str, new: str) -> str:
    """The text with `old` replaced; fails when it is not there any more."""
    assert old in text, f"the text no longer holds: {old}"
    return text.replace(old, new)
