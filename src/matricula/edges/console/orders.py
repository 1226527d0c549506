"""Orders: looked at, refunded, marked paid."""

# ruff: noqa: ARG002 - overrides keep the parameters that Django's admin gives them

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from matricula.edges.console import references
from matricula.edges.console.acting import Acting, ReferenceForm, RefundForm, plain
from matricula.edges.console.base import ReadOnlyAdmin, column
from matricula.edges.console.finding import FoundByReference
from matricula.edges.console.recording import actor_id
from matricula.flows import offline, refund
from matricula.kernel import ids
from matricula.kernel.money import Money
from matricula.orders.models import Order
from matricula.payments.models import Refund

STATE_COLOURS = {"open": "warning", "paid": "success", "expired": "default", "cancelled": "default"}


class OrderAdmin(FoundByReference, Acting, ReadOnlyAdmin):
    """What people bought."""

    list_display = ("reference", "buyer", "total_shown", "state_label", "placed", "paid")
    list_display_links = ("reference",)
    list_filter = ("state",)
    search_fields = ("id",)
    found_by = {"": "pk", "ord": "pk", "usr": "person", "enr": "lines__enrollment"}
    search_help_text = "Whole address, ord_…, enr_… or usr_…"
    ordering = ("-id",)
    actions_detail = ("refund_lines", "mark_paid")
    fields = (
        "reference",
        "state_label",
        "buyer",
        "lines_shown",
        "sums",
        "coupon_codes",
        "payments_shown",
        "refunds_shown",
        "papers",
        "billing",
        "consent",
        ("placed_at", "paid_at", "ended_at"),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Order | None = None) -> Any:
        return (
            "reference",
            "state_label",
            "buyer",
            "lines_shown",
            "sums",
            "payments_shown",
            "refunds_shown",
            "papers",
            "billing",
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        rows: QuerySet[Order] = super().get_queryset(request)
        return rows.select_related("person")

    def has_act_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("payments.change_refund"))

    @action(description="Refund", url_path="refund", permissions=["act"])  # type: ignore[untyped-decorator]
    def refund_lines(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def run(order: Order, answers: dict[str, Any]) -> None:
            amounts = {
                line.pk: Money.of_major(answers[f"line_{line.position}"], order.currency).minor
                for line in order.lines.all()
                if answers[f"line_{line.position}"]
            }
            refund.refund_by_staff(
                order.pk,
                amounts,
                actor_id=actor_id(request),
                reason=answers["reason"],
                end_access=answers["end_access"],
            )

        return self.ask(
            request,
            object_id,
            title="Refund",
            points=["The money goes back where it came from.", "The buyer sees the reason."],
            form=refund_form,
            run=run,
            done="The refund is on its way.",
        )

    @action(description="Mark as paid", url_path="mark-paid", permissions=["act"])  # type: ignore[untyped-decorator]
    def mark_paid(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.ask(
            request,
            object_id,
            title="Mark as paid",
            points=["For money that came by bank transfer, cash or purchase order, in full."],
            form=plain(ReferenceForm),
            run=lambda order, answers: offline.mark_paid(
                order.pk, answers["reference"], actor_id=actor_id(request)
            ),
            done="Marked as paid.",
        )

    @column("Order")
    def reference(self, order: Order) -> SafeString:
        return references.mono(ids.to_text("ord", order.pk))

    @column("Buyer")
    def buyer(self, order: Order) -> SafeString:
        return references.page("usr", order.person_id, order.buyer_email)

    @column("Total")
    def total_shown(self, order: Order) -> str:
        return f"{order.total.major} {order.currency}"

    @column("State", colours=STATE_COLOURS)
    def state_label(self, order: Order) -> str:
        return order.state

    @column("Placed")
    def placed(self, order: Order) -> str:
        return references.when(order.placed_at)

    @column("Paid")
    def paid(self, order: Order) -> str:
        return references.when(order.paid_at)

    @column("Lines")
    def lines_shown(self, order: Order) -> SafeString:
        rows = [
            (
                references.page("enr", line.enrollment_id, line.title),
                line.cohort_name,
                Money(line.total_minor, order.currency).major,
            )
            for line in order.lines.order_by("position")
        ]
        return format_html_join("", "{} ({}): {}<br>", rows)

    @column("Sums")
    def sums(self, order: Order) -> str:
        parts = {
            "list price": order.original_minor,
            "discount": order.discount_minor,
            "net": order.net_minor,
            "tax": order.tax_minor,
            "total": order.total_minor,
        }
        return ", ".join(
            f"{name} {Money(minor, order.currency).major}" for name, minor in parts.items()
        )

    @column("Payments")
    def payments_shown(self, order: Order) -> SafeString:
        rows = [
            (references.page("pay", payment.pk), payment.provider, payment.state)
            for payment in order.payments.order_by("pk")
        ]
        return format_html_join("", "{} at {}: {}<br>", rows)

    @column("Refunds")
    def refunds_shown(self, order: Order) -> SafeString:
        rows = [
            (references.page("rfd", row.pk), row.amount.major, row.state)
            for row in Refund.objects.filter(charge__payment__order=order).order_by("pk")
        ]
        return format_html_join("", "{}: {} {}<br>", rows)

    @column("Papers")
    def papers(self, order: Order) -> SafeString:
        rows = [(paper.kind, paper.serial) for paper in order.documents.order_by("pk")]
        return format_html_join("", "{} {}<br>", rows)

    @column("Billed to")
    def billing(self, order: Order) -> SafeString:
        place = f"{order.billing_country} {order.billing_state}"
        name = order.billing_name or order.buyer_name
        return format_html("{} {}, {} {}", name, order.billing_address, place, order.tax_id)


def refund_form(order: Order, posted: Any) -> forms.Form:
    """What is left of each line, to be given back or lowered. Together the lines may have more
    left than their payment: the refund is refused then, with what that has."""
    lines = list(order.lines.order_by("position"))
    totals = {line.pk: Money(line.total_minor, order.currency) for line in lines}
    left_of = refund.left_of_lines(order.pk, totals)
    fields: dict[str, forms.Field] = {}
    for line in lines:
        left = left_of[line.pk]
        fields[f"line_{line.position}"] = forms.DecimalField(
            label=f"{line.title} ({order.currency})",
            min_value=Decimal(0),
            max_value=left.major,
            decimal_places=-int(left.major.as_tuple().exponent),
            initial=left.major,
            required=False,
            widget=UnfoldAdminDecimalFieldWidget,
        )
    made: type[forms.Form] = type("OrderRefundForm", (RefundForm,), fields)
    return made(posted)
