"""Somebody pays: by the hosted form or the control side, with the faults that befall payments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from razorpay_sandbox.errors import PaymentFailed
from razorpay_sandbox.faults import Plan
from razorpay_sandbox.gateway import Gateway
from razorpay_sandbox.instruments import DECLINED
from razorpay_sandbox.store import Entity
from razorpay_sandbox.webhooks import Webhooks


class Payer:
    """Makes payments, and what follows from them by itself."""

    def __init__(self, gateway: Gateway, webhooks: Webhooks, plan: Plan) -> None:
        self.gateway = gateway
        self.webhooks = webhooks
        self.plan = plan
        self.agenda = webhooks.agenda
        self.agenda.teach("step", self._step)
        self.agenda.teach("dispute", self._dispute)

    def pay(self, order_id: str, details: Mapping[str, Any]) -> Entity:
        """Raises Refusal, and PaymentFailed."""
        gateway = self.gateway
        payment = gateway.begin(order_id, str(details.get("method", "upi")), details)
        for step in details.get("then", []):
            self._later(payment, step.get("after_ms", 0), str(step.get("status", "captured")))
        late = self.plan.draw(("late_authorization",))
        if late is not None:
            self._later(payment, late.params.get("ms", 1000), "captured")
            gateway.fail(payment, DECLINED)
            raise PaymentFailed(payment)
        wanted = details.get("status")
        if wanted == "authorized":
            gateway.authorize(payment)
        elif wanted == "failed":
            gateway.fail(payment, DECLINED)
            raise PaymentFailed(payment)
        elif wanted != "created":
            gateway.finish(payment, details)
            self._after(payment)
        return payment

    def _after(self, payment: Entity) -> None:
        """Faults that follow a payment."""
        if self.plan.draw(("second_capture",)) is not None:
            again = self.gateway.begin(payment["order_id"], "upi", {"force": True})
            self.gateway.finish(again, {})
        fault = self.plan.draw(("dispute",))
        if fault is not None:
            pause = float(fault.params.get("ms", 200)) / 1000
            self.agenda.add(
                "dispute",
                pause,
                payment_id=payment["id"],
                phases=["created", "under_review", "lost"],
                pause=pause,
                mode=self.webhooks.later_mode,
            )

    def _later(self, payment: Entity, milliseconds: float, status: str) -> None:
        self.agenda.add(
            "step",
            float(milliseconds) / 1000,
            payment_id=payment["id"],
            status=status,
            mode=self.webhooks.later_mode,
        )

    async def _dispute(self, args: dict[str, Any]) -> float | None:
        with self.webhooks.in_mode(args["mode"]):
            self.gateway.dispute(args["payment_id"], args["phases"].pop(0))
        return float(args["pause"]) if args["phases"] else None

    async def _step(self, args: dict[str, Any]) -> float | None:
        payment = self.gateway.payment(args["payment_id"])
        with self.webhooks.in_mode(args["mode"]):
            if args["status"] == "failed":
                self.gateway.fail(payment, DECLINED)
            elif args["status"] == "authorized":
                self.gateway.authorize(payment)
            else:
                self.gateway.authorize(payment)
                self.gateway.capture(payment)
        return None
