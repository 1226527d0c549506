"""Invoices and credit notes are issued: numbered, frozen, once for each cause.

By jobs of their own and not inside settlement, which the lock of the number series would serialise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Prefetch

from matricula.kernel import clock, failures, ids
from matricula.kernel.failures import WorkQueue
from matricula.orders import numbering, papers
from matricula.orders.models import Document, Order, OrderLine
from matricula.orders.states import OrderState
from matricula.payments import queries as payments
from matricula.payments.models import Charge, Refund
from matricula.payments.states import RefundState
from matricula.pricing import queries as pricing
from matricula.pricing import regions
from matricula.pricing.values import SellerIdentity

BATCH = 200


@dataclass(frozen=True)
class Draft:
    """A paper without its number. `cause`: the order invoiced, or the refund credited."""

    order: Order
    cause: UUID
    lines: Sequence[dict[str, Any]]
    about: Sequence[str]


def issue_invoice(order_id: UUID) -> Document | None:
    """The invoice of a paid order; None where there is nothing to invoice. Asking again gives the
    same one."""
    return issue_invoices([order_id]).get(order_id)


def issue_invoices(order_ids: Iterable[UUID]) -> dict[UUID, Document]:
    """`issue_invoice` for many orders, in one transaction and with as many queries as one takes."""
    wanted = set(order_ids)
    known = _issued(Document.Kind.INVOICE, wanted)
    if len(known) == len(wanted):
        return known
    lines = Prefetch("lines", OrderLine.objects.order_by("position"))
    paid = Order.objects.filter(state=OrderState.PAID, total_minor__gt=0).prefetch_related(lines)
    orders = list(paid.filter(pk__in=wanted - known.keys()).order_by("pk"))
    charges = payments.settling_charges(order.pk for order in orders)
    drafts = [_invoice(order, charges[order.pk]) for order in orders if order.pk in charges]
    return known | _issue(Document.Kind.INVOICE, drafts)


def _invoice(order: Order, charge: Charge) -> Draft:
    reference = f"Paid by {charge.method or charge.provider}: {charge.provider_payment_id}"
    return Draft(order, order.pk, [_line(line) for line in order.lines.all()], [reference])


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
    draft = Draft(order, refund.pk, lines, about)
    return _issue(Document.Kind.CREDIT_NOTE, [draft])[refund.pk]


def issue_missing() -> int:
    """What no job has issued, in case one was lost; returns how many."""
    held_back = failures.held_back(DOCUMENTS.name)
    orders = Order.objects.filter(state=OrderState.PAID, total_minor__gt=0)
    invoiced = Document.objects.filter(kind=Document.Kind.INVOICE).values("order")
    missing = orders.exclude(pk__in=invoiced).exclude(pk__in=held_back)
    refunds = Refund.objects.filter(state=RefundState.PROCESSED, parts__isnull=False).distinct()
    credited = Document.objects.filter(kind=Document.Kind.CREDIT_NOTE).values("cause")
    uncredited = refunds.exclude(pk__in=credited).exclude(pk__in=held_back)
    issued = _run_each(missing.values_list("pk", flat=True)[:BATCH], issue_invoice)
    return issued + _run_each(uncredited.values_list("pk", flat=True)[:BATCH], issue_credit_note)


def _run_each(causes: Iterable[UUID], issue_one: Callable[[UUID], Document | None]) -> int:
    """How many documents are there now. One that cannot be made holds up no other."""
    made = failures.run_each(DOCUMENTS.name, list(causes), issue_one)
    return sum(document is not None for document in made)


DOCUMENTS = failures.register(WorkQueue(name="documents", title="Invoices and credit notes"))


def _issued(kind: Document.Kind, causes: Iterable[UUID]) -> dict[UUID, Document]:
    rows = Document.objects.filter(kind=kind, cause__in=list(causes))
    return {row.cause: row for row in rows}


@transaction.atomic
def _issue(kind: Document.Kind, drafts: Sequence[Draft]) -> dict[UUID, Document]:
    """The papers of these drafts by cause, each numbered unless it was before."""
    # The orders' rows make two jobs for the same cause follow each other.
    wanted = [draft.order.pk for draft in drafts]
    list(Order.objects.select_for_update(no_key=True).filter(pk__in=wanted).order_by("pk"))
    known = _issued(kind, (draft.cause for draft in drafts))
    new = [draft for draft in drafts if draft.cause not in known]
    if not new:
        return known
    seller, at = pricing.seller(), clock.now()
    place = (seller.invoice_prefix, at, seller.country, seller.time_zone)
    series, numbers = numbering.next_numbers(kind, *place, count=len(new))
    made = Document.objects.bulk_create(
        Document(
            order=draft.order,
            kind=kind,
            cause=draft.cause,
            series=series,
            number=number,
            serial=serial,
            issued_at=at,
            content=_content(draft, kind, seller, at),
        )
        for draft, (number, serial) in zip(new, numbers, strict=True)
    )
    return known | {row.cause: row for row in made}


def _content(
    draft: Draft, kind: Document.Kind, seller: SellerIdentity, at: datetime
) -> dict[str, Any]:
    order = draft.order
    day = at.astimezone(ZoneInfo(seller.time_zone)).strftime("%-d %B %Y")
    is_invoice = kind == Document.Kind.INVOICE
    return papers.compose(
        title=_title(seller, is_invoice=is_invoice),
        seller={"name": seller.legal_name, "lines": _seller_lines(seller)},
        buyer=_buyer_lines(order),
        supply=_supply_lines(order),
        about=[f"Date: {day}", f"Order {ids.to_text('ord', order.pk)}", *draft.about],
        lines=draft.lines,
        currency=order.currency,
        notes=[*order.notes, "This paper was made by a computer and needs no signature."],
        total_label="Total" if is_invoice else "Credited",
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
    lines = [order.billing_name or order.buyer_name, *order.billing_address.splitlines()]
    lines.append(order.buyer_email)
    if order.tax_id:
        kind = "GSTIN" if order.billing_country == "IN" else "VAT id"
        lines += [f"{kind} {order.tax_id}", order.tax_evidence]
    return [line for line in lines if line]


def _supply_lines(order: Order) -> list[str]:
    if order.billing_country != "IN":
        return [order.billing_country]
    name, number = regions.state_name(order.billing_state), regions.gst_number(order.billing_state)
    return [f"{name} ({number})" if number else name, "India"]
