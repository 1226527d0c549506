"""kill -9 in a burst: whoever was told 201 keeps the seat, and the doctor is content."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.ports import free_pair
from tests.support.sites import stop

_MATRICULA = str(Path(sys.executable).parent / "matricula")
_START_SECONDS = 240
_BURST = 400


@dataclass
class Installation:
    """`matricula serve` with everything it starts, over an embedded database of its own."""

    home: Path
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [_MATRICULA, *arguments],
            env=environment(self.home, self.port),
            capture_output=True,
            text=True,
            check=False,
        )

    def kill(self, what: str) -> None:
        """kill -9 for one process of this kind."""
        for child in psutil.Process(self.process.pid).children(recursive=True):
            line = " ".join(child.cmdline())
            if what in line:
                child.send_signal(signal.SIGKILL)
                return
        raise AssertionError(f"no process like {what!r} runs")


def environment(home: Path, port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return {
        **kept,
        "MATRICULA_HOME": str(home),
        "MATRICULA_DEMO": "1",
        "PORT": str(port),
        "WEB_WORKERS": "2",
    }


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    port = free_pair()
    log = tmp_path / "serve.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [_MATRICULA, "serve"],
            env=environment(tmp_path / "home", port),
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        running = Installation(tmp_path / "home", port, process, log)
        wait_until_ready(running)
        yield running
    finally:
        stop(process)


def wait_until_ready(installation: Installation) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and installation.process.poll() is None:
        if "Matricula is ready" in installation.log.read_text():
            return
        time.sleep(0.05)
    raise AssertionError(f"it did not start:\n{installation.log.read_text()}")


@dataclass
class Burst:
    """Many people enroll at once; `told` are the enrollments that were answered with 201."""

    told: dict[str, str] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)


def run_burst(installation: Installation, tokens: list[str], strike: threading.Event) -> Burst:
    burst = Burst()
    queue = iter(tokens)
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                token = next(queue, None)
            if token is None:
                return
            enroll_until_answered(installation, token, burst)
            if len(burst.told) > len(tokens) // 4:
                strike.set()

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    strike.set()
    return burst


def enroll_until_answered(installation: Installation, token: str, burst: Burst) -> None:
    """As a client should: the same request with the same key, until there is an answer."""
    deadline = time.monotonic() + 60
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": token[-40:]}
    while time.monotonic() < deadline:
        try:
            response = httpx.post(
                f"{installation.url}/api/v1/enrollments/initialize",
                json={"course_id": "hot-drop"},
                headers=headers,
                timeout=30,
            )
        except httpx.TransportError:
            time.sleep(0.05)
            continue
        burst.statuses.append(response.status_code)
        if response.status_code == 201:
            burst.told[token] = response.json()["enrollment_id"]
            return
        assert response.status_code == 503, response.text
        time.sleep(0.05)
    raise AssertionError("no answer within a minute")


@pytest.mark.parametrize("victim", ["matricula: web", "matricula: worker", "postgres -D"])
def test_a_killed_process_loses_no_promised_seat(
    installation: Installation, tmp_path: Path, victim: str
) -> None:
    tokens_file = tmp_path / "tokens"
    done = installation.command("demo", "--people", str(_BURST), "--tokens", str(tokens_file))
    assert done.returncode == 0, done.stderr
    tokens = tokens_file.read_text().split()
    strike = threading.Event()
    struck: list[str] = []

    def killer() -> None:
        strike.wait(60)
        installation.kill(victim)
        struck.append(victim)

    thread = threading.Thread(target=killer)
    thread.start()
    burst = run_burst(installation, tokens, strike)
    thread.join()

    assert struck == [victim]
    assert len(burst.told) == _BURST
    for token, enrollment_id in list(burst.told.items()):
        found = httpx.get(
            f"{installation.url}/api/v1/enrollments/{enrollment_id}",
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )
        assert found.json()["status"] == "enrolled"
    assert_doctor_is_content(installation)


def assert_doctor_is_content(installation: Installation) -> None:
    """The worker may need a moment to catch up; then nothing may be left to find."""
    deadline = time.monotonic() + 30
    while True:
        examined = installation.command("doctor")
        if examined.returncode == 0 or time.monotonic() > deadline:
            break
    assert examined.returncode == 0, examined.stdout
