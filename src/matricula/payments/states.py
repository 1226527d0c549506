"""The lives of payments, charges and refunds. What a gateway says only ever moves things forward:
a stale notice is passed over where the table has no move for it, by whoever asks `allows` first.
"""

from __future__ import annotations

from django.db import models

from matricula.kernel.states import Transitions


class PaymentState(models.TextChoices):
    """Our asking for an order's money. `unknown`: the gateway did not answer, so that neither a
    gateway order nor its absence may be assumed."""

    CREATED = "created"
    UNKNOWN = "unknown"
    PENDING = "pending"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    FAILED = "failed"
    CANCELLED = "cancelled"


PAYMENT = Transitions[PaymentState](
    "the payment",
    {
        (PaymentState.CREATED, "open"): PaymentState.PENDING,
        (PaymentState.CREATED, "lose_sight"): PaymentState.UNKNOWN,
        (PaymentState.CREATED, "cancel"): PaymentState.CANCELLED,
        (PaymentState.UNKNOWN, "open"): PaymentState.PENDING,
        (PaymentState.UNKNOWN, "cancel"): PaymentState.CANCELLED,
        (PaymentState.PENDING, "authorize"): PaymentState.AUTHORIZED,
        (PaymentState.PENDING, "capture"): PaymentState.CAPTURED,
        (PaymentState.PENDING, "fail"): PaymentState.FAILED,
        (PaymentState.PENDING, "cancel"): PaymentState.CANCELLED,
        (PaymentState.AUTHORIZED, "capture"): PaymentState.CAPTURED,
        (PaymentState.AUTHORIZED, "fail"): PaymentState.FAILED,
        (PaymentState.AUTHORIZED, "cancel"): PaymentState.CANCELLED,
        (PaymentState.FAILED, "retry"): PaymentState.PENDING,
        (PaymentState.FAILED, "authorize"): PaymentState.AUTHORIZED,
        (PaymentState.FAILED, "capture"): PaymentState.CAPTURED,
        (PaymentState.FAILED, "cancel"): PaymentState.CANCELLED,
        (PaymentState.CANCELLED, "capture"): PaymentState.CAPTURED,
    },
)
# Still worth asking the gateway about.
UNSETTLED = (
    PaymentState.CREATED,
    PaymentState.UNKNOWN,
    PaymentState.PENDING,
    PaymentState.AUTHORIZED,
    PaymentState.FAILED,
    PaymentState.CANCELLED,
)


class ChargeState(models.TextChoices):
    """One payment as the gateway has it."""

    CREATED = "created"
    FAILED = "failed"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"


CHARGE = Transitions[ChargeState](
    "the charge",
    {
        (ChargeState.CREATED, "fail"): ChargeState.FAILED,
        (ChargeState.CREATED, "authorize"): ChargeState.AUTHORIZED,
        (ChargeState.CREATED, "capture"): ChargeState.CAPTURED,
        (ChargeState.FAILED, "authorize"): ChargeState.AUTHORIZED,
        (ChargeState.FAILED, "capture"): ChargeState.CAPTURED,
        (ChargeState.AUTHORIZED, "fail"): ChargeState.FAILED,
        (ChargeState.AUTHORIZED, "capture"): ChargeState.CAPTURED,
    },
)


class Verdict(models.TextChoices):
    """What became of a captured charge. Every captured charge has one."""

    SETTLED = "settled", "paid for its order"
    EXTRA = "extra", "a second payment, given back"
    LATE = "late", "came too late, given back"
    QUARANTINED = "quarantined", "does not fit, staff decides"


class RefundState(models.TextChoices):
    REQUESTED = "requested"
    UNKNOWN = "unknown"
    PENDING = "pending"
    PROCESSED = "processed"
    FAILED = "failed"


REFUND = Transitions[RefundState](
    "the refund",
    {
        (RefundState.REQUESTED, "lose_sight"): RefundState.UNKNOWN,
        (RefundState.REQUESTED, "accept"): RefundState.PENDING,
        (RefundState.REQUESTED, "process"): RefundState.PROCESSED,
        (RefundState.REQUESTED, "fail"): RefundState.FAILED,
        (RefundState.UNKNOWN, "accept"): RefundState.PENDING,
        (RefundState.UNKNOWN, "process"): RefundState.PROCESSED,
        (RefundState.UNKNOWN, "fail"): RefundState.FAILED,
        (RefundState.PENDING, "process"): RefundState.PROCESSED,
        (RefundState.PENDING, "fail"): RefundState.FAILED,
        (RefundState.PROCESSED, "fail"): RefundState.FAILED,  # the bank sent it back
        (RefundState.FAILED, "process"): RefundState.PROCESSED,  # and took it after all
    },
)
# Money on its way back, or back.
REFUND_LIVE = (
    RefundState.REQUESTED,
    RefundState.UNKNOWN,
    RefundState.PENDING,
    RefundState.PROCESSED,
)
