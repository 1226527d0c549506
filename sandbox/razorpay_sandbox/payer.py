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

    def pay(self, order_id: str, details: Mapping[str, Any]) -> Entity:
        """Raises Refusal, and PaymentFailed."""
        gateway = self.gateway
        payment = gateway.begin(order_id, str(details.get("method", "upi")), details)
        for step in details.get("then", []):
            self.webhooks.run(self._later(payment, step))
        late = self.plan.draw(("late_authorization",))
        if late is not None:
            step = {"after_ms": late.params.get("ms", 1000), "status": "captured"}
            self.webhooks.run(self._later(payment, step))
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
            self.webhooks.run(self._dispute(payment["id"], float(fault.params.get("ms", 200))))

    async def _dispute(self, payment_id: str, pause: float) -> None:
        for phase in ("created", "under_review", "lost"):
            await self.gateway.clock.sleep(pause / 1000)
            self.gateway.dispute(payment_id, phase)

    async def _later(self, payment: Entity, step: Mapping[str, Any]) -> None:
        await self.gateway.clock.sleep(float(step.get("after_ms", 0)) / 1000)
        if step.get("status") == "failed":
            self.gateway.fail(payment, DECLINED)
        elif step.get("status") == "authorized":
            self.gateway.authorize(payment)
        else:
            self.gateway.authorize(payment)
            self.gateway.capture(payment)
