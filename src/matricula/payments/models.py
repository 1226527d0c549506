"""What we asked of gateways, what they told us, and what staff must look into."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from matricula.kernel import ids
from matricula.kernel.money import Money
from matricula.payments.states import UNSETTLED, ChargeState, PaymentState, RefundState, Verdict


class Payment(models.Model):
    """Our asking for the money of one order at one provider: one gateway order, paid by any number
    of attempts. Its TypeID is the receipt that finds the gateway order again.
    """

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    order = models.ForeignKey("orders.Order", on_delete=models.PROTECT, related_name="payments")
    provider = models.CharField(max_length=20)
    state = models.CharField(
        max_length=10, choices=PaymentState.choices, default=PaymentState.CREATED
    )
    amount_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    provider_order_id = models.CharField(max_length=64, null=True)
    attempt = models.PositiveSmallIntegerField(default=1)
    failure_code = models.CharField(max_length=80, blank=True)
    failure_detail = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    completed_at = models.DateTimeField(null=True)
    next_check_at = models.DateTimeField(null=True, help_text="Empty: nothing left to ask.")
    checks = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=PaymentState.values), name="payment_state_known"
            ),
            models.UniqueConstraint(
                fields=["provider", "provider_order_id"], name="one_payment_per_gateway_order"
            ),
            models.UniqueConstraint(
                fields=["order"],
                condition=~Q(state=PaymentState.CANCELLED),
                name="one_live_payment_per_order",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_check_at"],
                condition=Q(next_check_at__isnull=False, state__in=UNSETTLED),
                name="payment_to_check",
            )
        ]

    def __str__(self) -> str:
        return self.receipt

    @property
    def receipt(self) -> str:
        return ids.to_text("pay", self.pk)

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class Charge(models.Model):
    """One payment as a gateway has it, found by (provider, provider_payment_id). Without `payment`
    when it belongs to no order of ours.
    """

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    payment = models.ForeignKey(
        Payment, null=True, on_delete=models.PROTECT, related_name="charges"
    )
    provider = models.CharField(max_length=20)
    provider_payment_id = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=ChargeState.choices)
    verdict = models.CharField(max_length=11, choices=Verdict.choices, blank=True)
    amount_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    fee_minor = models.PositiveBigIntegerField(null=True)
    method = models.CharField(max_length=20, blank=True)
    failure_code = models.CharField(max_length=80, blank=True)
    failure_detail = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    captured_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["provider", "provider_payment_id"], name="one_charge_per_gateway_payment"
            ),
            models.CheckConstraint(
                condition=Q(state__in=ChargeState.values), name="charge_state_known"
            ),
            models.CheckConstraint(
                condition=~Q(state=ChargeState.CAPTURED) | ~Q(verdict=""),
                name="captured_charge_decided",
            ),
            models.UniqueConstraint(
                fields=["payment"],
                condition=Q(verdict=Verdict.SETTLED),
                name="one_charge_settles_a_payment",
            ),
        ]

    def __str__(self) -> str:
        return self.provider_payment_id

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class LedgerEntry(models.Model):
    """A fact about money that a gateway has confirmed. Never changed and never deleted; balances
    are sums of these. `reference` is the gateway's id of what happened, so that a fact told twice
    is written once.
    """

    class Kind(models.TextChoices):
        CAPTURE = "capture"
        REFUND = "refund"
        REFUND_FAILURE = "refund_failure"
        DISPUTE_LOST = "dispute_lost"
        DISPUTE_WON = "dispute_won", "dispute won: money that a lost one had taken is back"

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    charge = models.ForeignKey(Charge, on_delete=models.PROTECT, related_name="entries")
    kind = models.CharField(max_length=14, choices=Kind.choices)
    amount_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    reference = models.CharField(max_length=64)
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "ledger entries"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["charge", "kind", "reference"], name="one_ledger_fact"),
            models.CheckConstraint(
                condition=Q(
                    kind__in=["capture", "refund", "refund_failure", "dispute_lost", "dispute_won"]
                ),
                name="ledger_kind_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount_minor} {self.currency}"


class Refund(models.Model):
    """Money to be given back from one charge. Its TypeID is the idempotency key at the gateway."""

    class Cause(models.TextChoices):
        POLICY = "policy", "asked for by the learner, by policy"
        STAFF = "staff", "decided by staff"
        EXTRA = "extra", "a second payment of the same order"
        LATE = "late", "the payment came when no seat was left"
        OUTSIDE = "outside", "made at the gateway, not here"
        WITHDRAWAL = "right", "a consumer withdrew from the contract"

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    charge = models.ForeignKey(Charge, on_delete=models.PROTECT, related_name="refunds")
    state = models.CharField(
        max_length=9, choices=RefundState.choices, default=RefundState.REQUESTED
    )
    cause = models.CharField(max_length=7, choices=Cause.choices)
    amount_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=500, blank=True)
    requested_by = models.ForeignKey(
        "accounts.Person", null=True, on_delete=models.PROTECT, related_name="+"
    )
    provider_refund_id = models.CharField(max_length=64, null=True)
    failure_detail = models.CharField(max_length=500, blank=True)
    requested_at = models.DateTimeField(db_default=Now())
    completed_at = models.DateTimeField(null=True)
    next_try_at = models.DateTimeField(null=True, help_text="Empty: nothing left to do.")
    tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=RefundState.values), name="refund_state_known"
            ),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="refund_above_zero"),
            models.UniqueConstraint(
                fields=["charge", "provider_refund_id"], name="one_refund_per_gateway_refund"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_try_at"],
                condition=Q(next_try_at__isnull=False),
                name="refund_to_try",
            )
        ]

    def __str__(self) -> str:
        return ids.to_text("rfd", self.pk)

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class RefundPart(models.Model):
    """How much of a refund is for which line. A second payment's refund has no parts: no line was
    given up for it.
    """

    refund = models.ForeignKey(Refund, on_delete=models.PROTECT, related_name="parts")
    line = models.ForeignKey("orders.OrderLine", on_delete=models.PROTECT, related_name="refunds")
    amount_minor = models.PositiveBigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["refund", "line"], name="one_part_per_line")
        ]

    def __str__(self) -> str:
        return f"{self.amount_minor}"


class Dispute(models.Model):
    """A charge that its payer's bank questions."""

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    charge = models.ForeignKey(Charge, on_delete=models.PROTECT, related_name="disputes")
    provider_dispute_id = models.CharField(max_length=64, unique=True)
    status = models.CharField(max_length=20)
    amount_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=200, blank=True)
    respond_by = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(db_default=Now())
    fetched_at = models.DateTimeField(
        null=True, help_text="When the gateway was last asked about it."
    )

    def __str__(self) -> str:
        return self.provider_dispute_id

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class StaffTask(models.Model):
    """Something only a person can decide. Open until somebody says what was done."""

    class Kind(models.TextChoices):
        QUARANTINE = "quarantine", "a payment that does not fit its order"
        REFUND_FAILED = "refund_failed", "a refund failed"
        OUTSIDE = "outside", "a refund was made at the gateway"
        DISPUTE = "dispute", "a payment is disputed"
        GATEWAY = "gateway", "the gateway needs attention"

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    kind = models.CharField(max_length=13, choices=Kind.choices)
    cause = models.CharField(max_length=80, help_text="What it is about; opened once for it.")
    detail = models.TextField()
    charge = models.ForeignKey(Charge, null=True, on_delete=models.PROTECT, related_name="tasks")
    refund = models.ForeignKey(Refund, null=True, on_delete=models.PROTECT, related_name="tasks")
    due_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(
        "accounts.Person", null=True, on_delete=models.PROTECT, related_name="+"
    )
    resolution = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "cause"], name="one_task_per_cause")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["opened_at"], condition=Q(closed_at__isnull=True), name="task_open"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.cause}"


class InboxEvent(models.Model):
    """A verified webhook, kept as it came: raw body and headers. Handled later by a job."""

    class State(models.TextChoices):
        RECEIVED = "received"
        HANDLED = "handled"
        IGNORED = "ignored", "ignored: a kind we have no use for"
        FAILED = "failed", "failed: will be tried again"

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    provider = models.CharField(max_length=20)
    event_id = models.CharField(max_length=120)
    type = models.CharField(max_length=80)
    headers = models.JSONField()
    body = models.BinaryField()
    correlation_id = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.RECEIVED)
    received_at = models.DateTimeField(db_default=Now())
    handled_at = models.DateTimeField(null=True)
    next_try_at = models.DateTimeField(null=True, db_default=Now())
    tries = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["provider", "event_id"], name="one_inbox_event")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_try_at"],
                condition=Q(next_try_at__isnull=False),
                name="inbox_to_handle",
            )
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.event_id}"


class RejectedWebhook(models.Model):
    """A sample of webhooks whose signature was wrong: a forgery, or a secret that was not told us.
    Bounded, and apart from the inbox, so that a forged event never shadows the true one.
    """

    provider = models.CharField(max_length=20)
    headers = models.JSONField()
    body = models.BinaryField()
    received_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.provider} at {self.received_at}"
