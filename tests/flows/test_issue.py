"""Invoices and credit notes: numbered without gaps, once for a cause, printed right."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from matricula.flows import issue, outside, reconcile, refund
from matricula.kernel.money import Money
from matricula.orders import documents, numbering, papers
from matricula.orders.models import Document, Order
from matricula.payments.models import Refund
from matricula.payments.states import RefundState
from matricula.pricing.models import Seller
from tests.support.paying import Buyer, assert_books_agree, checkout, refunds
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _books_agree() -> Iterator[None]:
    yield
    assert_books_agree()


@pytest.fixture
def paid(sandbox: Sandbox) -> Buyer:
    buyer = checkout(sandbox)
    buyer.hand_back(buyer.pay())
    return buyer


def processed(buyer: Buyer, sandbox: Sandbox) -> Refund:
    """The buyer's refund, sent and arrived."""
    reconcile.send_due_refunds()
    (row,) = refunds(buyer)
    sandbox.post(f"/_sandbox/refunds/{row.provider_refund_id}/process")
    outside.record_from_gateway(
        "razorpay", row.charge.provider_payment_id, str(row.provider_refund_id)
    )
    row.refresh_from_db()
    assert row.state == RefundState.PROCESSED
    return row


def test_an_order_is_invoiced_once(paid: Buyer) -> None:
    first, again = issue.issue_invoice(paid.order_id), issue.issue_invoice(paid.order_id)
    assert first is not None
    assert first == again
    assert first.content["total"]["amount"] == "₹3,538.82"
    assert [row["label"] for row in first.content["sums"]] == [
        "Taxable value",
        "CGST 9 %",
        "SGST 9 %",
    ]


def test_the_invoice_names_the_business_and_its_address_where_they_were_given(
    paid: Buyer,
) -> None:
    Order.objects.filter(pk=paid.order_id).update(
        billing_name="Asha Rao Private Limited", billing_address="4 Church Street\nBengaluru"
    )
    invoice = issue.issue_invoice(paid.order_id)
    assert invoice is not None
    lines = invoice.content["buyer"]["lines"]
    assert lines[:3] == ["Asha Rao Private Limited", "4 Church Street", "Bengaluru"]


def test_what_is_not_paid_is_not_invoiced(sandbox: Sandbox) -> None:
    assert issue.issue_invoice(checkout(sandbox).order_id) is None


def test_numbers_have_no_gaps_also_when_a_job_fails(sandbox: Sandbox) -> None:
    for _ in range(2):
        buyer = checkout(sandbox)
        buyer.hand_back(buyer.pay())
    first, second = Order.objects.filter(state="paid").order_by("pk")
    with pytest.raises(IntegrityError):
        _issue_and_fail(first)
    numbers = []
    for order in (second, first):
        paper = issue.issue_invoice(order.pk)
        assert paper is not None
        numbers.append(paper.number)
    assert numbers == [1, 2]


@transaction.atomic
def _issue_and_fail(order: Order) -> None:
    """A job that dies after the number was taken."""
    paper = issue.issue_invoice(order.pk)
    assert paper is not None
    Document.objects.create(
        order=order, kind="invoice", cause=order.pk, series=paper.series, number=2, content={}
    )


def test_a_partial_refund_is_credited_exactly(paid: Buyer, sandbox: Sandbox) -> None:
    line = paid.order.lines.get()
    refund.refund_by_staff(
        paid.order_id, {line.pk: 100_001}, actor_id=paid.person_id, reason="Half", end_access=False
    )
    row = processed(paid, sandbox)
    note = issue.issue_credit_note(row.pk)
    assert note is not None
    assert note.content["total_minor"] == 100_001
    assert note.serial.startswith("MATC/")
    assert any("For invoice MAT/" in text for text in note.content["about"])
    assert paid.stage == "confirmed"


def test_a_refund_that_has_not_arrived_has_no_paper(paid: Buyer) -> None:
    refund.refund_by_policy(paid.enrollment_id, paid.person_id, actor_id=paid.person_id)
    assert paid.stage == "refunded"
    (row,) = refunds(paid)
    assert issue.issue_credit_note(row.pk) is None


def test_what_no_job_issued_is_issued_by_the_sweep(paid: Buyer) -> None:
    assert issue.issue_missing() == 1
    assert issue.issue_missing() == 0


def test_rupees_devanagari_and_hostile_names_print_as_text(paid: Buyer, tmp_path: Path) -> None:
    Seller.objects.update(legal_name='आशा अकादमी #import "x": $ _a_ *b*')
    Order.objects.filter(pk=paid.order_id).update(buyer_name="नमस्ते <script> `#eval(1)`")
    paper = issue.issue_invoice(paid.order_id)
    assert paper is not None
    pdf = documents.print_pdf(paper)
    assert pdf.startswith(b"%PDF")
    assert pdf == documents.print_pdf(paper)
    file = tmp_path / "paper.pdf"
    file.write_bytes(pdf)
    assert file.stat().st_size < 200_000
    found = (
        subprocess.run(["pdftotext", str(file), "-"], capture_output=True, text=True, check=False)
        if Path("/usr/bin/pdftotext").exists()
        else None
    )
    if found is not None:
        assert "₹3,538.82" in found.stdout
        assert "#eval(1)" in found.stdout


@pytest.mark.parametrize(
    ("at", "country", "year"),
    [
        (datetime(2026, 3, 31, 18, 29, tzinfo=UTC), "IN", "25-26"),
        (datetime(2026, 3, 31, 18, 30, tzinfo=UTC), "IN", "26-27"),
        (datetime(2026, 12, 31, 23, 0, tzinfo=UTC), "DE", "2027"),
        (datetime(2099, 5, 1, tzinfo=UTC), "IN", "99-00"),
    ],
)
def test_the_financial_year_is_the_sellers(at: datetime, country: str, year: str) -> None:
    zone = "Asia/Kolkata" if country == "IN" else "Europe/Berlin"
    assert numbering.financial_year(at, country, zone) == year


@pytest.mark.parametrize(
    ("minor", "words"),
    [
        (353_882, "Three thousand five hundred thirty-eight rupees and eighty-two paise only."),
        (12_345_600, "One lakh twenty-three thousand four hundred fifty-six rupees only."),
        (100, "One rupee only."),
    ],
)
def test_amounts_in_words(minor: int, words: str) -> None:
    assert papers.in_words(Money(minor, "INR")) == words


@pytest.mark.parametrize(
    ("name", "number", "serial"),
    [
        ("MAT", 123, "MAT/26-27/00123"),
        ("MAT", 100_000, "MAT/26-27/100000"),
        ("ACMEC", 123, "ACMEC/26-27/0123"),
        ("ACMEC", 10_000, "ACMEC/2627/10000"),
        ("MATC", 100_000, "MATC/2627/100000"),
    ],
)
def test_a_serial_has_sixteen_characters_at_most(name: str, number: int, serial: str) -> None:
    assert numbering.format_serial(name, "26-27", number) == serial
    assert len(serial) <= 16


def test_a_number_that_cannot_be_printed_is_refused_with_the_reason() -> None:
    with pytest.raises(numbering.SerialTooLong, match="shorten the seller's invoice prefix"):
        numbering.format_serial("ACMEC", "26-27", 100_000)


def test_a_prefix_of_four_letters_has_credit_notes(paid: Buyer, sandbox: Sandbox) -> None:
    Seller.objects.update(invoice_prefix="ACME")
    refund.refund_by_policy(paid.enrollment_id, paid.person_id, actor_id=paid.person_id)
    note = issue.issue_credit_note(processed(paid, sandbox).pk)
    assert note is not None
    assert note.serial.startswith("ACMEC/")


@pytest.mark.parametrize("prefix", ["", "TOOLONG", "ab", "A B", "A/B", "É"])
def test_a_prefix_that_cannot_be_printed_is_refused(prefix: str) -> None:
    seller = Seller.objects.get()
    seller.invoice_prefix = prefix
    with pytest.raises(ValidationError) as refused:
        seller.clean_fields()
    assert "invoice_prefix" in refused.value.message_dict
