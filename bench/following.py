"""P6: thousands who watch. What an idle stream costs, how fast news come, and what watching takes
from enrolling.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from bench import enrolling, filling, report
from bench.installation import (
    MATRICULA,
    ROOT,
    BenchError,
    Site,
    free_pair,
    process,
    wait_until_ready,
)
from bench.report import Figure, Target
from bench.settings import Settings

HALF = 0.5  # of the top rate, while news are timed
NEWS_A_SECOND = 20.0
LEAST_IDLE_SECONDS = 20.0  # longer than the heartbeats' round


def following(site: Site, settings: Settings) -> Sequence[Figure]:
    """Idle streams in one process, then news and enrollments over the usual processes."""
    enrollments = _fill(site, settings.streams)
    with site.worked_off():
        pass  # a process that sees nobody dispatch asks for everybody, again and again
    _allow_open_files(settings.streams)
    figures = _idle(site, settings, enrollments)
    with process([MATRICULA, "worker"], site.environ):
        figures += _busy(site, settings, enrollments)
    site.settle()
    return figures


def _idle(site: Site, settings: Settings, enrollments: Path) -> list[Figure]:
    """Memory and CPU of one web process that does nothing but keep streams open."""
    memory: list[float] = []
    cpu: list[float] = []
    for _ in range(settings.rounds):
        port = free_pair()
        environ = {**site.environ, "PORT": str(port), "WEB_WORKERS": "1"}
        with process([MATRICULA, "web"], environ) as supervisor:
            wait_until_ready(port)
            (web,) = psutil.Process(supervisor.pid).children()
            with _watchers(site, enrollments, port, settings.streams) as watchers:
                watchers.open(min(100, settings.streams))  # what the first ones load is not theirs
                few, before = watchers.opened, _memory(web)
                watchers.open(settings.streams)
                memory.append((_memory(web) - before) / 1024 / (watchers.opened - few))
                cpu.append(_cpu(web, max(LEAST_IDLE_SECONDS, settings.idle)))
    notes: dict[str, float | str] = {"streams": settings.streams, "web_processes": 1}
    return [
        Figure(
            "P6 memory an idle stream", "KB", memory, target=Target(25, at_most=True), notes=notes
        ),
        Figure("P6 CPU of all idle streams", "% of a core", cpu, notes=notes),
    ]


def _busy(site: Site, settings: Settings, enrollments: Path) -> list[Figure]:
    """The enrollments' rate with and without streams, and news at half of it."""
    halves: list[float] = []
    news: list[dict[str, float]] = []

    def with_live() -> float:
        with _watchers(site, enrollments, site.port, settings.streams) as watchers:
            watchers.open(settings.streams)
            rate = enrolling.enroll(site, settings, filling.SPREAD).per_second
            halves.append(rate * HALF)
            watchers.begin_news(settings.seconds)
            enrolling.enroll(site, settings, filling.HOT, rate=rate * HALF)
            news.append(watchers.end_news())
            return rate

    def without() -> float:
        return enrolling.enroll(site, settings, filling.SPREAD).per_second

    rates = report.interleaved(settings.rounds, {"with": with_live, "without": without})
    notes: dict[str, float | str] = {
        "streams": settings.streams,
        "enrollments_per_second": round(statistics.median(halves), 1),
        "news_per_second": NEWS_A_SECOND,
    }
    return [
        Figure(
            "P6 enrollments with live",
            "/s",
            rates["with"],
            limit="the same without a stream",
            limit_rounds=rates["without"],
            notes={"streams": settings.streams},
        ),
        Figure("P6 commit to client p50", "ms", [n["p50_ms"] for n in news], notes=notes),
        Figure(
            "P6 commit to client p99",
            "ms",
            [n["p99_ms"] for n in news],
            target=Target(150, at_most=True),
            notes={**notes, "missing": sum(n["missing"] for n in news)},
        ),
    ]


class _Watchers:
    """The process that holds the streams (`bench.watching`), by its commands."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.opened = 0

    def open(self, count: int) -> None:
        """Has so many streams open in all; each has been told what there was."""
        self._ask({"open": count})
        self.opened = int(self._answer()["opened"])

    def begin_news(self, seconds: float) -> None:
        self._ask({"news": NEWS_A_SECOND, "seconds": seconds})

    def end_news(self) -> dict[str, float]:
        return self._answer()

    def _ask(self, command: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        answer: dict[str, Any] = json.loads(line or '{"error": "the watchers died"}')
        if "error" in answer:
            raise BenchError(str(answer["error"]))
        return answer


@contextmanager
def _watchers(site: Site, enrollments: Path, port: int, count: int) -> Iterator[_Watchers]:
    argv = [sys.executable, "-m", "bench.watching", str(port), str(site.tokens), str(enrollments)]
    argv += [site.database_url, str(count)]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        try:
            yield _Watchers(process)
        finally:
            process.kill()


def _fill(site: Site, count: int) -> Path:
    """A pending enrollment each for the first people."""
    if count > site.people:
        raise BenchError(f"{count} streams want as many people: give --people {count} or more")
    file = site.tokens.with_name("followed")
    if not file.exists():
        code = "import sys, django; django.setup(); from bench import filling;"
        code += "filling.follow(int(sys.argv[1]), sys.argv[2])"
        argv = [sys.executable, "-c", code, str(count), str(file)]
        subprocess.run(argv, env=site.environ, cwd=ROOT, check=True)
    return file


def _allow_open_files(count: int) -> None:
    """For this process's children: the site has them from its own start."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count + 500:
        raise BenchError(f"{count} streams want as many open files; this system allows {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, hard), hard))


def _memory(web: psutil.Process) -> float:
    """Bytes that are the process's own, its share of what it shares included."""
    return float(web.memory_full_info().pss)


def _cpu(web: psutil.Process, seconds: float) -> float:
    """Its share of one core over the next seconds, in per cent."""
    before = sum(web.cpu_times()[:2])
    time.sleep(seconds)
    return (sum(web.cpu_times()[:2]) - before) / seconds * 100
