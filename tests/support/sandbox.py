"""The gateway sandbox, really running."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from matricula.config.environment import RazorpaySettings
from tests.support.sites import stop

_START_SECONDS = 90


@dataclass(frozen=True)
class Sandbox:
    """Its control side."""

    account: RazorpaySettings
    http: httpx.Client

    def pay(self, order_id: str, **options: Any) -> dict[str, Any]:
        """Pays the order as its payer would; what the checkout hands the browser, or an error."""
        answer: dict[str, Any] = self.post(
            f"/_sandbox/orders/{order_id}/pay", {"method": "upi", **options}
        )
        return answer

    def post(self, path: str, content: Any = None) -> Any:
        return self.http.post(path, json=content or {}).json()

    def faults(self, *faults: dict[str, Any], seed: int = 0) -> None:
        response = self.http.post("/_sandbox/faults", json={"seed": seed, "faults": list(faults)})
        assert response.status_code == 200, response.text

    def requests(self, method: str, path: str) -> list[dict[str, Any]]:
        """The logged requests of the API with this method and path."""
        items = self.http.get("/_sandbox/log").json()["items"]
        return [i for i in items if i.get("method") == method and i.get("path") == path]

    def events(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.http.get("/_sandbox/webhooks?limit=1000").json()["items"]
        return found

    def reset(self) -> None:
        self.post("/_sandbox/reset")


@contextmanager
def running_sandbox(
    account: RazorpaySettings, *, webhook_url: str = "", secrets: str = ""
) -> Iterator[Sandbox]:
    """A sandbox at the account's address."""
    port = account.base_url.rpartition(":")[2]
    environ = {
        **os.environ,
        "SANDBOX_KEY_ID": account.key_id,
        "SANDBOX_KEY_SECRET": account.key_secret,
        "SANDBOX_WEBHOOK_SECRET": secrets or ",".join(account.webhook_secrets),
        "SANDBOX_WEBHOOK_URL": webhook_url,
        "SANDBOX_PORT": port,
    }
    process = subprocess.Popen([sys.executable, "-m", "razorpay_sandbox"], env=environ)
    try:
        with httpx.Client(base_url=account.base_url, timeout=30, trust_env=False) as http:
            _wait(http, process)
            yield Sandbox(account, http)
    finally:
        stop(process)


def _wait(http: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            http.get("/_sandbox/health")
        except httpx.HTTPError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("the sandbox did not start")
