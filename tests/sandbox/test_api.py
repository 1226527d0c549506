"""The sandbox is as strict as Razorpay, and breaks as it is told."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import pytest
import razorpay

from tests.support.crowds import wait_until
from tests.support.sandbox import Sandbox

ORDER = {"amount": 10_000, "currency": "INR", "receipt": "r1"}


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[httpx.Client]:
    account = sandbox.account
    with httpx.Client(
        base_url=f"{account.base_url}/v1",
        auth=(account.key_id, account.key_secret),
        trust_env=False,
    ) as client:
        yield client


def made(api: httpx.Client, **fields: Any) -> dict[str, Any]:
    response = api.post("/orders", json={**ORDER, **fields})
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def refused(response: httpx.Response, status: int = 400) -> dict[str, Any]:
    assert response.status_code == status
    error: dict[str, Any] = response.json()["error"]
    return error


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"amount": 99}, "amount"),
        ({"amount": 100.5}, "amount"),
        ({"amount": 1001, "currency": "KWD"}, "amount"),
        ({"currency": "RUPEES"}, "currency"),
        ({"receipt": "r" * 41}, "receipt"),
        ({"notes": {str(n): "x" for n in range(16)}}, "notes"),
        ({"notes": {"x": "y" * 257}}, "notes"),
        ({"colour": "red"}, "colour"),
        (
            {
                "payment": {
                    "capture": "automatic",
                    "capture_options": {"automatic_expiry_period": 5},
                }
            },
            "payment.capture_options.automatic_expiry_period",
        ),
    ],
)
def test_what_razorpay_refuses_is_refused(
    api: httpx.Client, wrong: dict[str, Any], field: str
) -> None:
    error = refused(api.post("/orders", json={**ORDER, **wrong}))
    assert (error["code"], error["field"]) == ("BAD_REQUEST_ERROR", field)


def test_other_keys_are_refused(sandbox: Sandbox) -> None:
    assert sandbox.http.get("/v1/orders").status_code == 401
    assert sandbox.http.get("/v1/orders", auth=("rzp_test_x", "y")).status_code == 401


def test_a_unique_receipt_is_one_order(api: httpx.Client) -> None:
    first = made(api, unique_receipt=True)
    assert made(api, unique_receipt=True)["id"] == first["id"]
    assert made(api)["id"] != first["id"]
    assert first["notes"] == []


def test_a_payment_and_its_refunds(api: httpx.Client, sandbox: Sandbox) -> None:
    order = made(api)
    given = sandbox.pay(order["id"])
    payment = given["razorpay_payment_id"]
    assert api.get(f"/orders/{order['id']}").json()["status"] == "paid"
    refused(api.post(f"/payments/{payment}/capture", json={"amount": 10_000}))
    key = {"X-Refund-Idempotency": "refund-one-1"}
    first = api.post(f"/payments/{payment}/refund", json={"amount": 4000}, headers=key)
    again = api.post(f"/payments/{payment}/refund", json={"amount": 4000}, headers=key)
    assert again.json()["id"] == first.json()["id"]
    refused(api.post(f"/payments/{payment}/refund", json={"amount": 5000}, headers=key), 409)
    refused(api.post(f"/payments/{payment}/refund", json={"amount": 6001}))
    assert api.get(f"/payments/{payment}").json()["refund_status"] == "partial"
    assert sandbox.http.post(f"/_sandbox/orders/{order['id']}/pay", json={}).status_code == 400


@pytest.mark.parametrize("kind", ["timeout_before_commit", "timeout_after_commit", "reset"])
def test_a_dropped_connection_happens_before_or_after_the_work(
    api: httpx.Client, sandbox: Sandbox, kind: str
) -> None:
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        api.post("/orders", json=ORDER, headers={"X-Sandbox-Fault": f"{kind};ms=10"})
    found = api.get("/orders", params={"receipt": "r1"}).json()
    assert found["count"] == (1 if kind == "timeout_after_commit" else 0)


def test_the_same_seed_breaks_the_same_requests(api: httpx.Client, sandbox: Sandbox) -> None:
    runs = []
    for _ in range(2):
        sandbox.faults({"kind": "server_error", "probability": 0.5}, seed=11)
        runs.append([api.get("/orders").status_code for _ in range(12)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 500}


def test_an_unknown_fault_is_refused(sandbox: Sandbox) -> None:
    response = sandbox.http.post("/_sandbox/faults", json={"faults": [{"kind": "earthquake"}]})
    assert response.status_code == 400


def test_webhooks_are_signed_and_sent_again_until_taken(
    api: httpx.Client, sandbox: Sandbox
) -> None:
    heard: list[tuple[dict[str, str], bytes]] = []

    class Shop(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(500 if len(heard) == 1 else 200)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    shop = HTTPServer(("127.0.0.1", 0), Shop)
    thread = threading.Thread(target=shop.serve_forever)
    thread.start()
    try:
        sandbox.post("/_sandbox/clock", {"rate": 100})
        url = f"http://127.0.0.1:{shop.server_port}/"
        sandbox.post("/_sandbox/webhooks", {"url": url, "secrets": ["new", "old"]})
        sandbox.pay(made(api)["id"])
        wait_until(lambda: len(heard) == 4)
        events = {headers["x-razorpay-event-id"] for headers, _ in heard}
        assert len(events) == 3
        headers, body = heard[-1]
        signature = hmac.new(b"new", body, hashlib.sha256).hexdigest()
        assert headers["x-razorpay-signature"] == signature
    finally:
        secrets = list(sandbox.account.webhook_secrets)
        sandbox.post("/_sandbox/webhooks", {"url": "", "secrets": secrets})
        sandbox.post("/_sandbox/clock", {"rate": 1})
        shop.shutdown()
        thread.join()
        shop.server_close()


def test_the_form_works_without_scripts(api: httpx.Client, sandbox: Sandbox) -> None:
    order = made(api)
    fields = {
        "order_id": order["id"],
        "name": "<b>Shop</b>",
        "callback_url": "https://shop.example/return",
    }
    page = sandbox.http.post("/v1/checkout/embedded", data=fields)
    assert "&lt;b&gt;Shop" in page.text
    failed = sandbox.http.post(
        "/v1/checkout/begin", data={**fields, "method": "upi", "vpa": "failure@razorpay"}
    )
    assert 'name="error[description]"' in failed.text
    otp = sandbox.http.post(
        "/v1/checkout/begin", data={**fields, "method": "card", "card": "4100280000001007"}
    )
    assert "one-time" in otp.text
    short = {**fields, "method": "card", "card": "4100280000001007", "otp": "12"}
    assert "error[code]" in sandbox.http.post("/v1/checkout/finish", data=short).text
    paid = sandbox.http.post("/v1/checkout/finish", data={**short, "otp": "1234"})
    assert 'name="razorpay_signature"' in paid.text
    assert 'action="https://shop.example/return"' in paid.text


def test_a_form_whose_time_is_over_pays_nothing(api: httpx.Client, sandbox: Sandbox) -> None:
    order = made(api)
    fields = {"order_id": order["id"], "timeout": "60", "cancel_url": "https://shop.example/back"}
    page = sandbox.http.post("/v1/checkout/embedded", data=fields)
    ends = page.text.partition('name="ends" value="')[2].partition('"')[0]
    sent = {**fields, "ends": ends, "method": "upi"}
    sandbox.post("/_sandbox/clock", {"advance_seconds": 61})
    late = sandbox.http.post("/v1/checkout/begin", data=sent)
    assert "The time to pay is over" in late.text
    assert "https://shop.example/back" in late.text
    framed = sandbox.http.post("/v1/checkout/begin", data={**sent, "mode": "frame"})
    assert "&quot;timeout&quot;" in framed.text
    assert api.get(f"/orders/{order['id']}").json()["attempts"] == 0
    in_time = {**fields, "method": "upi"}  # a form without the moment has just been opened
    assert 'name="razorpay_signature"' in pay_form(sandbox, in_time)


def pay_form(sandbox: Sandbox, fields: dict[str, str]) -> str:
    fields = {**fields, "callback_url": "https://shop.example/return"}
    return sandbox.http.post("/v1/checkout/begin", data=fields).text


def test_redirect_says_whether_a_failure_is_handed_back(
    api: httpx.Client, sandbox: Sandbox
) -> None:
    fails = {"order_id": made(api)["id"], "method": "upi", "vpa": "failure@razorpay"}
    assert 'name="error[code]"' in pay_form(sandbox, fails)
    assert 'name="error[code]"' not in pay_form(sandbox, {**fails, "redirect": "false"})
    assert "Pay by UPI ID" in pay_form(sandbox, {**fails, "redirect": "false"})
    framed = {**fails, "mode": "frame", "opener": "https://shop.example"}
    assert "&quot;failed&quot;" in pay_form(sandbox, framed)
    assert "&quot;failed_for_good&quot;" in pay_form(sandbox, {**framed, "redirect": "true"})


def test_the_official_sdk_works_against_it(sandbox: Sandbox) -> None:
    account = sandbox.account
    client = razorpay.Client(auth=(account.key_id, account.key_secret), base_url=account.base_url)
    try:
        order = client.order.create({"amount": 20_000, "currency": "INR", "receipt": "sdk"})
        given = sandbox.pay(order["id"])
        assert client.utility.verify_payment_signature(given) is True
        payment = client.payment.fetch(given["razorpay_payment_id"])
        assert payment["status"] == "captured"
        assert client.order.payments(order["id"])["count"] == 1
        other = client.order.create(
            {
                "amount": 20_000,
                "currency": "INR",
                "payment": {"capture": "manual", "capture_options": {"manual_expiry_period": 20}},
            }
        )
        authorized = sandbox.pay(other["id"])["razorpay_payment_id"]
        captured = client.payment.capture(authorized, 20_000, {"currency": "INR"})
        assert captured["captured"] is True
        refund = client.payment.refund(authorized, {"amount": 5000})
        assert refund["entity"] == "refund"
        body = '{"event": "payment.captured"}'
        signature = hmac.new(b"secret", body.encode(), hashlib.sha256).hexdigest()
        client.utility.verify_webhook_signature(body, signature, "secret")
    finally:
        client.session.close()
