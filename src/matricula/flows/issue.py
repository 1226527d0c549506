"""Invoices and credit notes are issued: numbered, frozen, once for each cause.

By jobs of their own and not inside settlement, which the lock of the number series would serialise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Prefetch, Sum

from matricula.kernel import clock, failures, ids
from matricula.kernel.days import day_at
from matricula.kernel.failures import WorkQueue
from matricula.kernel.money import Money
from matricula.orders import numbering, papers
from matricula.orders.models import Document, Order, OrderLine
from matricula.orders.states import OrderState
from matricula.payments import queries as payments
from matricula.payments.models import Charge, Refund, RefundPart
from matricula.payments.states import RefundState
from matricula.pricing import queries as pricing
from matricula.pricing import regions
from matricula.pricing.values import SellerIdentity

BATCH = 200
# Refunds without a credit note, but for orders whose notes stand for all that was refunded already.
_UNCREDITED = """
WITH candidate AS (
    SELECT r.id, p.order_id
      FROM payments_refund r
      JOIN payments_charge c ON c.id = r.charge_id
      JOIN payments_payment p ON p.id = c.payment_id
     WHERE r.state = 'processed' AND NOT r.id::text = ANY (%s::text[])
       AND EXISTS (SELECT FROM payments_refundpart part WHERE part.refund_id = r.id)
       AND NOT EXISTS (SELECT FROM orders_document d
                        WHERE d.kind = 'credit_note' AND d.cause = r.id)
)
SELECT candidate.id
  FROM candidate JOIN orders_order o ON o.id = candidate.order_id
 WHERE (SELECT coalesce(sum((d.content->>'total_minor')::bigint), 0)
          FROM orders_document d WHERE d.order_id = o.id AND d.kind = 'credit_note')
     < least(o.total_minor,
             (SELECT sum(part.amount_minor)
                FROM payments_refundpart part
                JOIN payments_refund r ON r.id = part.refund_id
                JOIN payments_charge c ON c.id = r.charge_id
                JOIN payments_payment p ON p.id = c.payment_id
               WHERE p.order_id = o.id AND r.state = 'processed'))
 ORDER BY candidate.id LIMIT %s
"""


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


@transaction.atomic
def issue_credit_note(refund_id: UUID) -> Document | None:
    """The credit note of a refund that has reached its payer; None before, and for a refund of
    money that was never invoiced. One that may still fail would leave a wrong paper.

    Where the bank sent back a refund that has a credit note and another refund took its place,
    that note stands for both: no more is credited than was refunded, nor than was invoiced.
    """
    refund = Refund.objects.select_related("charge__payment").get(pk=refund_id)
    payment = refund.charge.payment
    parts = list(refund.parts.select_related("line").order_by("line__position"))
    if refund.state != RefundState.PROCESSED or payment is None or not parts:
        return None
    order = Order.objects.get(pk=payment.order_id)
    invoice = issue_invoice(order.pk)
    if invoice is None:
        return None
    # Notes of one order follow each other, so that each counts those before it.
    Order.objects.select_for_update(no_key=True).get(pk=order.pk)
    known = _issued(Document.Kind.CREDIT_NOTE, [refund.pk])
    if known:
        return known[refund.pk]
    notes = list(Document.objects.filter(order=order, kind=Document.Kind.CREDIT_NOTE))
    amounts = _uncredited([part.amount_minor for part in parts], order, invoice, notes)
    if not any(amounts):
        return max(notes, key=lambda note: note.issued_at, default=None)
    lines = [
        papers.split_part(_line(part.line), amount, order.currency)
        for part, amount in zip(parts, amounts, strict=True)
        if amount
    ]
    about = [f"For invoice {invoice.serial}", f"Refund {refund}"]
    draft = Draft(order, refund.pk, lines, about)
    return _issue(Document.Kind.CREDIT_NOTE, [draft])[refund.pk]


def _uncredited(
    parts: Sequence[int], order: Order, invoice: Document, notes: Sequence[Document]
) -> list[int]:
    """How much of each of these parts of a refund no credit note of the order stands for yet."""
    refunded = RefundPart.objects.filter(
        refund__state=RefundState.PROCESSED, refund__charge__payment__order=order.pk
    ).aggregate(minor=Sum("amount_minor", default=0))["minor"]
    credited = sum(note.content["total_minor"] for note in notes)
    left = min(refunded, invoice.content["total_minor"]) - credited
    due = min(sum(parts), max(left, 0))
    return [share.minor for share in Money(due, order.currency).split(parts)]


def issue_missing() -> int:
    """What no job has issued, in case one was lost; returns how many."""
    held_back = failures.held_back(DOCUMENTS.name)
    orders = Order.objects.filter(state=OrderState.PAID, total_minor__gt=0)
    invoiced = Document.objects.filter(kind=Document.Kind.INVOICE).values("order")
    missing = orders.exclude(pk__in=invoiced).exclude(pk__in=held_back)
    issued = _run_each(missing.values_list("pk", flat=True)[:BATCH], issue_invoice)
    with connection.cursor() as cursor:
        cursor.execute(_UNCREDITED, [list(held_back), BATCH])
        uncredited = [row[0] for row in cursor.fetchall()]
    return issued + _run_each(uncredited, issue_credit_note)


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
    day = f"{day_at(at, seller.time_zone):%-d %B %Y}"
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
