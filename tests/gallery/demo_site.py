"""A demo installation of its own, as `matricula serve` starts it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support.ports import free_pair
from tests.support.sites import stop

_MATRICULA = str(Path(sys.executable).parent / "matricula")
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_START_SECONDS = 120

# Pays an order at the gateway as its payer would: `pay(order_id, vpa="success@razorpay")`.
Pay = Callable[..., Any]


@contextmanager
def demo_site() -> Iterator[tuple[str, Pay]]:
    """Its address, and who pays at its gateway. All of it is gone afterwards."""
    port = free_pair()
    with tempfile.TemporaryDirectory(prefix="matricula-gallery-") as home:
        log = Path(home) / "serve.log"
        environ = {**os.environ, "MATRICULA_DEMO": "1", "MATRICULA_HOME": home, "PORT": str(port)}
        environ.pop("DATABASE_URL", None)
        with log.open("wb") as out:
            process = subprocess.Popen(
                [_MATRICULA, "serve"], env=environ, stdout=out, stderr=subprocess.STDOUT
            )
        try:
            _wait(process, log)
            with httpx.Client(base_url=f"http://127.0.0.1:{port + 1}", timeout=30) as gateway:
                yield f"http://127.0.0.1:{port}", _payer(gateway)
        finally:
            stop(process)


def chromium() -> str:
    """Where Chromium is."""
    path = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    if path is None:
        raise SystemExit("no Chromium: run scripts/browser.sh")
    return path


def _payer(gateway: httpx.Client) -> Pay:
    def pay(order: str, **options: str) -> Any:
        content = {"method": "upi", **options}
        return gateway.post(f"/_sandbox/orders/{order}/pay", json=content).json()

    return pay


def _wait(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if "Matricula is ready" in log.read_text():
            return
        time.sleep(0.1)
    raise SystemExit(f"the site did not start:\n{log.read_text()}")
