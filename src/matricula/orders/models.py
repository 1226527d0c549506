"""Orders, their lines, and the numbered papers about them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from matricula.kernel import ids
from matricula.kernel.fields import LineField
from matricula.kernel.money import Money
from matricula.orders.states import OrderState


class Order(models.Model):
    """One checkout. Sums, buyer and place of supply are as they were shown when it was placed and
    never change; its lines sum to `total_minor` exactly.
    """

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    person = models.ForeignKey("accounts.Person", on_delete=models.PROTECT, related_name="orders")
    state = models.CharField(max_length=10, choices=OrderState.choices, default=OrderState.OPEN)
    currency = models.CharField(max_length=3)
    original_minor = models.PositiveBigIntegerField()
    discount_minor = models.PositiveBigIntegerField()
    net_minor = models.PositiveBigIntegerField()
    tax_minor = models.PositiveBigIntegerField()
    total_minor = models.PositiveBigIntegerField()
    notes = models.JSONField(default=list, help_text="What the tax rules say about this supply.")
    coupon_codes = models.JSONField(default=list)
    buyer_name = LineField(max_length=150, blank=True)
    buyer_email = models.EmailField(max_length=254)
    buyer_phone = models.CharField(max_length=32, blank=True)
    # Empty where the bill goes to the buyer by name; an invoice of a business names both.
    billing_name = LineField(max_length=150, blank=True, default="", db_default="")
    billing_address = models.TextField(max_length=500, blank=True, default="", db_default="")
    billing_country = models.CharField(max_length=2)
    billing_state = models.CharField(max_length=3, blank=True)
    tax_id = models.CharField(max_length=32, blank=True, help_text="GSTIN or VAT id.")
    tax_evidence = models.CharField(
        max_length=120,
        blank=True,
        db_default="",
        help_text="The proof that the VAT id was confirmed.",
    )
    consent = models.JSONField(default=dict, help_text="What was agreed to, and when.")
    success_url = models.URLField(max_length=2000, blank=True)
    cancel_url = models.URLField(max_length=2000, blank=True)
    placed_at = models.DateTimeField(db_default=Now())
    paid_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True, help_text="When it expired or was cancelled.")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=OrderState.values), name="order_state_known"
            ),
            models.CheckConstraint(
                condition=Q(total_minor=F("net_minor") + F("tax_minor")), name="order_total_sums"
            ),
            models.CheckConstraint(
                condition=~Q(state=OrderState.PAID) | Q(paid_at__isnull=False),
                name="paid_order_dated",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["person", "id"], name="order_by_person")]

    def __str__(self) -> str:
        return ids.to_text("ord", self.pk)

    @property
    def total(self) -> Money:
        return Money(self.total_minor, self.currency)


class OrderLine(models.Model):
    """One course of an order. `enrollment` is what the money pays for; it changes only when a
    payment that came late settles the enrollment the person has begun since.
    """

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveSmallIntegerField()
    enrollment = models.ForeignKey(
        "enrollments.Enrollment", on_delete=models.PROTECT, related_name="order_lines"
    )
    title = models.CharField(max_length=150)
    cohort_name = models.CharField(max_length=80)
    tax_code = models.CharField(max_length=12, blank=True, help_text="SAC, like 999293.")
    original_minor = models.PositiveBigIntegerField()
    discount_minor = models.PositiveBigIntegerField()
    net_minor = models.PositiveBigIntegerField()
    tax_minor = models.PositiveBigIntegerField()
    total_minor = models.PositiveBigIntegerField()
    tax_lines = models.JSONField(default=list, help_text="[{head, percent, amount_minor}]")
    policy = models.JSONField(default=list, help_text="The refund policy agreed to.")
    withdrawal = models.CharField(
        max_length=11,
        blank=True,
        db_default="",
        help_text="A consumer's right to withdraw: full, until_start, or none (empty).",
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["order", "position"], name="one_line_per_position"),
            models.CheckConstraint(
                condition=Q(total_minor=F("net_minor") + F("tax_minor")), name="line_total_sums"
            ),
        ]

    def __str__(self) -> str:
        return self.title


class RefundStep(models.Model):
    """One step of a refund policy: until so many days before the cohort starts, or after the
    payment, this percentage of a line is given back. Steps without a course are for all courses
    that have none of their own.
    """

    class Until(models.TextChoices):
        BEFORE_START = "before_start", "days before the cohort starts"
        AFTER_PAYMENT = "after_payment", "days after the payment"

    course = models.ForeignKey(
        "catalog.Course", null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    until = models.CharField(max_length=13, choices=Until.choices)
    days = models.PositiveSmallIntegerField()
    percent = models.PositiveSmallIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(percent__lte=100), name="refund_at_most_all"),
            models.CheckConstraint(
                condition=Q(until__in=["before_start", "after_payment"]), name="refund_step_known"
            ),
            models.UniqueConstraint(
                fields=["course", "until", "days"],
                name="one_refund_step",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.percent} % until {self.days} {self.get_until_display()}"


class DocumentSeries(models.Model):
    """The last number given in one series and financial year; its row's lock makes numbers
    gapless.
    """

    kind = models.CharField(max_length=12)
    prefix = models.CharField(max_length=8)
    financial_year = models.CharField(max_length=7, help_text="Like 2026-27.")
    last_number = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["prefix", "financial_year"], name="one_series_per_financial_year"
            )
        ]

    def __str__(self) -> str:
        return f"{self.prefix} {self.financial_year}: {self.last_number}"


class Document(models.Model):
    """An invoice or a credit note: numbered once, and never changed. `content` holds everything
    that is printed, as it was then.
    """

    class Kind(models.TextChoices):
        INVOICE = "invoice"
        CREDIT_NOTE = "credit_note"

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="documents")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    cause = models.UUIDField(help_text="The order invoiced, or the refund credited.")
    series = models.ForeignKey(DocumentSeries, on_delete=models.PROTECT)
    number = models.PositiveIntegerField()
    serial = models.CharField(max_length=16, help_text="As printed: series, year and number.")
    issued_at = models.DateTimeField(db_default=Now())
    content = models.JSONField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "cause"], name="one_document_per_cause"),
            models.UniqueConstraint(fields=["series", "number"], name="one_document_per_number"),
            models.UniqueConstraint(fields=["serial"], name="one_document_per_serial"),
        ]

    def __str__(self) -> str:
        return self.serial
