"""P13: ten thousand confirmations go out at a steady rate while people enroll."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Self

import psycopg

from bench import filling
from bench.enrolling import enroll
from bench.installation import MATRICULA, ROOT, BenchError, Site, free_pair, process
from bench.load import Outcome
from bench.report import Figure, Target
from bench.settings import Settings
from bench.starting import memory_of

MOST = 10_000
RATE = 80  # mails a second, as the worker is told (MATRICULA_MAIL_RATE)
ENROLLMENTS = 100.0  # a second
SPAN = 10  # seconds over which the rate is looked at
_WAIT_SECONDS = 240
_SENT = "SELECT count(*) FROM notifications_delivery WHERE state = 'sent' AND kind = %s"
_BY_SPAN = """
    SELECT count(*) FROM notifications_delivery WHERE state = 'sent' AND kind = %s
     GROUP BY floor(extract(epoch FROM sent_at) / %s::int) ORDER BY min(sent_at)
"""
_KIND = "enrollment_confirmed"


def mailing(site: Site, settings: Settings) -> Sequence[Figure]:
    """P13: the rate that mail keeps, the worker's memory, and how long enrolling takes."""
    wanted = min(MOST, site.people)
    spread = replace(settings, seconds=wanted / ENROLLMENTS)
    with _sink() as (port, sink):
        environ = {
            **site.environ,
            "EMAIL_URL": f"smtp://127.0.0.1:{port}",
            "MATRICULA_MAIL_RATE": str(RATE),
        }
        with process([MATRICULA, "worker"], environ) as worker, _Memory(worker.pid) as memory:
            outcome = enroll(site, spread, filling.SPREAD, ENROLLMENTS)
            made = outcome.answers["201"]
            _wait_until_sent(site, made)
            measured = memory.quarters()
        said = json.loads(sink.communicate(timeout=30)[0])
    if said["mails"] != made or said["names"] != made:
        raise BenchError(f"{made} confirmations were owed, the server got {said}")
    site.settle()
    return _figures(site, outcome, made, measured)


def _figures(
    site: Site, outcome: Outcome, made: int, memory: tuple[float, float]
) -> Sequence[Figure]:
    spans = _spans(site)[1:-1] or _spans(site)  # the first and the last are not whole
    rates = [count / SPAN for count in spans]
    early, late = memory
    return [
        Figure(
            f"P13 {made:,} confirmations, {RATE}/s allowed",
            "/s",
            [statistics.median(rates)],
            target=Target(RATE * 0.9),
            notes={"slowest_span": min(rates), "fastest_span": max(rates), "span_seconds": SPAN},
        ),
        Figure(
            "P13 the worker's memory, last quarter beside first",
            "MB",
            [late],
            limit="the first quarter",
            limit_rounds=[early],
            target=Target(1.25, of_ratio=True, at_most=True),
        ),
        Figure(
            f"P13 enrolling meanwhile, {ENROLLMENTS:g}/s, p99",
            "ms",
            [outcome.p99_ms],
            target=Target(200, at_most=True),
        ),
    ]


def _spans(site: Site) -> list[int]:
    with psycopg.connect(site.database_url) as connection:
        rows = connection.execute(_BY_SPAN, [_KIND, SPAN]).fetchall()
    return [int(row[0]) for row in rows]


def _wait_until_sent(site: Site, count: int) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    with psycopg.connect(site.database_url, autocommit=True) as connection:
        while True:
            (sent,) = connection.execute(_SENT, [_KIND]).fetchone() or (0,)
            if sent >= count:
                return
            if time.monotonic() > deadline:
                raise BenchError(f"of {count} confirmations {sent} were sent")
            time.sleep(0.5)


@contextmanager
def _sink() -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    port = free_pair()
    argv = [sys.executable, "-m", "bench.sink", str(port)]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, cwd=ROOT, stdin=pipe, stdout=pipe) as sink:
        try:
            yield port, sink
        finally:
            if sink.poll() is None and sink.stdin is not None and not sink.stdin.closed:
                sink.stdin.close()


class _Memory:
    """Looks at the memory of a process every second, while it is entered."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._megabytes: list[float] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(1):
            self._megabytes.append(memory_of(self._pid) / 2**20)

    def quarters(self) -> tuple[float, float]:
        """The median of the first quarter of the time, and that of the last."""
        quarter = max(1, len(self._megabytes) // 4)
        first, last = self._megabytes[:quarter], self._megabytes[-quarter:]
        return statistics.median(first), statistics.median(last)
