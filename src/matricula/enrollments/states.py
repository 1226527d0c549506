"""The life of an enrollment: `stage` is the saga's position, `status` what people see of it."""

from __future__ import annotations

from django.db import models

from matricula.kernel.states import Transitions


class Stage(models.TextChoices):
    REQUESTED = "requested"
    VALIDATED = "validated"
    PAYMENT_PENDING = "payment_pending"
    PAYMENT_COMPLETED = "payment_completed"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


class Status(models.TextChoices):
    PENDING = "pending"
    ENROLLED = "enrolled"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


# A live enrollment keeps the person from enrolling in the course again.
PENDING = (Stage.REQUESTED, Stage.VALIDATED, Stage.PAYMENT_PENDING, Stage.PAYMENT_COMPLETED)
LIVE = (*PENDING, Stage.CONFIRMED)

STATUS_OF: dict[Stage, Status] = {
    **dict.fromkeys(PENDING, Status.PENDING),
    Stage.CONFIRMED: Status.ENROLLED,
    Stage.FAILED: Status.FAILED,
    Stage.EXPIRED: Status.EXPIRED,
    Stage.CANCELLED: Status.CANCELLED,
    Stage.REFUNDED: Status.REFUNDED,
}

# Where an enrollment stands after an event of this type.
AFTER_EVENT: dict[str, Stage] = {
    "enrollment.requested": Stage.REQUESTED,
    "enrollment.queued": Stage.REQUESTED,
    "enrollment.held": Stage.VALIDATED,
    "enrollment.confirmed": Stage.CONFIRMED,
    "enrollment.failed": Stage.FAILED,
    "enrollment.expired": Stage.EXPIRED,
    "enrollment.cancelled": Stage.CANCELLED,
    "enrollment.refunded": Stage.REFUNDED,
}

ENROLLMENT = Transitions[Stage](
    "the enrollment",
    {
        (Stage.REQUESTED, "validate"): Stage.VALIDATED,
        (Stage.REQUESTED, "fail"): Stage.FAILED,
        (Stage.REQUESTED, "cancel"): Stage.CANCELLED,
        (Stage.VALIDATED, "confirm"): Stage.CONFIRMED,
        (Stage.VALIDATED, "await_payment"): Stage.PAYMENT_PENDING,
        (Stage.VALIDATED, "fail"): Stage.FAILED,
        (Stage.VALIDATED, "expire"): Stage.EXPIRED,
        (Stage.VALIDATED, "cancel"): Stage.CANCELLED,
        (Stage.PAYMENT_PENDING, "complete_payment"): Stage.PAYMENT_COMPLETED,
        (Stage.PAYMENT_PENDING, "expire"): Stage.EXPIRED,
        (Stage.PAYMENT_PENDING, "cancel"): Stage.CANCELLED,
        (Stage.PAYMENT_COMPLETED, "confirm"): Stage.CONFIRMED,
        (Stage.PAYMENT_COMPLETED, "refund"): Stage.REFUNDED,
        (Stage.EXPIRED, "complete_payment"): Stage.PAYMENT_COMPLETED,
        (Stage.EXPIRED, "refund"): Stage.REFUNDED,  # paid late, and no seat was left
        (Stage.CONFIRMED, "cancel"): Stage.CANCELLED,
        (Stage.CONFIRMED, "refund"): Stage.REFUNDED,
    },
)
