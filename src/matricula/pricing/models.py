"""Coupons and who used them, tax rates, and who sells."""

from __future__ import annotations

from typing import ClassVar
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now, Upper

from matricula.kernel import ids, money
from matricula.kernel.fields import LineField
from matricula.kernel.states import Transitions
from matricula.pricing import gstin, regions
from matricula.pricing.gstin import InvalidGstin


class CouponKind(models.TextChoices):
    PERCENT = "percent"
    FIXED = "fixed"


class UseState(models.TextChoices):
    """A use is held while a checkout is open, used once it is paid."""

    HELD = "held"
    USED = "used"
    RELEASED = "released"


USE = Transitions[UseState](
    "the use of the coupon",
    {
        (UseState.HELD, "use"): UseState.USED,
        (UseState.HELD, "release"): UseState.RELEASED,
        (UseState.USED, "release"): UseState.RELEASED,
        (UseState.RELEASED, "retake"): UseState.HELD,
    },
)
LIVE_USE = (UseState.HELD, UseState.USED)


class Coupon(models.Model):
    """A code that takes something off, or an automatic discount without one. `taken` counts its
    live uses, open checkouts included; the CHECK is the last guard of the total limit.
    """

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    code = models.CharField(max_length=40, help_text="Upper or lower case does not matter.")
    kind = models.CharField(max_length=7, choices=CouponKind.choices)
    percent = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    amount_minor = models.PositiveBigIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)]
    )
    currency = models.CharField(max_length=3, blank=True)
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    total_limit = models.PositiveIntegerField(null=True, blank=True, help_text="Empty: no limit.")
    per_person_limit = models.PositiveIntegerField(
        null=True, blank=True, help_text="Empty: no limit."
    )
    courses = models.ManyToManyField(
        "catalog.Course", blank=True, related_name="+", help_text="None chosen: all courses."
    )
    stackable = models.BooleanField(
        default=False, help_text="May be used together with other stackable coupons."
    )
    automatic = models.BooleanField(default=False, help_text="Applies without its code.")
    batch = models.CharField(max_length=60, blank=True)
    is_active = models.BooleanField(default=True)
    taken = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(Upper("code"), name="one_coupon_per_code"),
            models.CheckConstraint(
                condition=Q(total_limit__isnull=True) | Q(taken__lte=F("total_limit")),
                name="coupon_never_overused",
            ),
            models.CheckConstraint(
                condition=Q(
                    kind="percent", percent__gt=0, percent__lte=100, amount_minor__isnull=True
                )
                | Q(kind="fixed", percent__isnull=True, amount_minor__gt=0) & ~Q(currency=""),
                name="coupon_kind_fits",
            ),
            models.CheckConstraint(
                condition=Q(starts_at__isnull=True)
                | Q(ends_at__isnull=True)
                | Q(ends_at__gt=F("starts_at")),
                name="coupon_ends_after_start",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["code"],
                condition=Q(automatic=True, is_active=True),
                name="coupon_automatic",
            )
        ]

    def __str__(self) -> str:
        return self.code

    def clean(self) -> None:
        self.code = self.code.strip().upper()
        is_percent = self.kind == CouponKind.PERCENT
        if is_percent and (self.percent is None or self.amount_minor is not None):
            raise ValidationError({"percent": "Give a percentage, and no amount."})
        if not is_percent and (self.amount_minor is None or self.percent is not None):
            raise ValidationError({"amount_minor": "Give an amount, and no percentage."})
        if not is_percent:
            try:
                step = money.charge_step(self.currency)
            except ValueError as error:
                raise ValidationError({"currency": str(error)}) from error
            if self.amount_minor and self.amount_minor % step:
                text = f"{self.currency} is charged with two decimals: end with a 0."
                raise ValidationError({"amount_minor": text})


class CouponUse(models.Model):
    """One checkout's use of a coupon. `order_id` names the order: orders stand above this room."""

    coupon = models.ForeignKey(Coupon, on_delete=models.PROTECT, related_name="uses")
    person = models.ForeignKey("accounts.Person", on_delete=models.PROTECT, related_name="+")
    email = models.CharField(max_length=254, help_text="In lower case; it tells guests apart.")
    order_id = models.UUIDField()
    state = models.CharField(max_length=8, choices=UseState.choices, default=UseState.HELD)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["order_id", "coupon"], name="one_use_per_order"),
            models.CheckConstraint(
                condition=Q(state__in=UseState.values), name="coupon_use_state_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["coupon", "person"], name="coupon_use_by_person"),
            models.Index(fields=["coupon", "email"], name="coupon_use_by_email"),
        ]

    def __str__(self) -> str:
        return f"{self.state} in {self.order_id}"


class TaxRate(models.Model):
    """A dated tax rate: what a category of products owes in a country. Half-open: valid_from <= day
    < valid_until."""

    category = models.CharField(max_length=20, default="standard")
    country = models.CharField(max_length=2)
    head = models.CharField(max_length=12, help_text="GST or VAT.")
    percent = models.DecimalField(max_digits=5, decimal_places=2)
    code = models.CharField(max_length=12, blank=True, help_text="SAC in India, like 999293.")
    valid_from = models.DateField(null=True, blank=True)
    valid_until = models.DateField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(percent__gte=0, percent__lte=100), name="tax_rate_percent"
            ),
            models.UniqueConstraint(
                fields=["category", "country", "valid_from"],
                name="one_rate_per_day",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.head} {self.percent} % ({self.country}, {self.category})"


def check_time_zone(name: str) -> None:
    """Raises ValidationError for a name that is no time zone."""
    if name not in available_timezones():
        raise ValidationError("Give the name of a time zone, like Asia/Kolkata.")


class Seller(models.Model):
    """Who sells: printed on invoices, and where taxes are owed. One row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    name = LineField(max_length=150)
    legal_name = LineField(max_length=150)
    address = models.TextField(help_text="As on invoices, over several lines.")
    country = models.CharField(max_length=2)
    state = models.CharField(max_length=3, blank=True)
    gstin = models.CharField(max_length=15, blank=True)
    vat_id = models.CharField(max_length=20, blank=True)
    email = models.EmailField(blank=True)
    time_zone = models.CharField(
        max_length=40,
        default="UTC",
        validators=[check_time_zone],
        help_text="Like Asia/Kolkata. Tax rates, dates of papers and financial years go by it.",
    )
    # With the year and the mark of credit notes, a longer one leaves no room for the number.
    invoice_prefix = models.CharField(
        max_length=4,
        default="INV",
        validators=[
            RegexValidator(
                r"\A[A-Z0-9]{1,4}\Z", "Use one to four capital letters (A to Z) or digits."
            )
        ],
        help_text="Invoices are numbered MAT/26-27/00001, credit notes MATC/26-27/00001.",
    )

    class Meta:
        verbose_name_plural = "seller"
        constraints: ClassVar = [models.CheckConstraint(condition=Q(id=1), name="one_seller")]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Raises ValidationError for a GSTIN that is wrong, or of another State than the seller."""
        if not self.gstin:
            return
        try:
            self.gstin, state = gstin.parse(self.gstin)
        except InvalidGstin as error:
            raise ValidationError({"gstin": "This is no valid GSTIN."}) from error
        if self.state != state:
            name = regions.state_name(state)
            raise ValidationError({"state": f"The GSTIN is of {name}: give {state} here."})
