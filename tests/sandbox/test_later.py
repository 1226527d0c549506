"""What the sandbox does later by itself, also after it was killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.crowds import wait_until
from tests.support.ports import free_pair

KEYS = ("rzp_test_sandbox", "sandbox-key-secret")


class Receiver:
    """A shop that takes every webhook."""

    def __init__(self) -> None:
        bodies: list[str] = []

        class Shop(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                """Quiet."""

        self.bodies = bodies
        self.server = HTTPServer(("127.0.0.1", 0), Shop)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def events(self) -> list[str]:
        return [json.loads(body)["event"] for body in self.bodies]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    thread = threading.Thread(target=found.server.serve_forever)
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


@contextmanager
def sandbox(port: int, file: Path, url: str = "") -> Iterator[tuple[httpx.Client, Any]]:
    """A sandbox of its own, with its state in the file."""
    argv = [sys.executable, "-m", "razorpay_sandbox", "--port", str(port), "--state", str(file)]
    process = subprocess.Popen([*argv, "--webhook-url", url], env=dict(os.environ))
    base = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(base_url=base, auth=KEYS, trust_env=False, timeout=30) as client:
            wait_until(lambda: _answers(client))
            yield client, process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(20)


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/_sandbox/health").is_success
    except httpx.HTTPError:
        return False


def paid(client: httpx.Client, **options: Any) -> str:
    """A payment of a new order."""
    order = client.post("/v1/orders", json={"amount": 10_000, "currency": "INR"}).json()
    answer = client.post(f"/_sandbox/orders/{order['id']}/pay", json={"method": "upi", **options})
    payment_id: str = answer.json()["razorpay_payment_id"]
    return payment_id


def payment(client: httpx.Client, payment_id: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/v1/payments/{payment_id}").json()
    return found


def test_what_was_answered_survives_being_killed(tmp_path: Path) -> None:
    port, file = free_pair(), tmp_path / "state"
    with sandbox(port, file) as (client, process):
        payment_id = paid(client)
        before = payment(client, payment_id)
        process.send_signal(signal.SIGKILL)
        process.wait()
    with sandbox(port, file) as (client, _):
        assert payment(client, payment_id) == before
        order = client.get(f"/v1/orders/{before['order_id']}").json()
        assert (order["status"], order["attempts"]) == ("paid", 1)


def test_webhooks_and_refunds_under_way_go_on_after_being_killed(
    tmp_path: Path, receiver: Receiver
) -> None:
    port, file = free_pair(), tmp_path / "state"
    with sandbox(port, file, receiver.url) as (client, process):
        payment_id = paid(client, webhook={"after_ms": 3000})
        refund = client.post(f"/v1/payments/{payment_id}/refund", json={"amount": 100}).json()
        assert refund["status"] == "pending"
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert "payment.captured" not in receiver.events()
    with sandbox(port, file, receiver.url) as (client, _):
        wait_until(lambda: {"payment.captured", "refund.processed"} <= set(receiver.events()))
        assert client.get(f"/v1/refunds/{refund['id']}").json()["status"] == "processed"


def test_a_state_of_an_earlier_version_is_put_aside(tmp_path: Path) -> None:
    file = tmp_path / "state"
    file.write_text('{"orders": {}}')
    with sandbox(free_pair(), file) as (client, _):
        paid(client)
    assert (tmp_path / "state.old").read_text() == '{"orders": {}}'


@pytest.fixture
def client(tmp_path: Path, receiver: Receiver) -> Iterator[httpx.Client]:
    with sandbox(free_pair(), tmp_path / "state", receiver.url) as (found, _):
        yield found


def test_never_holds_for_what_follows_too(client: httpx.Client, receiver: Receiver) -> None:
    steps = [{"after_ms": 20, "status": "captured"}]
    payment_id = paid(client, webhook="never", status="created", then=steps)
    wait_until(lambda: payment(client, payment_id)["status"] == "captured")
    other = paid(client)
    wait_until(lambda: any(other in body for body in receiver.bodies))
    assert not any(payment_id in body for body in receiver.bodies)


def test_what_nobody_captures_goes_back(client: httpx.Client, receiver: Receiver) -> None:
    payment_id = paid(client, status="authorized")
    client.post("/_sandbox/clock", json={"advance_seconds": 7200 * 60 + 10})
    wait_until(lambda: payment(client, payment_id)["status"] == "refunded")
    found = payment(client, payment_id)
    assert (found["captured"], found["refund_status"]) == (False, "full")
    assert found["amount_refunded"] == found["amount"]
    refused = client.post(f"/v1/payments/{payment_id}/capture", json={"amount": 10_000})
    assert refused.status_code == 400


def test_a_bank_that_does_not_answer_is_a_failure_after_ten_minutes(client: httpx.Client) -> None:
    payment_id = paid(client, status="created")
    client.post("/_sandbox/clock", json={"advance_seconds": 601})
    wait_until(lambda: payment(client, payment_id)["status"] == "failed")
    assert payment(client, payment_id)["error_reason"] == "payment_timed_out"


@pytest.mark.parametrize(
    ("method", "member"), [("upi", "upi"), ("card", "card"), ("netbanking", "bank")]
)
def test_a_payment_shows_what_it_was_paid_by(
    client: httpx.Client, method: str, member: str
) -> None:
    found = payment(client, paid(client, method=method))
    assert found[member]
    if method == "card":
        assert (found["card"]["id"], found["card"]["last4"]) == (found["card_id"], "1007")
