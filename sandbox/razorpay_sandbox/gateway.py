"""What happens to orders, payments, refunds and disputes. Each change tells `announce`, which sends
the webhook.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any

from razorpay_sandbox import instruments, rules
from razorpay_sandbox.clock import Clock
from razorpay_sandbox.errors import NO_SUCH_ID, PaymentFailed, Refusal
from razorpay_sandbox.instruments import TIMED_OUT, Failure, outcome
from razorpay_sandbox.store import Entity, Store

ACCOUNT = "acc_SandboxRazorpay"
SIX_MONTHS = 183 * 86_400
LONGEST_BANK = 600
Announce = Callable[[str, Entity], None]
_NO_ERROR = dict.fromkeys(
    ("error_code", "error_description", "error_source", "error_step", "error_reason")
)


class Gateway:
    """The state machine behind the API and the checkout."""

    def __init__(self, store: Store, clock: Clock, key_secret: str, announce: Announce) -> None:
        self.store = store
        self.clock = clock
        self.key_secret = key_secret
        self.announce = announce

    # --- orders -------------------------------------------------------------------------------

    def create_order(self, body: Mapping[str, Any]) -> Entity:
        """Raises Refusal. With `unique_receipt`, the same receipt is the same order."""
        rules.known_fields(body, rules.ORDER_FIELDS)
        currency = rules.currency(body.get("currency"))
        amount = rules.amount(body.get("amount"), currency)
        receipt = rules.receipt(body.get("receipt"))
        settings = rules.capture_settings(body.get("payment"))
        notes = rules.notes(body.get("notes"))
        rules.no_partial_payment(body)
        if rules.unique_receipt(body, receipt) and receipt:
            for known in self.store.by_receipt.get(receipt, []):
                return self.store.orders[known]
        order = {
            "id": self.store.new_id("order"),
            "entity": "order",
            "amount": amount,
            "amount_paid": 0,
            "amount_due": amount,
            "currency": currency,
            "receipt": receipt,
            "offer_id": None,
            "status": "created",
            "attempts": 0,
            "notes": notes,
            "created_at": int(self.clock.now()),
        }
        self.store.add_order(order, settings)
        return order

    def order(self, order_id: str) -> Entity:
        return _found(self.store.orders, order_id)

    def payment(self, payment_id: str) -> Entity:
        return _found(self.store.payments, payment_id)

    def refund_entity(self, refund_id: str) -> Entity:
        return _found(self.store.refunds, refund_id)

    def dispute_entity(self, dispute_id: str) -> Entity:
        return _found(self.store.disputes, dispute_id)

    # --- paying -------------------------------------------------------------------------------

    def begin(self, order_id: str, method: str, details: Mapping[str, Any]) -> Entity:
        """A payment is created on the order; Refusal when it is paid already."""
        order = self.order(order_id)
        if order["status"] == "paid" and not details.get("force"):
            raise Refusal("Payment already done for this order.", field="order_id")
        currency = rules.currency(details.get("currency") or order["currency"])
        payment = {
            "id": self.store.new_id("pay"),
            "entity": "payment",
            "amount": rules.amount(details.get("amount") or order["amount"], currency, least=1),
            "currency": currency,
            "status": "created",
            "order_id": order_id,
            "invoice_id": None,
            "international": str(details.get("card")) in instruments.INTERNATIONAL,
            "method": method,
            "amount_refunded": 0,
            "refund_status": None,
            "captured": False,
            "description": details.get("description"),
            "card_id": None,
            "bank": None,
            "wallet": None,
            "vpa": None,
            "email": details.get("email") or "void@razorpay.com",
            "contact": details.get("contact") or "+919999999999",
            "notes": order["notes"],
            "fee": None,
            "tax": None,
            **_NO_ERROR,
            "acquirer_data": {},
            "created_at": int(self.clock.now()),
            **instruments.details(method, details, self.store.new_id),
        }
        if order["status"] == "created":
            order["status"] = "attempted"
        order["attempts"] += 1
        self.store.touch_entity(order)
        self.store.add_payment(payment)
        return payment

    def finish(self, payment: Entity, details: Mapping[str, Any]) -> Entity:
        """Authorizes the payment, and captures it where the order says so. Raises PaymentFailed."""
        failure = outcome(
            payment["method"],
            vpa=str(details.get("vpa") or ""),
            card=str(details.get("card") or ""),
            success=bool(details.get("success", True)),
        )
        if failure is not None:
            self.fail(payment, failure)
            raise PaymentFailed(payment)
        self.authorize(payment)
        settings = self.store.private.get(payment["order_id"], {})
        if settings.get("capture") != "manual":
            self.capture(payment)
        return payment

    def authorize(self, payment: Entity) -> None:
        if payment["status"] not in {"created", "failed"}:
            return
        payment.update(status="authorized", **_NO_ERROR)
        self._changed("payment.authorized", payment)

    def capture(self, payment: Entity) -> None:
        if payment["status"] not in {"created", "failed", "authorized"}:
            return
        order = self.store.orders.get(payment["order_id"])
        fee = -(-payment["amount"] * 236 // 10_000)  # 2 % and GST on it
        payment.update(status="captured", captured=True, fee=fee, tax=fee * 18 // 118, **_NO_ERROR)
        self._changed("payment.captured", payment)
        if order is not None and order["status"] != "paid":
            order.update(status="paid", amount_paid=order["amount"], amount_due=0)
            self.store.touch_entity(order)
            self._changed("order.paid", payment)

    def fail(self, payment: Entity, failure: Failure) -> None:
        if payment["status"] not in {"created", "authorized"}:
            return
        payment.update(
            status="failed",
            error_code=failure.code,
            error_description=failure.description,
            error_source=failure.source,
            error_step=failure.step,
            error_reason=failure.reason,
        )
        self._changed("payment.failed", payment)

    def sweep(self) -> None:
        """What time does to payments: no answer of the bank within ten minutes is a failure, and
        what nobody captures in its time goes back to the payer
        (https://razorpay.com/docs/payments/payments/capture-settings/)."""
        now = self.clock.now()
        for payment_id in list(self.store.unfinished):
            payment = self.store.payments[payment_id]
            settings = self.store.private.get(payment["order_id"], {})
            age = now - payment["created_at"]
            if payment["status"] == "created" and age > LONGEST_BANK:
                self.fail(payment, TIMED_OUT)
            elif payment["status"] == "authorized" and age > settings.get("manual", 7200) * 60:
                self._expire(payment)
            if payment["status"] not in {"created", "authorized"}:
                self.store.unfinished.discard(payment_id)

    def _expire(self, payment: Entity) -> None:
        """Not captured in time: given back, without ever having been the shop's."""
        refund = self._make_refund(payment, payment["amount"], {}, None)
        payment.update(amount_refunded=payment["amount"], refund_status="full", status="refunded")
        self.store.touch_entity(payment)
        self._changed("refund.created", refund)

    def capture_by_api(self, payment_id: str, body: Mapping[str, Any]) -> Entity:
        """Raises Refusal unless it is authorized and the amount is the payment's."""
        payment = self.payment(payment_id)
        rules.known_fields(body, rules.CAPTURE_FIELDS)
        if payment["status"] == "captured" or payment["status"] == "refunded":
            raise Refusal("This payment has already been captured")
        if payment["status"] != "authorized":
            raise Refusal("Only payments which have been authorized can be captured")
        if rules.amount(body.get("amount"), payment["currency"]) != payment["amount"]:
            raise Refusal("Capture amount must be equal to the amount authorized", field="amount")
        if rules.currency(body.get("currency") or "INR") != payment["currency"]:
            raise Refusal("Capture currency must be the payment's", field="currency")
        self.capture(payment)
        return payment

    # --- refunds ------------------------------------------------------------------------------

    def refund(self, payment_id: str, body: Mapping[str, Any], key: str | None) -> Entity:
        """Raises Refusal; 409 for another body under the same key."""
        payment = self.payment(payment_id)
        rules.known_fields(body, rules.REFUND_FIELDS)
        key = rules.refund_key(key)
        known = self.store.refund_with_key(key)
        if known is not None:
            same = self.store.private[known["id"]].get("body") == dict(body)
            if not same or known["payment_id"] != payment_id:
                raise Refusal(
                    "Different request with the same idempotency key has already been processed.",
                    status=409,
                )
            return known
        if payment["status"] not in {"captured", "refunded"}:
            raise Refusal("The payment must be captured before it is refunded.")
        if self.clock.now() - payment["created_at"] > SIX_MONTHS:
            raise Refusal("The payment is older than six months.")
        amount = _refundable(payment, body)
        refund = self._make_refund(payment, amount, body, key)
        self._count_refund(payment, amount)
        self._changed("refund.created", refund)
        return refund

    def _make_refund(
        self, payment: Entity, amount: int, body: Mapping[str, Any], key: str | None
    ) -> Entity:
        refund = {
            "id": self.store.new_id("rfnd"),
            "entity": "refund",
            "amount": amount,
            "currency": payment["currency"],
            "payment_id": payment["id"],
            "notes": rules.notes(body.get("notes")),
            "receipt": rules.receipt(body.get("receipt")),
            "acquirer_data": {"arn": None},
            "created_at": int(self.clock.now()),
            "batch_id": None,
            "status": "pending",
            "speed_processed": "normal",
            "speed_requested": rules.speed(body.get("speed", "normal")),
        }
        self.store.add_refund(refund, {"key": key, "body": dict(body)})
        return refund

    def process_refund(self, refund: Entity) -> None:
        if refund["status"] == "pending":
            refund["status"] = "processed"
            self._changed("refund.processed", refund)

    def fail_refund(self, refund: Entity) -> None:
        if refund["status"] != "failed":
            refund["status"] = "failed"
            self._count_refund(self.payment(refund["payment_id"]), -refund["amount"])
            self._changed("refund.failed", refund)

    def _count_refund(self, payment: Entity, amount: int) -> None:
        payment["amount_refunded"] += amount
        given = payment["amount_refunded"]
        is_full = given == payment["amount"]
        payment["refund_status"] = "full" if is_full else "partial" if given else None
        payment["status"] = "refunded" if is_full else "captured"
        self.store.touch_entity(payment)

    # --- disputes -----------------------------------------------------------------------------

    def dispute(self, payment_id: str, phase: str, amount: int | None = None) -> Entity:
        """Opens a dispute of the payment (of all of it, unless an amount is given), or moves it on:
        created, under_review, action_required, won, lost, closed."""
        payment = self.payment(payment_id)
        known = next(
            (d for d in self.store.disputes.values() if d["payment_id"] == payment_id), None
        )
        if known is None:
            known = {
                "id": self.store.new_id("disp"),
                "entity": "dispute",
                "payment_id": payment_id,
                "amount": amount or payment["amount"],
                "currency": payment["currency"],
                "amount_deducted": 0,
                "reason_code": "chargeback_fraud",
                "respond_by": int(self.clock.now()) + 7 * 86_400,
                "status": "open",
                "phase": "chargeback",
                "created_at": int(self.clock.now()),
            }
            self.store.disputes[known["id"]] = known
        known["status"] = "open" if phase == "created" else phase
        known["amount_deducted"] = known["amount"] if phase == "lost" else 0
        self._changed(f"payment.dispute.{phase}", known)
        return known

    def signature(self, order_id: str, payment_id: str) -> str:
        """What the checkout gives the browser to prove a payment."""
        text = f"{order_id}|{payment_id}".encode()
        return hmac.new(self.key_secret.encode(), text, hashlib.sha256).hexdigest()

    def hand_back(self, payment: Entity) -> dict[str, str]:
        return {
            "razorpay_payment_id": payment["id"],
            "razorpay_order_id": payment["order_id"],
            "razorpay_signature": self.signature(payment["order_id"], payment["id"]),
        }

    def _changed(self, event: str, entity: Entity) -> None:
        self.store.touch_entity(entity)
        self.announce(event, entity)


def _refundable(payment: Entity, body: Mapping[str, Any]) -> int:
    """The amount to refund: what is asked for, or all that is left."""
    left: int = payment["amount"] - payment["amount_refunded"]
    if left == 0:
        raise Refusal("The payment has been fully refunded already")
    amount = rules.amount(body.get("amount", left), payment["currency"])
    if amount > left:
        raise Refusal("The refund amount provided is greater than amount captured", field="amount")
    return amount


def _found(kind: dict[str, Entity], wanted: str) -> Entity:
    try:
        return kind[wanted]
    except KeyError:
        raise Refusal(NO_SUCH_ID) from None
