"""A site to measure: a fresh embedded PostgreSQL, durable as in production, and web processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg

from bench import filling
from matricula.runtime.embedded import EmbeddedPostgres

ROOT = Path(__file__).resolve().parent.parent
MATRICULA = str(Path(sys.executable).parent / "matricula")
WEB_WORKERS = 2
_START_SECONDS = 60
_OWED_SECONDS = 300
_OWED = "SELECT (SELECT count(*) FROM kernel_outbox) + (SELECT count(*) FROM kernel_effect)"


class BenchError(Exception):
    """The benchmark could not be run, or its own checks failed: its figures count for nothing."""


@dataclass
class Site:
    """A running site. `people` have a token each in `tokens`; `web` and `database` are the ids of
    the processes that stand above the others of their kind."""

    port: int
    database_url: str
    environ: Mapping[str, str]
    people: int
    tokens: Path
    web: int
    database: int
    _used: dict[int, int] = field(default_factory=dict)

    def take_places(self, kind: int, laps: int = 6) -> int:
        """The first of some places of this list that nobody of the people has been to yet."""
        first = self._used.get(kind, 0)
        self._used[kind] = first + laps
        most = filling.places(kind)
        if first + laps > most:
            raise BenchError("too many rounds for the courses there are")
        return first

    def enrollments(self) -> int:
        """How many confirmed enrollments the database holds."""
        return self.ask("SELECT count(*) FROM enrollments_enrollment WHERE stage = 'confirmed'")

    def ask(self, query: str) -> int:
        """The one number that `query` returns."""
        with psycopg.connect(self.database_url) as connection:
            (number,) = connection.execute(query.encode()).fetchone() or (0,)
        return int(number)

    def cpu_seconds(self) -> dict[str, float]:
        """What the web processes and the database have used of the processors so far."""
        return {"web": _cpu_seconds(self.web), "database": _cpu_seconds(self.database)}

    def settle(self) -> None:
        """Works off the effects that are still owed, then has the doctor look.

        Raises BenchError with what the doctor found.
        """
        with self.worked_off():
            self.examine()

    def examine(self) -> None:
        """Has the doctor look. Raises BenchError with what it found."""
        doctor = subprocess.run(
            [MATRICULA, "doctor"], env=self.environ, capture_output=True, text=True, check=False
        )
        if doctor.returncode != 0:
            raise BenchError(f"the doctor found:\n{doctor.stdout[-2000:]}{doctor.stderr[-2000:]}")

    @contextmanager
    def worked_off(self) -> Iterator[None]:
        """With a worker that has done the effects that were owed, and does what comes of them: mail
        is sent, and says so. Raises BenchError if it cannot."""
        with process([MATRICULA, "worker"], self.environ) as worker:
            deadline = time.monotonic() + _OWED_SECONDS
            while self.ask(_OWED) > 0:
                if worker.poll() is not None or time.monotonic() > deadline:
                    raise BenchError("the worker did not work off what is owed")
                time.sleep(0.2)
            yield


@contextmanager
def running_site(people: int) -> Iterator[Site]:
    """A site with this many people, the demo data, and the courses of `bench.filling`."""
    with tempfile.TemporaryDirectory(prefix="matricula-bench-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        with EmbeddedPostgres(home / "postgres") as postgres:
            port = free_pair()
            environ = site_environment(home, port, DATABASE_URL=postgres.url)
            tokens = home / "tokens"
            argv = [sys.executable, "-m", "bench.filling", str(people), str(tokens)]
            subprocess.run(argv, env=environ, cwd=ROOT, check=True)
            (pid_file,) = (home / "postgres").rglob("postmaster.pid")
            database = int(pid_file.read_text().split()[0])
            with process([MATRICULA, "web"], environ) as web:
                wait_until_ready(port)
                yield Site(port, postgres.url, environ, people, tokens, web.pid, database)


def _cpu_seconds(top: int) -> float:
    """Of a process and all below it; those that have ended count with whoever waited for them."""
    first = psutil.Process(top)
    used = 0.0
    for one in [first, *first.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):  # ended since it was listed
            used += sum(one.cpu_times()[:4])
    return used


def site_environment(home: Path, port: int, **extra: str) -> dict[str, str]:
    """The settings of a measured site: demo mode, for its people's tokens, without rate limits."""
    return {
        **os.environ,
        "MATRICULA_HOME": str(home),
        "MATRICULA_DEMO": "1",
        "MATRICULA_LIMITS": "off",
        "DJANGO_SETTINGS_MODULE": "matricula.config.settings",
        "PORT": str(port),
        "WEB_WORKERS": str(WEB_WORKERS),
        **extra,
    }


def wait_until_ready(port: int) -> None:
    """Returns once the site on this port says that it is ready."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise BenchError("the site did not start")


def free_pair() -> int:
    """A port that is free, and so is the next: for the site and its gateway."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


@contextmanager
def process(argv: list[str], environ: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Runs the command for the block, and shows what it said if it ended by itself."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(argv, env=environ, stdout=log, stderr=subprocess.STDOUT)
        failed = True
        try:
            yield process
            failed = process.poll() is not None
        finally:
            stop(process)
            if failed:
                log.seek(0)
                lines = [line for line in log if b'"level": "info"' not in line]
                sys.stderr.write(b"".join(lines)[-4000:].decode(errors="replace"))


def stop(process: subprocess.Popen[bytes]) -> None:
    """Asks the process to stop, and sees that it does."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(40)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
