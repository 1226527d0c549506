"""Signed webhooks with retries, and everything that can go wrong with them."""

from __future__ import annotations

import asyncio
import copy
import hashlib
import hmac
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import urllib3

from razorpay_sandbox.agenda import Agenda
from razorpay_sandbox.faults import Fault, Plan
from razorpay_sandbox.gateway import ACCOUNT
from razorpay_sandbox.store import Entity, Store

LONGEST_ANSWER = 5.0
AT_ONCE = 32  # deliveries; the others wait for one of these to end
RETRIED_FOR = 86_400
FIRST_RETRY = 2.0
_DELIVERY_FAULTS = (
    "webhook_delay",
    "webhook_drop",
    "webhook_duplicate",
    "webhook_shuffle",
    "webhook_old_secret",
    "webhook_bad_signature",
    "webhook_tampered_body",
)
_BODY_FAULTS = ("odd_notes", "odd_captured", "odd_missing_order", "odd_stale")


class Webhooks:
    """Where events go, and their way there. `secrets`: the newest first; it signs."""

    def __init__(self, agenda: Agenda, plan: Plan, urls: list[str], secrets: list[str]):
        self.agenda = agenda
        self.store = agenda.store
        self.clock = agenda.clock
        self.plan = plan
        self.urls = urls
        self.secrets = secrets
        self.is_disabled = False
        self.mode: str | float = "now"  # of the payment under way: now, never, or seconds to wait
        self._http = urllib3.PoolManager(maxsize=AT_ONCE, retries=False, timeout=LONGEST_ANSWER)
        self._threads = ThreadPoolExecutor(AT_ONCE, "webhook")
        agenda.teach("deliver", self._deliver)

    def announce(self, event: str, entity: Entity) -> None:
        """An entity has changed: its webhook is made now, with what is true now, and sent."""
        made = self._make(event, entity)
        if self.mode == "never":
            self._note(made, "", "withheld")
            return
        wait = 0.0 if self.mode == "now" else float(self.mode)
        self._send(made, wait)

    @contextmanager
    def in_mode(self, mode: str | float) -> Iterator[None]:
        """How the webhooks of the block go: now, never, or after so many seconds."""
        self.mode = mode
        try:
            yield
        finally:
            self.mode = "now"

    @property
    def later_mode(self) -> str:
        """The mode of what follows a payment by itself: `never` holds for all of it."""
        return "never" if self.mode == "never" else "now"

    async def settle(self) -> None:
        """Waits for what is being delivered at this moment."""
        await self.agenda.settle(LONGEST_ANSWER)

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._http.clear()

    async def deliver(self, event_id: str, options: dict[str, Any]) -> list[dict[str, Any]]:
        """Sends an event again, once, as the options say."""
        made = self.store.events[event_id]
        kinds = {
            "old": "webhook_old_secret",
            "bad_signature": "webhook_bad_signature",
            "tamper": "webhook_tampered_body",
        }
        fault = "webhook_old_secret" if options.get("secret") == "old" else ""
        for name in ("bad_signature", "tamper"):
            if options.get(name):
                fault = kinds[name]
        urls = [options["url"]] if options.get("url") else self.urls
        return [
            {"url": url, "status": await self._post(made, url, Fault(fault) if fault else None)}
            for url in urls
        ]

    def _make(self, event: str, entity: Entity) -> Entity:
        event_id = self.store.new_id("evt").removeprefix("evt_")
        body = _body(self.store, event, entity, int(self.clock.now()))
        odd = self.plan.draw(_BODY_FAULTS)
        if odd is not None:
            _make_odd(odd.kind, body)
        made = {"id": event_id, "event": event, "body": json.dumps(body), "deliveries": []}
        self.store.events[event_id] = made
        self.store.touch("events", event_id)
        return made

    def _send(self, made: Entity, wait: float) -> None:
        fault = self.plan.draw(_DELIVERY_FAULTS)
        if fault is not None and fault.kind == "webhook_drop":
            self._note(made, "", "dropped")
            return
        if fault is not None and fault.kind in {"webhook_delay", "webhook_shuffle"}:
            wait += float(fault.params.get("ms", 700 if len(self.store.events) % 2 else 100)) / 1000
        times = 2 if fault is not None and fault.kind == "webhook_duplicate" else 1
        for url in self.urls:
            for _ in range(times):
                self.agenda.add(
                    "deliver",
                    wait,
                    event_id=made["id"],
                    url=url,
                    fault=fault.kind if fault is not None else "",
                    ends=self.clock.now() + wait + RETRIED_FOR,
                    pause=FIRST_RETRY,
                )

    async def _deliver(self, args: dict[str, Any]) -> float | None:
        """One try; after how long the next, if it failed."""
        made = self.store.events[args["event_id"]]
        if self.is_disabled:
            return None
        fault = Fault(args["fault"]) if args["fault"] else None
        if 200 <= await self._post(made, args["url"], fault) < 300:
            return None
        if self.clock.now() > args["ends"]:
            self.is_disabled = True
            self._note(made, args["url"], "disabled")
            return None
        pause: float = args["pause"]
        args.update(fault="", pause=min(pause * 2, 3600))  # the next try is a true one
        return pause

    async def _post(self, made: Entity, url: str, fault: Fault | None) -> int:
        kind = fault.kind if fault is not None else ""
        body = made["body"].encode()
        secret = self.secrets[-1] if kind == "webhook_old_secret" else self.secrets[0]
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        if kind == "webhook_bad_signature":
            signature = "0" * 64
        if kind == "webhook_tampered_body":
            body = body.replace(b'"amount": ', b'"amount": 1', 1)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Razorpay-Webhook/v1 (sandbox)",
            "X-Razorpay-Signature": signature,
            "x-razorpay-event-id": made["id"],
            "request-id": self.store.new_id("req"),
        }
        loop = asyncio.get_running_loop()
        status = await loop.run_in_executor(self._threads, self._send_to, url, body, headers)
        made["deliveries"].append({"at": int(self.clock.now()), "status": status, "fault": kind})
        self.store.touch("events", made["id"])
        self._note(made, url, str(status), fault=kind)
        return status

    def _send_to(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """The status answered; 0 for none."""
        try:
            return self._http.request(
                "POST", url, body=body, headers=headers, redirect=False
            ).status
        except urllib3.exceptions.HTTPError:
            return 0

    def _note(self, made: Entity, url: str, outcome: str, fault: str = "") -> None:
        self.store.note(
            kind="webhook",
            event_id=made["id"],
            event=made["event"],
            url=url,
            outcome=outcome,
            fault=fault,
        )


def _body(store: Store, event: str, entity: Entity, now: int) -> dict[str, Any]:
    """https://razorpay.com/docs/webhooks/payloads/"""
    payload: dict[str, Any] = {}
    if event.startswith("payment.dispute."):
        payload["payment"] = {"entity": copy.deepcopy(store.payments[entity["payment_id"]])}
        payload["dispute"] = {"entity": copy.deepcopy(entity)}
    elif event.startswith("refund."):
        payload["refund"] = {"entity": copy.deepcopy(entity)}
        payload["payment"] = {"entity": copy.deepcopy(store.payments[entity["payment_id"]])}
    else:
        payload["payment"] = {"entity": copy.deepcopy(entity)}
        if event == "order.paid":
            payload["order"] = {"entity": copy.deepcopy(store.orders[entity["order_id"]])}
    return {
        "entity": "event",
        "account_id": ACCOUNT,
        "event": event,
        "contains": list(payload),
        "payload": payload,
        "created_at": now,
    }


def _make_odd(kind: str, body: dict[str, Any]) -> None:
    """As seen in Razorpay's own samples."""
    payment = body["payload"].get("payment", {}).get("entity", {})
    if kind == "odd_notes":
        payment["notes"] = []
    elif kind == "odd_captured":
        payment["captured"] = "1"
    elif kind == "odd_missing_order":
        payment.pop("order_id", None)
    elif kind == "odd_stale":
        payment["status"] = "created"
