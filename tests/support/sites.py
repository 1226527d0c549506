"""A really running site for a test: web processes over a fresh database."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support.databases import fresh_database, site_environment
from tests.support.ports import free_pair

_START_SECONDS = 60
_MATRICULA = str(Path(sys.executable).parent / "matricula")


@dataclass(frozen=True)
class Site:
    """A running site. `log` is what its processes print."""

    url: str
    database_url: str
    home: Path
    log: Path
    web: subprocess.Popen[bytes]

    def client(self, token: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)


@contextmanager
def running_site(*, workers: int = 2, **extra: str) -> Iterator[Site]:
    """A site on a free port of loopback. Extra settings are environment variables."""
    with fresh_database() as database_url, tempfile.TemporaryDirectory() as folder:
        port = free_pair()
        environ = {
            **os.environ,
            **site_environment(database_url),
            "MATRICULA_HOME": folder,
            "PORT": str(port),
            "WEB_WORKERS": str(workers),
            **extra,
        }
        log = Path(folder) / "web.log"
        with log.open("wb") as out:
            web = subprocess.Popen(
                [_MATRICULA, "web"], env=environ, stdout=out, stderr=subprocess.STDOUT
            )
            try:
                site = Site(f"http://127.0.0.1:{port}", database_url, Path(folder), log, web)
                _wait_until_ready(site)
                yield site
            finally:
                stop(web)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Asks the process to stop, and sees that it does."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(site: Site) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if site.web.poll() is not None:
            break
        try:
            if httpx.get(f"{site.url}/readyz", timeout=5).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"the site did not start:\n{site.log.read_text()}")
