"""The life of a mail."""

from __future__ import annotations

from django.db import models

from matricula.kernel.states import Transitions


class DeliveryState(models.TextChoices):
    QUEUED = "queued"
    SENT = "sent"  # a relay has accepted it
    FAILED = "failed"  # given up; staff see it
    BOUNCED = "bounced"  # came back, or the address was refused for good
    COMPLAINED = "complained"  # its reader called it spam
    SUPPRESSED = "suppressed"  # not sent: the address takes no such mail
    OUTDATED = "outdated"  # not sent: not true any more when its time came


DELIVERY = Transitions[DeliveryState](
    "the mail",
    {
        (DeliveryState.QUEUED, "send"): DeliveryState.SENT,
        (DeliveryState.QUEUED, "fail"): DeliveryState.FAILED,
        (DeliveryState.QUEUED, "bounce"): DeliveryState.BOUNCED,
        (DeliveryState.QUEUED, "suppress"): DeliveryState.SUPPRESSED,
        (DeliveryState.QUEUED, "outdate"): DeliveryState.OUTDATED,
        (DeliveryState.SENT, "bounce"): DeliveryState.BOUNCED,
        (DeliveryState.SENT, "complain"): DeliveryState.COMPLAINED,
        (DeliveryState.BOUNCED, "complain"): DeliveryState.COMPLAINED,
        (DeliveryState.FAILED, "requeue"): DeliveryState.QUEUED,
        (DeliveryState.SUPPRESSED, "requeue"): DeliveryState.QUEUED,
    },
)
