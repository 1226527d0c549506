"""The life of an order. What was given back is not a state: it follows from the ledger."""

from __future__ import annotations

from django.db import models

from matricula.kernel.states import Transitions


class OrderState(models.TextChoices):
    OPEN = "open"
    PAID = "paid"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


ORDER = Transitions[OrderState](
    "the order",
    {
        (OrderState.OPEN, "pay"): OrderState.PAID,
        (OrderState.OPEN, "expire"): OrderState.EXPIRED,
        (OrderState.OPEN, "cancel"): OrderState.CANCELLED,
        (OrderState.EXPIRED, "pay"): OrderState.PAID,  # the money came late
    },
)
