"""Invoices and credit notes are issued: numbered, frozen, once for each cause.

By jobs of their own and not inside settlement, which the lock of the number series would serialise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction

from matricula.kernel import clock, ids
from matricula.orders import numbering, papers
from matricula.orders.models import Document, Order, OrderLine
from matricula.orders.states import OrderState
from matricula.payments import queries as payments
from matricula.payments.models import Refund
from matricula.payments.states import RefundState
from matricula.pricing import queries as pricing
from matricula.pricing import regions
from matricula.pricing.values import SellerIdentity

BATCH = 200


def issue_invoice(order_id: UUID) -> Document | None:
    """The invoice of a paid order; None where there is nothing to invoice. Asking again gives the
    same one."""
    order = Order.objects.get(pk=order_id)
    charge = payments.settling_charge(order_id)
    if order.state != OrderState.PAID or not order.total_minor or charge is None:
        return None
    lines = [_line(line) for line in order.lines.order_by("position")]
    reference = f"Paid by {charge.method or charge.provider}: {charge.provider_payment_id}"
    return _issue(order, Document.Kind.INVOICE, order.pk, lines, [reference])


def issue_credit_note(refund_id: UUID) -> Document | None:
    """The credit note of a refund that has reached its payer; None before, and for a refund of
    money that was never invoiced. One that may still fail would leave a wrong paper."""
    refund = Refund.objects.select_related("charge__payment").get(pk=refund_id)
    payment = refund.charge.payment
    parts = list(refund.parts.select_related("line").order_by("line__position"))
    if refund.state != RefundState.PROCESSED or payment is None or not parts:
        return None
    order = Order.objects.get(pk=payment.order_id)
    invoice = issue_invoice(order.pk)
    if invoice is None:
        return None
    lines = [
        papers.split_part(_line(part.line), part.amount_minor, order.currency) for part in parts
    ]
    about = [f"For invoice {invoice.serial}", f"Refund {refund}"]
    return _issue(order, Document.Kind.CREDIT_NOTE, refund.pk, lines, about)


def issue_missing() -> int:
    """What no job has issued, in case one was lost; returns how many."""
    issued = 0
    orders = Order.objects.filter(state=OrderState.PAID, total_minor__gt=0)
    invoiced = Document.objects.filter(kind=Document.Kind.INVOICE).values("order")
    for order_id in orders.exclude(pk__in=invoiced).values_list("pk", flat=True)[:BATCH]:
        issued += issue_invoice(order_id) is not None
    refunds = Refund.objects.filter(state=RefundState.PROCESSED, parts__isnull=False).distinct()
    credited = Document.objects.filter(kind=Document.Kind.CREDIT_NOTE).values("cause")
    for refund_id in refunds.exclude(pk__in=credited).values_list("pk", flat=True)[:BATCH]:
        issued += issue_credit_note(refund_id) is not None
    return issued


@transaction.atomic
def _issue(
    order: Order,
    kind: Document.Kind,
    cause: UUID,
    lines: Sequence[dict[str, Any]],
    about: Sequence[str],
) -> Document:
    # The order's row makes two jobs for the same cause follow each other.
    Order.objects.select_for_update(no_key=True).get(pk=order.pk)
    known = Document.objects.filter(kind=kind, cause=cause).first()
    if known is not None:
        return known
    seller, at = pricing.seller(), clock.now()
    series, number, serial = numbering.next_number(
        kind, seller.invoice_prefix, at, seller.country, seller.time_zone
    )
    day = at.astimezone(ZoneInfo(seller.time_zone)).strftime("%-d %B %Y")
    is_invoice = kind == Document.Kind.INVOICE
    content = papers.compose(
        title=_title(seller, is_invoice=is_invoice),
        seller={"name": seller.legal_name, "lines": _seller_lines(seller)},
        buyer=_buyer_lines(order),
        supply=_supply_lines(order),
        about=[f"Date: {day}", f"Order {ids.to_text('ord', order.pk)}", *about],
        lines=lines,
        currency=order.currency,
        notes=[*order.notes, "This paper was made by a computer and needs no signature."],
        total_label="Total" if is_invoice else "Credited",
    )
    return Document.objects.create(
        order=order,
        kind=kind,
        cause=cause,
        series=series,
        number=number,
        serial=serial,
        issued_at=at,
        content=content,
    )


def _title(seller: SellerIdentity, *, is_invoice: bool) -> str:
    if not is_invoice:
        return "Credit note"
    return "Tax invoice" if seller.country == "IN" else "Invoice"


def _line(line: OrderLine) -> dict[str, Any]:
    return {
        "title": line.title,
        "detail": line.cohort_name,
        "tax_code": line.tax_code,
        "net_minor": line.net_minor,
        "tax_lines": line.tax_lines,
        "total_minor": line.total_minor,
    }


def _seller_lines(seller: SellerIdentity) -> list[str]:
    lines = [line.strip() for line in seller.address.splitlines() if line.strip()]
    if seller.gstin:
        lines.append(f"GSTIN {seller.gstin}")
    if seller.vat_id:
        lines.append(f"VAT {seller.vat_id}")
    return lines


def _buyer_lines(order: Order) -> list[str]:
    lines = [order.buyer_name, order.buyer_email]
    if order.tax_id:
        lines.append(f"GSTIN {order.tax_id}" if order.billing_country == "IN" else order.tax_id)
    return [line for line in lines if line]


def _supply_lines(order: Order) -> list[str]:
    if order.billing_country != "IN":
        return [order.billing_country]
    name, number = regions.state_name(order.billing_state), regions.gst_number(order.billing_state)
    return [f"{name} ({number})" if number else name, "India"]
