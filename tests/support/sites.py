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

_START_SECONDS = 180
_MATRICULA = str(Path(sys.executable).parent / "matricula")


@dataclass
class Site:
    """A running site. `log` is what its processes print, `environ` what they are started with."""

    url: str
    database_url: str
    home: Path
    log: Path
    web: subprocess.Popen[bytes]
    environ: dict[str, str]

    @contextmanager
    def away(self, **changed: str) -> Iterator[None]:
        """Cannot be reached inside the block; is back after it, with these settings changed."""
        stop(self.web)
        yield
        self.environ |= changed
        self.web = _start(self.environ, self.log)
        _wait_until_ready(self)

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
        url = f"http://127.0.0.1:{port}"
        site = Site(url, database_url, Path(folder), log, _start(environ, log), environ)
        try:
            _wait_until_ready(site)
            yield site
        finally:
            stop(site.web)


@contextmanager
def beside(site: Site) -> Iterator[str]:
    """The address of another machine that serves the same site, as far as one can be had here:
    processes of its own on a port of its own, over the same database."""
    port = free_pair()
    environ = {**site.environ, "PORT": str(port)}
    log = site.home / f"web-{port}.log"
    url = f"http://127.0.0.1:{port}"
    other = Site(url, site.database_url, site.home, log, _start(environ, log), environ)
    try:
        _wait_until_ready(other)
        yield url
    finally:
        stop(other.web)


def _start(environ: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as out:
        return subprocess.Popen(
            [_MATRICULA, "web"], env=environ, stdout=out, stderr=subprocess.STDOUT
        )


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
