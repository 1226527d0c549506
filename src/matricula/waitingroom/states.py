"""The life of a ticket."""

from __future__ import annotations

from django.db import models

from matricula.kernel.states import Transitions


class TicketState(models.TextChoices):
    WAITING = "waiting"
    ADMITTED = "admitted"
    REFUSED = "refused"
    LEFT = "left"


TICKET = Transitions[TicketState](
    "the ticket",
    {
        (TicketState.WAITING, "admit"): TicketState.ADMITTED,
        (TicketState.WAITING, "refuse"): TicketState.REFUSED,
        (TicketState.WAITING, "leave"): TicketState.LEFT,
    },
)
