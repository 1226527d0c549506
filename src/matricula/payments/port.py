"""What a payment gateway must be able to do. No HTML and no database here.

A provider translates between its gateway and these values. Amounts are `Money`; ids are the
gateway's own texts. What it is told it verifies; what it cannot know it says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Literal, Protocol, TypeVar

from matricula.kernel.money import Money

FactsStatus = Literal["created", "authorized", "captured", "failed"]
RefundStatus = Literal["pending", "processed", "failed"]
T = TypeVar("T")


@dataclass(frozen=True)
class UnreadableItem:
    """An item of a gateway's list that could not be read. `id` is what the gateway calls it, or a
    fingerprint where that cannot be read either."""

    id: str
    problem: str


@dataclass(frozen=True)
class Listing(Generic[T]):
    """What a gateway lists: the items that could be read, and those that could not. One odd item
    never makes the others unreadable; report the unreadable ones (`payments.actions`)."""

    items: tuple[T, ...] = ()
    unreadable: tuple[UnreadableItem, ...] = ()


@dataclass(frozen=True)
class OrderRequest:
    """What a gateway order is asked for. `receipt` is ours and finds it again (40 characters)."""

    receipt: str
    amount: Money
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class GatewayOrder:
    id: str
    receipt: str
    amount: Money
    status: str


@dataclass(frozen=True)
class PaymentFacts:
    """A payment as the gateway has it now. `status` alone decides; `refunded` payments are
    captured ones with `amount_refunded` of it given back."""

    id: str
    order_id: str
    status: FactsStatus
    amount: Money
    amount_refunded: Money
    fee: Money | None = None
    method: str = ""
    failure_code: str = ""
    failure_detail: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True)
class RefundRequest:
    """`key` makes the request idempotent at the gateway (10 to 40 of A-Z a-z 0-9 _ -)."""

    payment_id: str
    amount: Money
    key: str
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RefundFacts:
    """A refund as the gateway has it. `receipt` is our key when the gateway gives it back."""

    id: str
    payment_id: str
    status: RefundStatus
    amount: Money
    receipt: str = ""
    failure_detail: str = ""


@dataclass(frozen=True)
class DisputeFacts:
    id: str
    payment_id: str
    status: str  # open, under_review, action_required, won, lost, closed
    amount: Money
    reason: str = ""
    respond_by: datetime | None = None


@dataclass(frozen=True)
class Notice:
    """A verified webhook: a hint about what to look up. Empty members are not mentioned in it."""

    event_id: str
    type: str
    payment_id: str = ""
    order_id: str = ""
    refund_id: str = ""
    dispute_id: str = ""
    is_dispute: bool = False  # also where it cannot be read which
    is_action_required: bool = False  # said by some gateways in the notice alone


@dataclass(frozen=True)
class HandBack:
    """What the gateway's checkout gives the browser after a payment."""

    payment_id: str
    order_id: str
    signature: str


class PaymentProvider(Protocol):
    """All that the rest of the house knows of a gateway.

    Methods that call the gateway raise, from `payments.errors`: GatewayRefused (it said no, nothing
    happened), GatewayUnavailable (nothing happened, try later) or OutcomeUnknown (it may or may not
    have happened: look it up before doing it again).
    """

    name: str
    public_key: str  # shown to browsers

    def create_order(self, request: OrderRequest) -> GatewayOrder: ...

    def find_order(self, receipt: str) -> GatewayOrder | None: ...

    def payments_of_order(self, order_id: str) -> Listing[PaymentFacts]: ...

    def fetch_payment(self, payment_id: str) -> PaymentFacts: ...

    def capture(self, payment_id: str, amount: Money) -> PaymentFacts: ...

    def refund(self, request: RefundRequest) -> RefundFacts: ...

    def refunds_of_payment(self, payment_id: str) -> Listing[RefundFacts]: ...

    def fetch_dispute(self, dispute_id: str) -> DisputeFacts: ...

    def captured_between(self, start: datetime, end: datetime) -> Iterator[Listing[PaymentFacts]]:
        """Captured payments by when they were begun, page by page, the newest first."""

    def verify_hand_back(self, hand_back: HandBack, order_id: str) -> None:
        """Raises SignatureInvalid unless it is signed for our `order_id`."""

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """Raises SignatureInvalid, and MalformedRequest for what cannot be read. Header names
        are in lower case."""

    def read_stored(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """As `read_webhook` for one whose signature was checked when it came."""
