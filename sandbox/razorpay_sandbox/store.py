"""All that the sandbox remembers: entities in Razorpay's own shapes, and what is still to happen.
In memory, and in an SQLite file when one is given: what was answered stands there, whatever kills
it.
"""

from __future__ import annotations

import json
import random
import sqlite3
from pathlib import Path
from typing import Any

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_MOST_LOGGED = 5000
Entity = dict[str, Any]
_KINDS = ("orders", "payments", "refunds", "disputes", "events", "private", "agenda", "meta")
_KIND_OF = {"order": "orders", "pay": "payments", "rfnd": "refunds", "disp": "disputes"}
_TABLE = """
    CREATE TABLE IF NOT EXISTS kept (
        number INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, content TEXT NOT NULL,
        UNIQUE (kind, id)
    )
"""
_PUT = """
    INSERT INTO kept (kind, id, content) VALUES (?, ?, ?)
    ON CONFLICT (kind, id) DO UPDATE SET content = excluded.content
"""


class Store:
    """Entities by id. `private` holds what an entity does not show (capture settings, keys),
    `agenda` what is to happen later, `meta` the rest. Whoever changes one says so by `touch`."""

    def __init__(self, file: Path | None = None) -> None:
        self._empty()
        self._database = None if file is None else _open(file)
        if self._database is not None:
            rows = self._database.execute("SELECT kind, id, content FROM kept ORDER BY number")
            for kind, key, content in rows.fetchall():
                getattr(self, kind)[key] = json.loads(content)
            self._index()
            self._touched.clear()

    def _empty(self) -> None:
        self.orders: dict[str, Entity] = {}
        self.payments: dict[str, Entity] = {}
        self.refunds: dict[str, Entity] = {}
        self.disputes: dict[str, Entity] = {}
        self.events: dict[str, Entity] = {}
        self.private: dict[str, Entity] = {}
        self.agenda: dict[str, Entity] = {}
        self.meta: dict[str, Entity] = {}
        self.unfinished: set[str] = set()  # payments created or authorized, looked at by the sweep
        self._touched: dict[tuple[str, str], None] = {}
        self.by_receipt: dict[str, list[str]] = {}
        self.by_order: dict[str, list[str]] = {}
        self.by_payment: dict[str, list[str]] = {}
        self.by_key: dict[str, str] = {}
        self.log: list[Entity] = []
        self.logged = 0

    def new_id(self, prefix: str) -> str:
        """Like Razorpay's: a prefix and 14 characters."""
        return f"{prefix}_{''.join(random.SystemRandom().choices(_LETTERS, k=14))}"

    def add_order(self, order: Entity, settings: Entity) -> None:
        self.orders[order["id"]] = order
        self.private[order["id"]] = settings
        if order["receipt"]:
            self.by_receipt.setdefault(order["receipt"], []).append(order["id"])
        self.touch("orders", order["id"])
        self.touch("private", order["id"])

    def add_payment(self, payment: Entity) -> None:
        self.payments[payment["id"]] = payment
        self.by_order.setdefault(payment["order_id"], []).append(payment["id"])
        self.unfinished.add(payment["id"])
        self.touch("payments", payment["id"])

    def add_refund(self, refund: Entity, private: Entity) -> None:
        self.refunds[refund["id"]] = refund
        self.private[refund["id"]] = private
        self.by_payment.setdefault(refund["payment_id"], []).append(refund["id"])
        if private.get("key"):
            self.by_key[private["key"]] = refund["id"]
        self.touch("refunds", refund["id"])
        self.touch("private", refund["id"])

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

    def touch(self, kind: str, key: str) -> None:
        """This one was made, changed or removed: `save` writes it."""
        if self._database is not None:
            self._touched[kind, key] = None

    def touch_entity(self, entity: Entity) -> None:
        """As `touch` for an entity of the API, whose id says its kind."""
        self.touch(_KIND_OF[entity["id"].partition("_")[0]], entity["id"])

    def clear(self) -> None:
        self._empty()
        if self._database is not None:
            self._database.execute("DELETE FROM kept")

    def save(self) -> None:
        """Writes what has changed since, all of it or nothing."""
        if self._database is None or not self._touched:
            return
        changed, self._touched = list(self._touched), {}
        with self._database:
            self._database.execute("BEGIN")
            for kind, key in changed:
                content = getattr(self, kind).get(key)
                if content is None:
                    self._database.execute(
                        "DELETE FROM kept WHERE kind = ? AND id = ?", (kind, key)
                    )
                else:
                    self._database.execute(_PUT, (kind, key, json.dumps(content)))

    def close(self) -> None:
        self.save()
        if self._database is not None:
            self._database.close()

    def _index(self) -> None:
        """The ways to find things, after reading them from the file."""
        for order in self.orders.values():
            self.add_order(order, self.private[order["id"]])
        for payment in self.payments.values():
            self.add_payment(payment)
        for refund in self.refunds.values():
            self.add_refund(refund, self.private[refund["id"]])


def _open(file: Path) -> sqlite3.Connection:
    """The file's database, made where there is none. One that an earlier version wrote as JSON is
    put aside: what it held is a sandbox's."""
    if file.exists() and not file.read_bytes()[:16].startswith(b"SQLite format 3"):
        file.replace(file.with_name(f"{file.name}.old"))
    database = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    # A process that is killed loses nothing of what it has written; a machine that falls may.
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = OFF")
    database.execute(_TABLE)
    return database
