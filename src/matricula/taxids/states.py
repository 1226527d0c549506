"""What is known of a VAT id. That VIES did not answer is no state: nothing is known then."""

from __future__ import annotations

from django.db import models

from matricula.kernel.states import Transitions


class TaxIdState(models.TextChoices):
    PENDING = "pending"
    CONFIRMED = "confirmed"
    REFUSED = "refused"


# A confirmation grows old and is asked for again; a register may have been wrong, and so may staff.
TAX_ID = Transitions[TaxIdState](
    "the VAT id",
    {
        (TaxIdState.PENDING, "confirm"): TaxIdState.CONFIRMED,
        (TaxIdState.PENDING, "refuse"): TaxIdState.REFUSED,
        (TaxIdState.CONFIRMED, "confirm"): TaxIdState.CONFIRMED,
        (TaxIdState.CONFIRMED, "refuse"): TaxIdState.REFUSED,
        (TaxIdState.REFUSED, "confirm"): TaxIdState.CONFIRMED,
        (TaxIdState.REFUSED, "refuse"): TaxIdState.REFUSED,
    },
)
