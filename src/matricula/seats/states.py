"""The life of a hold."""

from __future__ import annotations

from django.db import models

from matricula.kernel.states import Transitions


class HoldState(models.TextChoices):
    HELD = "held"
    SOLD = "sold"
    RELEASED = "released"
    EXPIRED = "expired"


LIVE = (HoldState.HELD, HoldState.SOLD)

HOLD = Transitions[HoldState](
    "the seat",
    {
        (HoldState.HELD, "sell"): HoldState.SOLD,
        (HoldState.HELD, "release"): HoldState.RELEASED,
        (HoldState.HELD, "expire"): HoldState.EXPIRED,
        (HoldState.SOLD, "release"): HoldState.RELEASED,
    },
)
