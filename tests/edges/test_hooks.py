"""Webhooks in: stored once, verified, handled later, never a 5xx for a duplicate."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from matricula.enrollments.states import Stage
from matricula.flows import notices
from matricula.kernel.errors import DomainError
from matricula.payments import gateways, inbox
from matricula.payments.models import InboxEvent, RejectedWebhook
from matricula.payments.providers.razorpay import mapping
from tests.support.paying import checkout
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.django_db
# Samples from Razorpay's own documentation. They are Razorpay's, so they are not in here:
# they lie beside it, or where this variable says.
SAMPLES = "MATRICULA_GATEWAY_SAMPLES"
BESIDE = Path(__file__).parents[3] / "shared" / "fixtures" / "razorpay"
FIXTURES = Path(os.environ.get(SAMPLES) or BESIDE)
WEBHOOKS = sorted(FIXTURES.glob("rzp_wh_*.json"))
ENTITIES = sorted(set(FIXTURES.glob("*.json")) - set(WEBHOOKS))


def post(body: bytes, *, secret: str | None = None, event_id: str = "evt1", **headers: str) -> Any:
    key = secret or settings.ENVIRONMENT.razorpay.webhook_secrets[0]
    signature = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
    sent = {"X-Razorpay-Signature": signature, "x-razorpay-event-id": event_id, **headers}
    return Client(HTTP_HOST="127.0.0.1").generic(
        "POST", "/webhooks/razorpay", body, content_type="application/json", headers=sent
    )


def forget_provider() -> None:
    provider = gateways.provider("razorpay")
    assert isinstance(provider, gateways.RazorpayProvider)
    provider.close()
    gateways.provider.cache_clear()


@pytest.mark.parametrize("is_reversed", [False, True])
def test_webhooks_settle_their_payment_in_any_order(sandbox: Sandbox, is_reversed: bool) -> None:
    buyer = checkout(sandbox)
    buyer.pay(webhook="never")
    bodies = [event["body"].encode() for event in sandbox.events()]
    if is_reversed:
        bodies.reverse()
    for number, body in enumerate([*bodies, *bodies]):
        assert post(body, event_id=f"evt{number % len(bodies)}").status_code == 200
    assert InboxEvent.objects.count() == len(bodies) == 3
    notices.handle_due()
    assert buyer.stage is Stage.CONFIRMED
    assert set(InboxEvent.objects.values_list("state", flat=True)) == {"handled"}


def test_a_forged_webhook_does_not_shadow_the_true_one() -> None:
    body = b'{"event": "payment.captured"}'
    refused = post(body, secret="wrong")
    assert (refused.status_code, refused.json()["code"]) == (400, "signature_invalid")
    assert RejectedWebhook.objects.count() == 1
    assert post(body).status_code == 200
    assert InboxEvent.objects.count() == 1


def test_an_older_secret_still_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    account = replace(settings.ENVIRONMENT.razorpay, webhook_secrets=("new", "old"))
    monkeypatch.setattr(settings, "ENVIRONMENT", replace(settings.ENVIRONMENT, razorpay=account))
    forget_provider()
    try:
        assert post(b"{}", secret="old", event_id="a").status_code == 200
        assert post(b"{}", secret="new", event_id="b").status_code == 200
        assert post(b"{}", secret="older", event_id="c").status_code == 400
    finally:
        forget_provider()


@pytest.mark.parametrize("body", [b"", b"[]", b"nonsense", b"[" * 5000])
def test_what_cannot_be_read_is_refused(body: bytes) -> None:
    assert post(body).status_code == 400


def test_other_methods_and_providers_are_refused() -> None:
    client = Client(HTTP_HOST="127.0.0.1")
    assert client.get("/webhooks/razorpay").status_code == 405
    assert client.post("/webhooks/nobody", {}).status_code == 404


def test_the_samples_are_there_or_it_is_said_that_nothing_was_tested_with_them() -> None:
    if not WEBHOOKS and SAMPLES not in os.environ:
        pytest.skip(
            f"NOT TESTED with Razorpay's own samples: {SAMPLES} is not set, and there is no"
            f" {BESIDE}"
        )
    assert len(WEBHOOKS) >= 9, f"{FIXTURES} lacks the samples of webhooks"
    assert len(ENTITIES) >= 8, f"{FIXTURES} lacks the samples of entities"


@pytest.mark.parametrize("file", WEBHOOKS, ids=lambda file: file.stem)
def test_each_known_payload_goes_through_the_inbox(file: Path, sandbox: Sandbox) -> None:
    assert post(file.read_bytes(), event_id=file.stem).status_code == 200
    notices.handle_due()
    event = InboxEvent.objects.get()
    # Its payment is unknown to the sandbox, or it is of a kind we have no use for: never an error.
    assert event.state in {"ignored", "failed", "handled"}
    assert inbox.replay([event.pk]) == 1


@pytest.mark.parametrize("file", ENTITIES, ids=lambda file: file.stem)
def test_each_known_entity_is_mapped_or_refused_in_our_words(file: Path) -> None:
    content = json.loads(file.read_text())
    for read in (mapping.order_of, mapping.payment_of, mapping.refund_of, _payments_listed):
        try:
            read(content)
        except mapping.Unreadable:
            continue


def _payments_listed(content: Any) -> Any:
    return mapping.listing_of(content, mapping.payment_of)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "entity",
                    "payload",
                    "payment",
                    "order",
                    "refund",
                    "dispute",
                    "event",
                    "amount",
                    "status",
                    "currency",
                    "order_id",
                    "payment_id",
                    "items",
                    "fee",
                    "created_at",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@given(JSON)
@hypothesis_settings(
    max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_json_breaks_the_reading(content: Any) -> None:
    holder = content if isinstance(content, dict) else {"payload": content}
    for read in (mapping.order_of, mapping.payment_of, mapping.refund_of, _payments_listed):
        try:
            read(holder)
        except mapping.Unreadable:
            continue
    mapping.notice_of("evt", holder)
    with suppress(DomainError):
        gateways.provider("razorpay").read_stored({}, json.dumps(content).encode())
