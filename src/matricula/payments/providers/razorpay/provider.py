"""Razorpay as a payment provider (https://razorpay.com/docs/api/)."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from matricula.config.environment import RazorpaySettings
from matricula.kernel.errors import MalformedRequest
from matricula.kernel.money import Money
from matricula.payments.errors import GatewayUnavailable, OutcomeUnknown, SignatureInvalid
from matricula.payments.port import (
    DisputeFacts,
    GatewayOrder,
    HandBack,
    Listing,
    Notice,
    OrderRequest,
    PaymentFacts,
    RefundFacts,
    RefundRequest,
)
from matricula.payments.providers.razorpay import mapping
from matricula.payments.providers.razorpay.client import RazorpayClient
from matricula.payments.providers.razorpay.mapping import Unreadable

RAZORPAY = "razorpay"
PAGE = 100
# Minutes. Razorpay captures by itself what is authorized within the first, and gives back what
# nobody captured within the second (https://razorpay.com/docs/payments/payments/capture-settings/).
AUTOMATIC_EXPIRY = 12
MANUAL_EXPIRY = 7_200
_ID = re.compile(r"[A-Za-z0-9_]{1,64}")
T = TypeVar("T")


class RazorpayProvider:
    """The port over Razorpay's REST API."""

    name = RAZORPAY

    def __init__(self, account: RazorpaySettings) -> None:
        self.public_key = account.key_id
        self._account = account
        self._client = RazorpayClient(account.base_url, account.key_id, account.key_secret)

    def close(self) -> None:
        """Gives the connections back."""
        self._client.close()

    def create_order(self, request: OrderRequest) -> GatewayOrder:
        body = {
            "amount": request.amount.minor,
            "currency": request.amount.currency,
            "receipt": request.receipt,
            "unique_receipt": True,
            "notes": dict(request.notes),
            "payment": {
                "capture": "automatic",
                "capture_options": {
                    "automatic_expiry_period": AUTOMATIC_EXPIRY,
                    "manual_expiry_period": MANUAL_EXPIRY,
                    "refund_speed": "normal",
                },
            },
        }
        return _done(mapping.order_of, self._client.post("/orders", body))

    def find_order(self, receipt: str) -> GatewayOrder | None:
        found = self._client.get("/orders", receipt=receipt, count=1)
        orders = _listed(mapping.order_of, found).items
        return next((order for order in orders if order.receipt == receipt), None)

    def payments_of_order(self, order_id: str) -> Listing[PaymentFacts]:
        found = self._client.get(f"/orders/{_checked(order_id)}/payments")
        return _listed(mapping.payment_of, found)

    def fetch_payment(self, payment_id: str) -> PaymentFacts:
        return _read(mapping.payment_of, self._client.get(f"/payments/{_checked(payment_id)}"))

    def capture(self, payment_id: str, amount: Money) -> PaymentFacts:
        body = {"amount": amount.minor, "currency": amount.currency}
        found = self._client.post(f"/payments/{_checked(payment_id)}/capture", body)
        return _done(mapping.payment_of, found)

    def refund(self, request: RefundRequest) -> RefundFacts:
        body = {
            "amount": request.amount.minor,
            "speed": "normal",
            "receipt": request.key,
            "notes": dict(request.notes),
        }
        found = self._client.post(
            f"/payments/{_checked(request.payment_id)}/refund",
            body,
            {"X-Refund-Idempotency": request.key},
        )
        return _done(mapping.refund_of, found)

    def refunds_of_payment(self, payment_id: str) -> Listing[RefundFacts]:
        found = self._client.get(f"/payments/{_checked(payment_id)}/refunds", count=PAGE)
        return _listed(mapping.refund_of, found)

    def fetch_dispute(self, dispute_id: str) -> DisputeFacts:
        """https://razorpay.com/docs/api/disputes/fetch-with-id/"""
        return _read(mapping.dispute_of, self._client.get(f"/disputes/{_checked(dispute_id)}"))

    def captured_between(self, start: datetime, end: datetime) -> Iterator[Listing[PaymentFacts]]:
        for page in self._pages("/payments", mapping.payment_of, start, end):
            captured = (facts for facts in page.items if facts.status == "captured")
            yield replace(page, items=tuple(captured))

    def _pages(
        self, path: str, read: Callable[[Mapping[str, Any]], T], start: datetime, end: datetime
    ) -> Iterator[Listing[T]]:
        """A collection by when its members were made, page by page."""
        span = {"from": int(start.timestamp()), "to": int(end.timestamp()), "count": PAGE}
        skip = 0
        while True:
            page = _listed(read, self._client.get(path, **span, skip=skip))
            yield page
            if len(page.items) + len(page.unreadable) < PAGE:
                return
            skip += PAGE

    def verify_hand_back(self, hand_back: HandBack, order_id: str) -> None:
        """https://razorpay.com/docs/payments/server-integration/python/integration-steps/#14-verify-payment-signature"""
        signed = f"{order_id}|{hand_back.payment_id}".encode()
        is_ours = hand_back.order_id == order_id
        if not is_ours or not _is_signed(signed, hand_back.signature, [self._account.key_secret]):
            raise SignatureInvalid

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """https://razorpay.com/docs/webhooks/validate-test/: over the raw body, by any of the
        secrets, since events from before a rotation are still signed with the old one."""
        signature = headers.get("x-razorpay-signature", "")
        if not _is_signed(body, signature, self._account.webhook_secrets):
            raise SignatureInvalid
        return self.read_stored(headers, body)

    def read_stored(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """What a webhook says whose signature was checked when it came."""
        try:
            content = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise MalformedRequest("The body is not JSON.") from error
        if not isinstance(content, dict):
            raise MalformedRequest("The body is not a JSON object.")
        event_id = headers.get("x-razorpay-event-id", "") or hashlib.sha256(body).hexdigest()
        return mapping.notice_of(event_id[:120], content)


def _is_signed(message: bytes, signature: str, secrets: Sequence[str]) -> bool:
    given = signature.encode("utf-8", "replace")
    return any(
        hmac.compare_digest(
            hmac.new(secret.encode(), message, hashlib.sha256).hexdigest().encode(), given
        )
        for secret in secrets
    )


def _checked(gateway_id: str) -> str:
    """An id that may stand in a path."""
    if not _ID.fullmatch(gateway_id):
        raise MalformedRequest("This is no id of the payment service.")
    return gateway_id


def _read(read: Callable[[Any], T], content: Any) -> T:
    try:
        return read(content)
    except Unreadable as error:
        raise GatewayUnavailable from error


def _listed(read: Callable[[Mapping[str, Any]], T], content: Any) -> Listing[T]:
    return _read(lambda found: mapping.listing_of(found, read), content)


def _done(read: Callable[[Any], T], content: Any) -> T:
    """An answer to something done that makes no sense leaves its outcome unknown."""
    try:
        return read(content)
    except Unreadable as error:
        raise OutcomeUnknown from error
