"""The life of an endpoint, and of one delivery to it."""

from __future__ import annotations

from django.db import models

from matricula.kernel.states import Transitions


class EndpointState(models.TextChoices):
    PAUSED = "paused"  # new, or by staff
    ACTIVE = "active"
    DISABLED = "disabled"  # it failed for three days, or said that it is gone


class DeliveryState(models.TextChoices):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"  # given up


ENDPOINT = Transitions[EndpointState](
    "the endpoint",
    {
        (EndpointState.PAUSED, "start"): EndpointState.ACTIVE,
        (EndpointState.DISABLED, "start"): EndpointState.ACTIVE,
        (EndpointState.ACTIVE, "pause"): EndpointState.PAUSED,
        (EndpointState.ACTIVE, "disable"): EndpointState.DISABLED,
    },
)

DELIVERY = Transitions[DeliveryState](
    "the delivery",
    {
        (DeliveryState.PENDING, "arrive"): DeliveryState.DELIVERED,
        (DeliveryState.PENDING, "give_up"): DeliveryState.FAILED,
        (DeliveryState.DELIVERED, "replay"): DeliveryState.PENDING,
        (DeliveryState.FAILED, "replay"): DeliveryState.PENDING,
    },
)
