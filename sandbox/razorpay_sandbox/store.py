"""All that the sandbox remembers: entities in Razorpay's own shapes, in memory, and in a file when
one is given, so that a restart loses nothing.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_MOST_LOGGED = 5000
Entity = dict[str, Any]
_KINDS = ("orders", "payments", "refunds", "disputes", "events")


class Store:
    """Entities by id. `private` holds what an entity does not show: capture settings, keys."""

    def __init__(self, file: Path | None = None) -> None:
        self.file = file
        self._empty()
        if file is not None and file.exists():
            self._load(json.loads(file.read_text()))

    def _empty(self) -> None:
        self.orders: dict[str, Entity] = {}
        self.payments: dict[str, Entity] = {}
        self.refunds: dict[str, Entity] = {}
        self.disputes: dict[str, Entity] = {}
        self.events: dict[str, Entity] = {}
        self.private: dict[str, Entity] = {}
        self.by_receipt: dict[str, list[str]] = {}
        self.by_order: dict[str, list[str]] = {}
        self.by_payment: dict[str, list[str]] = {}
        self.by_key: dict[str, str] = {}
        self.log: list[Entity] = []
        self.logged = 0
        self.is_dirty = True

    def new_id(self, prefix: str) -> str:
        """Like Razorpay's: a prefix and 14 characters."""
        return f"{prefix}_{''.join(random.SystemRandom().choices(_LETTERS, k=14))}"

    def add_order(self, order: Entity, settings: Entity) -> None:
        self.orders[order["id"]] = order
        self.private[order["id"]] = settings
        if order["receipt"]:
            self.by_receipt.setdefault(order["receipt"], []).append(order["id"])
        self.is_dirty = True

    def add_payment(self, payment: Entity) -> None:
        self.payments[payment["id"]] = payment
        self.by_order.setdefault(payment["order_id"], []).append(payment["id"])
        self.is_dirty = True

    def add_refund(self, refund: Entity, private: Entity) -> None:
        self.refunds[refund["id"]] = refund
        self.private[refund["id"]] = private
        self.by_payment.setdefault(refund["payment_id"], []).append(refund["id"])
        if private.get("key"):
            self.by_key[private["key"]] = refund["id"]
        self.is_dirty = True

    def payments_of(self, order_id: str) -> list[Entity]:
        return [self.payments[found] for found in self.by_order.get(order_id, [])]

    def refunds_of(self, payment_id: str) -> list[Entity]:
        return [self.refunds[found] for found in self.by_payment.get(payment_id, [])]

    def refund_with_key(self, key: str | None) -> Entity | None:
        """The refund that this idempotency key of the account made."""
        found = self.by_key.get(key or "")
        return self.refunds[found] if found else None

    def note(self, **entry: Any) -> None:
        """A line of the log, the last thousands of which are kept."""
        self.logged += 1
        self.log.append({"number": self.logged, **entry})
        del self.log[:-_MOST_LOGGED]

    def clear(self) -> None:
        self._empty()

    def save(self) -> None:
        """Writes the file anew, whole or not at all."""
        if self.file is None or not self.is_dirty:
            return
        self.is_dirty = False
        aside = self.file.with_suffix(".new")
        kept = {name: getattr(self, name) for name in (*_KINDS, "private")}
        aside.write_text(json.dumps(kept))
        aside.replace(self.file)

    def _load(self, kept: Entity) -> None:
        self.private = kept["private"]
        self.events, self.disputes = kept["events"], kept["disputes"]
        for order in kept["orders"].values():
            self.add_order(order, self.private[order["id"]])
        for payment in kept["payments"].values():
            self.add_payment(payment)
        for refund in kept["refunds"].values():
            self.add_refund(refund, self.private[refund["id"]])
