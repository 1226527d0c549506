"""Razorpay's JSON as the values of `payments/port.py`: pure.

Its payloads are odd at times (`notes` a list, `captured` a text, members missing, times nested), so
only what is needed is read, and `status` alone decides. Raises `Unreadable` for what makes no
sense.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from matricula.kernel.foreign_text import storable
from matricula.kernel.money import Money
from matricula.kernel.words import marked
from matricula.payments.port import (
    DisputeFacts,
    FactsStatus,
    GatewayOrder,
    Listing,
    Notice,
    PaymentFacts,
    RefundFacts,
    RefundStatus,
    UnreadableItem,
)

T = TypeVar("T")

_PAYMENT_STATUS: dict[str, FactsStatus] = {
    "created": "created",
    "authorized": "authorized",
    "captured": "captured",
    "refunded": "captured",  # captured, and all of it given back
    "failed": "failed",
}
_REFUND_STATUS: dict[str, RefundStatus] = {
    "created": "pending",
    "initiated": "pending",
    "pending": "pending",
    "processed": "processed",
    "failed": "failed",
}
_ID = re.compile(r"[A-Za-z0-9_]{1,64}")
_DISPUTE_STATUS = {"open", "under_review", "action_required", "won", "lost", "closed"}
_LONGEST_TEXT = 2_000
_LONGEST_PROBLEM = 200
_LATEST = 32_503_680_000  # the year 3000


class Unreadable(ValueError):
    """The answer has not the shape it should have."""


def order_of(content: Mapping[str, Any]) -> GatewayOrder:
    """https://razorpay.com/docs/api/orders/entity/"""
    return GatewayOrder(
        id=_id(content, "id"),
        receipt=_text(content, "receipt"),
        amount=_money(content, "amount"),
        status=_text(content, "status"),
    )


def payment_of(content: Mapping[str, Any]) -> PaymentFacts:
    """https://razorpay.com/docs/api/payments/entity/"""
    told = _text(content, "status")
    if not told:
        raise Unreadable(f"payment status {content.get('status')!r}")
    # A status that we don't know (`pending`: cash on delivery) is not captured yet.
    status = _PAYMENT_STATUS.get(told, "created")
    amount = _money(content, "amount")
    if content.get("status") == "refunded" and content.get("captured") is False:
        # Never captured, and given back by Razorpay itself when its time was over.
        return _expired(content, amount)
    return PaymentFacts(
        id=_id(content, "id"),
        order_id=_text(content, "order_id"),
        status=status,
        amount=amount,
        amount_refunded=Money(_whole(content.get("amount_refunded") or 0), amount.currency),
        fee=_fee(content, amount.currency),
        method=_text(content, "method"),
        failure_code=_text(content, "error_reason") or _text(content, "error_code"),
        failure_detail=_text(content, "error_description"),
        created_at=_moment(content.get("created_at")),
    )


def _expired(content: Mapping[str, Any], amount: Money) -> PaymentFacts:
    """A payment that nobody captured in time: for us it failed, and no money of ours went back
    (https://razorpay.com/docs/payments/payments/capture-settings/)."""
    return PaymentFacts(
        id=_id(content, "id"),
        order_id=_text(content, "order_id"),
        status="failed",
        amount=amount,
        amount_refunded=Money.zero(amount.currency),
        method=_text(content, "method"),
        failure_code="not_captured",
        failure_detail=marked(
            "The payment was not completed in time. Your bank gives the money back."
        ),
        created_at=_moment(content.get("created_at")),
    )


def refund_of(content: Mapping[str, Any]) -> RefundFacts:
    """https://razorpay.com/docs/api/refunds/entity/"""
    status = _REFUND_STATUS.get(_text(content, "status"))
    if status is None:
        raise Unreadable(f"refund status {content.get('status')!r}")
    return RefundFacts(
        id=_id(content, "id"),
        payment_id=_id(content, "payment_id"),
        status=status,
        amount=_money(content, "amount"),
        receipt=_text(content, "receipt"),
    )


def dispute_of(content: Mapping[str, Any]) -> DisputeFacts:
    """https://razorpay.com/docs/api/disputes/entity/"""
    status = _text(content, "status")
    if status not in _DISPUTE_STATUS:
        raise Unreadable(f"dispute status {content.get('status')!r}")
    return DisputeFacts(
        id=_id(content, "id"),
        payment_id=_id(content, "payment_id"),
        status=status,
        amount=_money(content, "amount"),
        reason=_text(content, "reason_code"),
        respond_by=_moment(content.get("respond_by")),
    )


def notice_of(event_id: str, content: Mapping[str, Any]) -> Notice:
    """A webhook's body (https://razorpay.com/docs/webhooks/payloads/). Only ids are believed, and
    those are looked up; a kind we have no use for has none."""
    kind = _text(content, "event")
    payment = _entity(content, "payment")
    if kind.startswith("payment.dispute."):
        dispute = _entity(content, "dispute")
        return Notice(
            event_id,
            kind,
            payment_id=_short(dispute.get("payment_id")) or _short(payment.get("id")),
            dispute_id=_short(dispute.get("id")),
            is_dispute=True,
            is_action_required=kind.endswith(".action_required"),
        )
    if not kind.startswith(("payment.", "order.", "refund.")):
        return Notice(event_id, kind)
    refund = _entity(content, "refund")
    order = _entity(content, "order")
    return Notice(
        event_id,
        kind,
        payment_id=_short(payment.get("id")) or _short(refund.get("payment_id")),
        order_id=_short(order.get("id")) or _short(payment.get("order_id")),
        refund_id=_short(refund.get("id")),
    )


def listing_of(content: Mapping[str, Any], read: Callable[[Mapping[str, Any]], T]) -> Listing[T]:
    """The members of a collection, each read by itself. Raises Unreadable for what is none."""
    items = content.get("items")
    if not isinstance(items, list):
        raise Unreadable("a collection without items")
    found: list[T] = []
    unreadable: list[UnreadableItem] = []
    for item in items:
        try:
            if not isinstance(item, dict):
                raise Unreadable("an item that is no object")
            found.append(read(item))
        except Unreadable as error:
            unreadable.append(UnreadableItem(_name_of(item), str(error)[:_LONGEST_PROBLEM]))
    return Listing(tuple(found), tuple(unreadable))


def _name_of(item: object) -> str:
    """What an unreadable item is called, the same each time it is met."""
    name = _short(item.get("id")) if isinstance(item, dict) else ""
    return name or hashlib.sha256(repr(item).encode("utf-8", "replace")).hexdigest()[:16]


def _entity(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    payload = content.get("payload")
    holder = payload.get(name) if isinstance(payload, dict) else None
    entity = holder.get("entity") if isinstance(holder, dict) else None
    return entity if isinstance(entity, dict) else {}


def _id(content: Mapping[str, Any], name: str) -> str:
    text = _short(content.get(name))
    if not text:
        raise Unreadable(f"no {name}")
    return text


def _short(value: object) -> str:
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""


def _text(content: Mapping[str, Any], name: str) -> str:
    """A text without what PostgreSQL cannot store: NUL, and halves of surrogate pairs."""
    value = content.get(name)
    return storable(value, _LONGEST_TEXT) if isinstance(value, str) else ""


def _fee(content: Mapping[str, Any], currency: str) -> Money | None:
    """The gateway's fee; None where there is none yet, or it makes no sense: it decides nothing
    about whether the money is there."""
    try:
        minor = _whole(content.get("fee") or 0)
    except Unreadable:
        return None
    return Money(minor, currency) if minor else None


def _money(content: Mapping[str, Any], name: str) -> Money:
    try:
        return Money(_whole(content.get(name)), _text(content, "currency"))
    except (ValueError, TypeError) as error:
        raise Unreadable(f"no {name}") from error


def _whole(value: object) -> int:
    """A number of minor units, also where it is written as a text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:  # noqa: PLR2004
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**15:
        raise Unreadable(f"{value!r} is no amount")
    return value


def _moment(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < _LATEST:
        return None
    return datetime.fromtimestamp(value, UTC)
