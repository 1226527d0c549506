"""Payments made elsewhere. Nobody to call: staff says what arrived, and pays refunds out by
hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from matricula.kernel.errors import NotFound
from matricula.kernel.money import Money
from matricula.payments.errors import SignatureInvalid
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

OFFLINE = "offline"


class OfflineProvider:
    """The port without a gateway behind it."""

    name = OFFLINE
    public_key = ""

    def create_order(self, request: OrderRequest) -> GatewayOrder:
        return GatewayOrder(request.receipt, request.receipt, request.amount, "created")

    def find_order(self, receipt: str) -> GatewayOrder | None:  # noqa: ARG002
        return None

    def payments_of_order(self, order_id: str) -> Listing[PaymentFacts]:  # noqa: ARG002
        return Listing()

    def fetch_payment(self, payment_id: str) -> PaymentFacts:  # noqa: ARG002
        raise NotFound

    def capture(self, payment_id: str, amount: Money) -> PaymentFacts:  # noqa: ARG002
        raise NotFound

    def refund(self, request: RefundRequest) -> RefundFacts:
        """Accepted, and waiting until staff says that it was paid out."""
        return RefundFacts(request.key, request.payment_id, "pending", request.amount, request.key)

    def refunds_of_payment(self, payment_id: str) -> Listing[RefundFacts]:  # noqa: ARG002
        return Listing()

    def fetch_dispute(self, dispute_id: str) -> DisputeFacts:  # noqa: ARG002
        raise NotFound

    def captured_between(
        self,
        start: datetime,  # noqa: ARG002
        end: datetime,  # noqa: ARG002
    ) -> Iterator[Listing[PaymentFacts]]:
        return iter(())

    def verify_hand_back(self, hand_back: HandBack, order_id: str) -> None:  # noqa: ARG002
        raise SignatureInvalid

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> Notice:  # noqa: ARG002
        raise NotFound

    def read_stored(self, headers: Mapping[str, str], body: bytes) -> Notice:  # noqa: ARG002
        raise NotFound
