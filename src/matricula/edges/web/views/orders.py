"""A person's orders and their papers."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from matricula.edges.web import bills, purchases, words
from matricula.edges.web.guard import page, person_of
from matricula.kernel import ids
from matricula.kernel.errors import NotFound
from matricula.orders import documents, queries
from matricula.orders.models import Document
from matricula.orders.states import OrderState
from matricula.payments import queries as payments


@page("GET")
@login_required
def orders(request: HttpRequest) -> HttpResponse:
    """The person's orders, newest first, a page at a time."""
    before = request.GET.get("before")
    rows = purchases.purchases_of(
        person_of(request).pk, before=ids.from_text("ord", before) if before else None
    )
    is_full_page = len(rows) == queries.PAGE
    context = {
        "orders": rows,
        "is_first_page": not before,
        "older_url": f"{reverse('orders')}?before={rows[-1].reference}" if is_full_page else "",
    }
    return render(request, "orders/list.html", context)


@page("GET")
@login_required
def order(request: HttpRequest, reference: str) -> HttpResponse:
    """One order: what it cost, how it was paid, what was given back, and its papers."""
    found = queries.find(ids.from_text("ord", reference), person_of(request).pk)
    payment = payments.of_order(found.id)
    is_open = found.state is OrderState.OPEN and payment is not None
    papers = [
        {
            "serial": paper.serial,
            "kind": _paper_words(paper),
            "url": reverse("order_document", args=[reference, ids.to_text("inv", paper.pk)]),
        }
        for paper in documents.documents_of(found.id)
    ]
    context = {
        "order": found,
        "reference": reference,
        "state": purchases.state_of(found, payments.refunded_minor([found.id])),
        "bill": bills.bill_of_order(found),
        "pay_url": reverse("pay", args=[ids.to_text("pay", payment.id)])
        if is_open and payment
        else "",
        "lines": [
            {
                "line": line,
                "url": reverse("enrollment", args=[ids.to_text("enr", line.enrollment_id)]),
            }
            for line in found.lines
        ],
        "payment": payment,
        "paid": words.money(payment.amount) if payment and payment.completed_at else "",
        "refunds": bills.refunds_in_words(payments.refunds_of_order(found.id)),
        "papers": papers,
        "is_waited_for": found.state is OrderState.PAID and bool(found.total) and not papers,
    }
    return render(request, "orders/order.html", context)


@page("GET")
@login_required
def document(request: HttpRequest, reference: str, paper: str) -> HttpResponse:
    """An invoice or a credit note as PDF, for the owner alone."""
    found = queries.find(ids.from_text("ord", reference), person_of(request).pk)
    wanted = ids.from_text("inv", paper)
    row = next((row for row in documents.documents_of(found.id) if row.pk == wanted), None)
    if row is None:
        raise NotFound
    return _pdf(documents.print_pdf(row), row.serial)


@page("GET")
@login_required
def receipt(request: HttpRequest, reference: str) -> HttpResponse:
    """Proof of payment as PDF, for whoever needs no tax paper; the owner's alone."""
    found = queries.find(ids.from_text("ord", reference), person_of(request).pk)
    kind = Document.Kind.INVOICE
    row = next((row for row in documents.documents_of(found.id) if row.kind == kind), None)
    if row is None:
        raise NotFound
    return _pdf(documents.print_receipt(row), f"receipt-{row.serial}")


def _pdf(content: bytes, serial: str) -> HttpResponse:
    response = HttpResponse(content, content_type="application/pdf")
    name = serial.replace("/", "-")
    response["Content-Disposition"] = f'attachment; filename="{name}.pdf"'
    return response


def _paper_words(paper: Document) -> str:
    return _("Invoice") if paper.kind == Document.Kind.INVOICE else _("Credit note")
