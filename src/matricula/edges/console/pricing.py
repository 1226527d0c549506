"""Coupons, tax rates, and who sells."""

# ruff: noqa: ARG002 - overrides keep the parameters that Django's admin gives them

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from django import forms
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from matricula.edges.console.acting import Acting
from matricula.edges.console.base import ConsoleAdmin, column
from matricula.edges.console.recording import RecordsEvents
from matricula.pricing import actions
from matricula.pricing.models import Coupon, Seller

_SETTINGS = UUID("3d1c3f0e-5a0e-5b0c-8f7e-2f1f4c1f9b11")


class BatchForm(forms.Form):
    """How many codes, under what label."""

    count = forms.IntegerField(
        min_value=1, max_value=actions.MOST_CODES, widget=UnfoldAdminIntegerFieldWidget()
    )
    label = forms.CharField(max_length=60, widget=UnfoldAdminTextInputWidget())


class CouponAdmin(RecordsEvents, Acting, ConsoleAdmin):
    """What is taken off, for whom, how often."""

    event_kind = "coupon"
    recorded = ("percent", "amount_minor", "total_limit", "per_person_limit", "is_active")
    list_display = ("code", "worth", "taken", "total_limit", "ends_at", "is_active")
    list_filter = ("is_active", "automatic")
    search_fields = ("code", "batch")
    ordering = ("-id",)
    actions_detail = ("generate",)
    filter_horizontal = ("courses",)
    fieldsets = (
        (None, {"fields": ("code", "is_active", "automatic")}),
        ("Worth", {"fields": ("kind", "percent", ("amount_minor", "currency"))}),
        ("Limits", {"fields": (("starts_at", "ends_at"), ("total_limit", "per_person_limit"))}),
        ("Scope", {"fields": ("courses", "stackable", "batch")}),
    )

    def has_delete_permission(self, request: HttpRequest, obj: Coupon | None = None) -> bool:
        """A coupon that was used stays: it is deactivated instead."""
        if obj is not None and obj.uses.exists():
            return False
        return bool(super().has_delete_permission(request, obj))

    def has_generate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("pricing.add_coupon"))

    @action(description="Generate codes", url_path="generate", permissions=["generate"])  # type: ignore[untyped-decorator]
    def generate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.ask(
            request,
            object_id,
            title="Generate codes",
            points=["Each new coupon is like this one, with a code of its own."],
            form=lambda _coupon, posted: BatchForm(posted),
            run=lambda coupon, answers: actions.generate_batch(
                coupon, answers["count"], answers["label"]
            ),
            done="Made. Search for the label to see them.",
        )

    @column("Worth")
    def worth(self, coupon: Coupon) -> str:
        if coupon.percent is not None:
            return f"{coupon.percent.normalize():f} %"
        return f"{coupon.amount_minor} {coupon.currency} (minor units)"


class NumberedAdmin(RecordsEvents, ConsoleAdmin):
    """A setting whose rows have numbers: an event's subject is made from the number."""

    def subject_of(self, obj: Model) -> UUID:
        return uuid5(_SETTINGS, f"{self.event_kind} {obj.pk}")


class TaxRateAdmin(NumberedAdmin):
    """Dated tax rates; an accountant confirms them."""

    event_kind = "tax_rate"
    recorded = ("percent", "country", "category")
    list_display = ("country", "category", "head", "percent", "code", "valid_from", "valid_until")
    list_filter = ("country",)
    search_fields = ("country", "category")
    ordering = ("country", "category", "valid_from")


class RefundStepAdmin(NumberedAdmin):
    """How much is given back until when; steps of a course replace those for all."""

    event_kind = "refund_step"
    recorded = ("until", "days", "percent")
    list_display = ("course", "until", "days", "percent")
    list_select_related = ("course",)
    search_fields = ("course__title",)
    ordering = ("course__title", "-percent")
    autocomplete_fields = ("course",)


class SellerAdmin(NumberedAdmin):
    """Who sells: printed on invoices, and where taxes are owed."""

    event_kind = "seller"
    recorded = ("country", "state", "invoice_prefix")
    list_display = ("name", "country", "state", "gstin")
    search_fields = ("name",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(super().has_add_permission(request)) and not Seller.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
