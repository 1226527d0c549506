"""Nonsense is answered in words, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.sandbox import Sandbox

ORDER = {"amount": 10_000, "currency": "INR"}


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[httpx.Client]:
    account = sandbox.account
    with httpx.Client(
        base_url=f"{account.base_url}/v1",
        auth=(account.key_id, account.key_secret),
        trust_env=False,
    ) as client:
        yield client


def paid(api: httpx.Client, sandbox: Sandbox) -> str:
    order = api.post("/orders", json=ORDER).json()
    payment: str = sandbox.pay(order["id"])["razorpay_payment_id"]
    return payment


@pytest.mark.parametrize(
    "wrong",
    [
        {"currency": "ZZZ"},
        {"payment": {"capture": ["automatic"]}},
        {"payment": {"capture": "automatic", "capture_options": "soon"}},
        {"notes": {"a": {"b": "c"}}},
        {"partial_payment": True},
        {"unique_receipt": True},
    ],
)
def test_an_order_that_makes_no_sense_is_refused(api: httpx.Client, wrong: dict[str, Any]) -> None:
    assert api.post("/orders", json={**ORDER, **wrong}).status_code == 400


def test_half_a_character_cannot_spoil_the_listings(api: httpx.Client) -> None:
    body = b'{"amount": 10000, "currency": "INR", "notes": {"a": "\\ud800"}}'
    response = api.post("/orders", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert api.get("/orders").status_code == 200


@pytest.mark.parametrize("text", ["latncy;ms=1", "webhook_drop", "latency;ms=soon"])
def test_a_header_that_asks_for_no_such_fault_is_refused(api: httpx.Client, text: str) -> None:
    response = api.post("/orders", json=ORDER, headers={"X-Sandbox-Fault": text})
    assert response.status_code == 400


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "latency", "match": {"path": "("}},
        {"kind": "latency", "ms": "soon"},
        {"kind": "latency", "probability": 7},
    ],
)
def test_a_fault_that_could_not_strike_is_refused(
    api: httpx.Client, sandbox: Sandbox, fault: dict[str, Any]
) -> None:
    assert sandbox.http.post("/_sandbox/faults", json={"faults": [fault]}).status_code == 400
    assert api.get("/orders").status_code == 200


@pytest.mark.parametrize(
    "option",
    [
        {"methd": "upi"},
        {"method": "cash"},
        {"status": "done"},
        {"webhook": "soon"},
        {"amount": "x"},
    ],
)
def test_paying_refuses_what_it_does_not_know(
    api: httpx.Client, sandbox: Sandbox, option: dict[str, Any]
) -> None:
    order = api.post("/orders", json=ORDER).json()
    url = f"/_sandbox/orders/{order['id']}/pay"
    assert sandbox.http.post(url, json=option).status_code == 400
    assert api.get(f"/orders/{order['id']}").json()["status"] != "paid"


def test_an_idempotency_key_belongs_to_one_payment(api: httpx.Client, sandbox: Sandbox) -> None:
    key = {"X-Refund-Idempotency": f"key-{paid(api, sandbox)}"}
    first, other = paid(api, sandbox), paid(api, sandbox)
    assert api.post(f"/payments/{first}/refund", json={}, headers=key).status_code == 200
    assert api.post(f"/payments/{other}/refund", json={}, headers=key).status_code == 409


def test_time_never_stands_still(sandbox: Sandbox) -> None:
    assert sandbox.http.post("/_sandbox/clock", json={"rate": 0}).status_code == 400


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [(12_340, "KWD", "KWD 12.340"), (500, "JPY", "JPY 500"), (150_050, "INR", "INR 1,500.50")],
)
def test_the_form_shows_the_amount_in_the_currencys_decimals(
    api: httpx.Client, sandbox: Sandbox, amount: int, currency: str, shown: str
) -> None:
    order = api.post("/orders", json={"amount": amount, "currency": currency}).json()
    page = sandbox.http.post("/v1/checkout/embedded", data={"order_id": order["id"]})
    assert shown in page.text
