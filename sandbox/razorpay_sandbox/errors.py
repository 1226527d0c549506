"""Errors in the shape of Razorpay's (https://razorpay.com/docs/errors/)."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """A request that Razorpay would refuse."""

    def __init__(self, description: str, *, status: int = 400, **more: Any) -> None:
        self.status = status
        code = "BAD_REQUEST_ERROR" if status < 500 else "SERVER_ERROR"
        self.error: dict[str, Any] = {
            "code": code,
            "description": description,
            "source": "business",
            "step": "payment_initiation",
            "reason": "input_validation_failed",
            "metadata": {},
            **more,
        }
        super().__init__(description)

    @property
    def content(self) -> dict[str, Any]:
        return {"error": self.error}


NO_SUCH_ID = "The id provided does not exist"


class PaymentFailed(Exception):
    """A payment that the bank or the payer did not go through with."""

    def __init__(self, payment: dict[str, Any]) -> None:
        self.payment = payment
        super().__init__(payment["error_description"])

    @property
    def content(self) -> dict[str, Any]:
        entity = self.payment
        return {
            "error": {
                "code": entity["error_code"],
                "description": entity["error_description"],
                "source": entity["error_source"],
                "step": entity["error_step"],
                "reason": entity["error_reason"],
                "metadata": {"payment_id": entity["id"], "order_id": entity["order_id"]},
            }
        }
