"""`matricula serve` as a whole: it gets ready, survives kills, and stops without a trace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from matricula.runtime import cluster
from tests.support.ports import free_pair

from .conftest import clean_environ, is_gone, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@dataclass
class Installation:
    """A running `matricula serve`."""

    process: subprocess.Popen[str]
    home: Path
    port: int
    start_up: list[str] = field(default_factory=list)

    def children(self) -> dict[int, str]:
        """Its child processes: pid to command line."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        found: dict[int, str] = {}
        for pid in listed.split():
            with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                line = Path(f"/proc/{pid}/cmdline").read_bytes()
                found[int(pid)] = line.replace(b"\0", b" ").decode()
        return found

    def pids(self, words: str) -> list[int]:
        return [pid for pid, line in self.children().items() if words in line]

    def answers(self) -> bool:
        address = f"http://127.0.0.1:{self.port}/readyz"
        try:
            with urllib.request.urlopen(address, timeout=10) as response:
                return bool(response.status == 200)
        except urllib.error.HTTPError:
            return False


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """A demo installation that has said that it is ready."""
    port = free_pair()
    process = subprocess.Popen(
        [sys.executable, "-m", "matricula.cli", "serve"],
        env=clean_environ(
            MATRICULA_DEMO="1", MATRICULA_HOME=str(tmp_path), PORT=str(port), WEB_WORKERS="2"
        ),
        stdout=subprocess.PIPE,
        text=True,
    )
    installation = Installation(process, tmp_path, port)
    assert process.stdout is not None
    for line in process.stdout:
        installation.start_up.append(line.rstrip("\n"))
        if line == "Matricula is ready\n":
            break
    yield installation
    process.terminate()
    process.stdout.read()
    process.wait()
    process.stdout.close()


def test_it_gets_ready_survives_kills_and_stops_cleanly(installation: Installation) -> None:
    assert installation.start_up[-1] == "Matricula is ready"
    assert any("learner@example.com" in line for line in installation.start_up)
    assert installation.answers()

    # One that does not answer keeps nobody waiting: the other takes who came to its socket.
    stuck = installation.pids("matricula: web")[0]
    os.kill(stuck, signal.SIGSTOP)
    try:
        assert all(installation.answers() for _ in range(20))
    finally:
        os.kill(stuck, signal.SIGCONT)

    server = cluster.read_pid_file(installation.home / "postgres")
    assert server is not None
    victims = [
        installation.pids("matricula: web")[0],
        *installation.pids("matricula: worker"),
        server.pid,
    ]
    survivor = installation.pids("matricula: web")[1]
    for victim in victims:
        os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(installation.pids("matricula: web")) == 2)
    wait_until(lambda: len(installation.pids("matricula: worker")) == 1)
    wait_until(installation.answers)
    assert survivor in installation.children()

    family = list(installation.children())
    installation.process.terminate()
    assert installation.process.wait(timeout=60) == 0
    assert all(is_gone(pid) for pid in family)


def test_kill_9_of_the_supervisor_takes_everything_along(installation: Installation) -> None:
    family = list(installation.children())
    installation.process.kill()
    # Not after half a minute, as once: the worker went on to try to finish, without a database.
    wait_until(lambda: all(is_gone(pid) for pid in family), seconds=20)
