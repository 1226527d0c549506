"""Endpoints of other systems, their secrets, and what was delivered to them."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from matricula.kernel import ids
from matricula.webhooks.rules import LONGEST_URL
from matricula.webhooks.states import DeliveryState, EndpointState


class Endpoint(models.Model):
    """An address that is told of events of the chosen types, from `since` on."""

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    url = models.CharField(max_length=LONGEST_URL)
    description = models.CharField(max_length=120, blank=True)
    types = ArrayField(models.CharField(max_length=64))
    notify = models.EmailField(help_text="Told by mail when it is disabled.")
    state = models.CharField(
        max_length=10, choices=EndpointState.choices, default=EndpointState.PAUSED
    )
    since = models.DateTimeField(db_default=Now())
    failing_since = models.DateTimeField(null=True)
    reason = models.CharField(max_length=200, blank=True, help_text="Why it is disabled.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=EndpointState.values), name="endpoint_state_known"
            )
        ]

    def __str__(self) -> str:
        return self.url


class Secret(models.Model):
    """One secret, encrypted. The newest has no end; a former one signs until its end."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="secrets")
    kept = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["endpoint"], condition=Q(expires_at=None), name="one_present_secret"
            )
        ]

    def __str__(self) -> str:
        return f"secret of {self.created_at}"


class Delivery(models.Model):
    """One event on its way to one endpoint. Its id is the `webhook-id` of every try. `body` is made
    at the first one, and then the same each time; empty until then."""

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="deliveries")
    event_seq = models.BigIntegerField(null=True, help_text="Empty: a test.")
    type = models.CharField(max_length=64)
    subject = models.UUIDField(help_text="Deliveries of one subject keep their order.")
    state = models.CharField(
        max_length=10, choices=DeliveryState.choices, default=DeliveryState.PENDING
    )
    tries = models.PositiveSmallIntegerField(default=0, db_default=0)
    next_try_at = models.DateTimeField(db_default=Now())
    leased_until = models.DateTimeField(null=True, help_text="A worker is at it.")
    body = models.TextField(blank=True, db_default="")
    created_at = models.DateTimeField(db_default=Now())
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["endpoint", "event_seq"], name="webhook_owed_once"),
            models.CheckConstraint(
                condition=Q(state__in=DeliveryState.values), name="webhook_state_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["endpoint", "next_try_at"],
                condition=Q(state=DeliveryState.PENDING),
                name="webhook_due_at",
            ),
            models.Index(
                fields=["endpoint", "leased_until"],
                condition=Q(state=DeliveryState.PENDING, leased_until__isnull=False),
                name="webhook_leased",
            ),
            models.Index(
                fields=["endpoint", "subject", "event_seq"],
                condition=Q(state=DeliveryState.PENDING),
                name="webhook_in_order",
            ),
            models.Index(fields=["created_at"], name="webhook_by_age"),
        ]

    def __str__(self) -> str:
        return ids.to_text("whk", self.pk)


class Attempt(models.Model):
    """One try. `status` is empty when there was no answer; `error` says why."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts")
    at = models.DateTimeField(db_default=Now())
    status = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(max_length=200, blank=True)
    answer = models.TextField(blank=True, help_text="The beginning of what came back.")
    milliseconds = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.delivery_id}: {self.status or self.error}"
