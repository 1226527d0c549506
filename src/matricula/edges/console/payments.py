"""Payments, refunds, disputes, and what only a person can decide."""

# ruff: noqa: ARG002 - overrides keep the parameters that Django's admin gives them

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from matricula.edges.console import references
from matricula.edges.console.acting import Acting, ReasonForm, ReferenceForm, plain
from matricula.edges.console.base import ReadOnlyAdmin, column
from matricula.edges.console.recording import actor_id
from matricula.flows import offline, outside, reconcile, refund
from matricula.kernel import ids
from matricula.kernel.errors import DomainError
from matricula.kernel.money import Money
from matricula.orders.models import OrderLine
from matricula.payments import actions, ledger
from matricula.payments.models import Payment, Refund, StaffTask


class MoneyAdmin(Acting, ReadOnlyAdmin):
    """Found by its TypeID or the gateway's id."""

    found_by: dict[str, str] = {}
    gateway_id = ""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        found = references.read(term)
        if found is not None and found.prefix in self.found_by:
            return queryset.filter(**{self.found_by[found.prefix]: found.value}), False
        return queryset.filter(**{self.gateway_id: term}), False

    def has_act_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("payments.change_refund"))


class PaymentAdmin(MoneyAdmin):
    """What was asked of gateways, and what came of it."""

    list_display = ("reference", "order_shown", "amount_shown", "state", "provider", "created")
    list_display_links = ("reference",)
    list_filter = ("state", "provider")
    search_fields = ("id",)
    search_help_text = "pay_…, ord_… or the gateway's order id"
    ordering = ("-id",)
    found_by = {"": "pk", "pay": "pk", "ord": "order"}
    gateway_id = "provider_order_id"
    actions_detail = ("ask_gateway",)
    fields = (
        "reference",
        "order_shown",
        "amount_shown",
        "state",
        "provider",
        "provider_order_id",
        "attempt",
        "failure_detail",
        "charges_shown",
        "ledger_shown",
        ("created_at", "completed_at", "next_check_at"),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Payment | None = None) -> Any:
        return ("reference", "order_shown", "amount_shown", "charges_shown", "ledger_shown")

    @action(description="Ask the gateway now", url_path="ask", permissions=["act"])  # type: ignore[untyped-decorator]
    def ask_gateway(self, request: HttpRequest, object_id: str) -> HttpResponse:
        payment = self.get_object(request, unquote(object_id))
        if payment is not None:
            try:
                reconcile.check(payment.pk)
            except DomainError as error:
                self.message_user(request, f"No answer. {error.title}.", messages.ERROR)
            else:
                self.message_user(request, "Asked, and settled.", messages.SUCCESS)
        return HttpResponseRedirect(
            reverse("admin:payments_payment_change", args=[unquote(object_id)])
        )

    @column("Payment")
    def reference(self, payment: Payment) -> SafeString:
        return references.mono(payment.receipt)

    @column("Order")
    def order_shown(self, payment: Payment) -> SafeString:
        return references.page("ord", payment.order_id)

    @column("Amount")
    def amount_shown(self, payment: Payment) -> str:
        return f"{payment.amount.major} {payment.currency}"

    @column("Created")
    def created(self, payment: Payment) -> str:
        return references.when(payment.created_at)

    @column("Attempts")
    def charges_shown(self, payment: Payment) -> SafeString:
        rows = [
            (row.provider_payment_id, row.method, row.amount.major, row.state, row.verdict)
            for row in payment.charges.order_by("pk")
        ]
        return format_html_join("", "{} {} {}: {} {}<br>", rows)

    @column("Ledger")
    def ledger_shown(self, payment: Payment) -> SafeString:
        rows = []
        for charge in payment.charges.order_by("pk"):
            sums = ledger.balance(charge)
            rows.append(
                (
                    charge.provider_payment_id,
                    sums.captured.major,
                    sums.refunded.major,
                    sums.promised.major,
                )
            )
        return format_html_join("", "{}: {} captured, {} refunded, {} promised<br>", rows)


class RefundAdmin(MoneyAdmin):
    """Money given back, or on its way."""

    list_display = ("reference", "amount_shown", "state", "cause", "requested")
    list_display_links = ("reference",)
    list_filter = ("state", "cause")
    search_fields = ("id",)
    search_help_text = "rfd_…, ord_… or the gateway's refund id"
    ordering = ("-id",)
    found_by = {"": "pk", "rfd": "pk", "ord": "charge__payment__order"}
    gateway_id = "provider_refund_id"
    actions_detail = ("try_again", "assign_lines", "paid_out")
    fields = (
        "reference",
        "amount_shown",
        "state",
        "cause",
        "reason",
        "failure_detail",
        "payment_shown",
        "provider_refund_id",
        ("requested_at", "completed_at", "next_try_at"),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Refund | None = None) -> Any:
        return ("reference", "amount_shown", "payment_shown")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Refund]:
        rows: QuerySet[Refund] = super().get_queryset(request)
        return rows.select_related("charge")

    @action(description="Try again", url_path="again", permissions=["act"])  # type: ignore[untyped-decorator]
    def try_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.ask(
            request,
            object_id,
            title="Try again",
            points=["For a refund that failed: a new one of the same amount is sent."],
            form=plain(ReasonForm),
            run=lambda row, _answers: refund.refund_again(row.pk, actor_id=actor_id(request)),
            done="A new refund is on its way.",
        )

    @action(description="Assign to lines", url_path="assign", permissions=["act"])  # type: ignore[untyped-decorator]
    def assign_lines(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def run(row: Refund, answers: dict[str, Any]) -> None:
            amounts = {
                line.pk: Money.of_major(answers[f"line_{line.position}"], row.currency).minor
                for line in refund_lines(row)
                if answers[f"line_{line.position}"]
            }
            outside.assign(row.pk, amounts, actor_id=actor_id(request), reason=answers["reason"])

        return self.ask(
            request,
            object_id,
            title="Assign to lines",
            points=[
                "For a refund that was made at the gateway, of an order with several lines.",
                "The amounts must sum to the refund. Credit notes are issued accordingly.",
            ],
            form=assignment_form,
            run=run,
            done="Assigned.",
        )

    @action(description="Paid out by hand", url_path="paid-out", permissions=["act"])  # type: ignore[untyped-decorator]
    def paid_out(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.ask(
            request,
            object_id,
            title="Paid out by hand",
            points=["For what was paid offline, and has been sent back by the bank."],
            form=plain(ReferenceForm),
            run=lambda row, answers: offline.mark_refunded(row.pk, answers["reference"]),
            done="Noted as paid out.",
        )

    @column("Refund")
    def reference(self, row: Refund) -> SafeString:
        return references.mono(str(row))

    @column("Amount")
    def amount_shown(self, row: Refund) -> str:
        return f"{row.amount.major} {row.currency}"

    @column("Requested")
    def requested(self, row: Refund) -> str:
        return references.when(row.requested_at)

    @column("Payment")
    def payment_shown(self, row: Refund) -> SafeString | str:
        payment_id = row.charge.payment_id
        return references.page("pay", payment_id) if payment_id else row.charge.provider_payment_id


def refund_lines(row: Refund) -> list[OrderLine]:
    """The lines of the order that the refunded payment is for."""
    payments = Payment.objects.filter(charges__refunds=row)
    rows = OrderLine.objects.filter(order__payments__in=payments)
    return list(rows.order_by("position"))


def assignment_form(row: Refund, posted: Any) -> forms.Form:
    """How much of a refund is for each line of its order."""
    digits = -int(row.amount.major.as_tuple().exponent)
    fields: dict[str, forms.Field] = {
        f"line_{line.position}": forms.DecimalField(
            label=f"{line.title} ({row.currency})",
            min_value=Decimal(0),
            max_value=row.amount.major,
            decimal_places=digits,
            required=False,
            widget=UnfoldAdminDecimalFieldWidget,
        )
        for line in refund_lines(row)
    }
    made: type[forms.Form] = type("AssignmentForm", (ReasonForm,), fields)
    return made(posted)


class OpenFilter(SimpleListFilter):
    """Open ones, unless others are asked for."""

    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("closed", "Closed"), ("any", "All")]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        yield {**first, "display": "Open", "selected": self.value() is None}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[StaffTask]) -> QuerySet[StaffTask]:
        if self.value() == "any":
            return queryset
        return queryset.filter(closed_at__isnull=self.value() is None)


class StaffTaskAdmin(MoneyAdmin):
    """What only a person can decide."""

    list_display = ("reference", "kind", "detail", "due", "opened")
    list_display_links = ("reference",)
    list_filter = (OpenFilter, "kind")
    search_fields = ("id",)
    search_help_text = "tsk_… or the gateway's id it is about"
    ordering = ("opened_at",)
    found_by = {"": "pk", "tsk": "pk"}
    gateway_id = "cause"
    actions_detail = ("close", "give_back")
    fields = (
        "reference",
        "kind",
        "cause",
        "detail",
        "about",
        ("opened_at", "due_at", "closed_at"),
        "resolution",
    )

    def get_readonly_fields(self, request: HttpRequest, obj: StaffTask | None = None) -> Any:
        return ("reference", "about")

    @action(description="Close", url_path="close", permissions=["act"])  # type: ignore[untyped-decorator]
    def close(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.ask(
            request,
            object_id,
            title="Close",
            points=["Say what was done; it stays with the task."],
            form=plain(ReasonForm),
            run=lambda task, answers: actions.close_task(
                task.pk, actor_id=actor_id(request), resolution=answers["reason"]
            ),
            done="Closed.",
        )

    @action(description="Refund the payment", url_path="refund", permissions=["act"])  # type: ignore[untyped-decorator]
    def give_back(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.ask(
            request,
            object_id,
            title="Refund the payment",
            points=["Gives all of a payment back that fits no order, and closes the task."],
            form=plain(ReasonForm),
            run=lambda task, answers: refund.refund_charge(
                _charge_of(task), actor_id=actor_id(request), reason=answers["reason"]
            ),
            done="The refund is on its way.",
        )

    @column("Task")
    def reference(self, task: StaffTask) -> SafeString:
        return references.mono(ids.to_text("tsk", task.pk))

    @column("Opened")
    def opened(self, task: StaffTask) -> str:
        return references.when(task.opened_at)

    @column("Due")
    def due(self, task: StaffTask) -> str:
        return references.when(task.due_at)

    @column("About")
    def about(self, task: StaffTask) -> SafeString:
        links = []
        if task.charge is not None and task.charge.payment_id:
            links.append((references.page("pay", task.charge.payment_id),))
        if task.refund_id:
            links.append((references.page("rfd", task.refund_id),))
        return format_html_join(" ", "{}", links)


def _charge_of(task: StaffTask) -> UUID:
    return task.charge_id or task.pk


class DisputeAdmin(MoneyAdmin):
    """Payments that their payer's bank questions."""

    list_display = ("provider_dispute_id", "status", "amount_minor", "currency", "respond_by")
    list_filter = ("status",)
    search_fields = ("id",)
    search_help_text = "The gateway's id"
    ordering = ("-id",)
    gateway_id = "provider_dispute_id"
    exclude = ("charge",)
