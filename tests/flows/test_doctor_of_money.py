"""The doctor names each broken promise about money."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.postgres.functions import TransactionNow
from django.db import connection

from matricula.enrollments.models import Enrollment
from matricula.flows import doctor, issue, refund
from matricula.orders.models import DocumentSeries, Order, OrderLine
from matricula.payments.models import Charge, InboxEvent, LedgerEntry, Refund, StaffTask
from matricula.pricing.models import Coupon
from tests.support.paying import Buyer, checkout, hear
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.django_db


def wrong_sum(buyer: Buyer) -> str:
    line = OrderLine.objects.get(order=buyer.order_id)
    OrderLine.objects.filter(pk=line.pk).update(
        net_minor=line.net_minor - 1, total_minor=line.total_minor - 1
    )
    return str(buyer.order_id)


def order_reopened(buyer: Buyer) -> str:
    Order.objects.filter(pk=buyer.order_id).update(state="open")
    return str(buyer.order_id)


def captured_for_nothing(buyer: Buyer) -> str:
    Charge.objects.filter(payment__order=buyer.order_id).update(verdict="extra")
    return buyer_charge(buyer).provider_payment_id


def wrong_amount_in_the_ledger(buyer: Buyer) -> str:
    LedgerEntry.objects.create(
        charge=buyer_charge(buyer), kind="refund", amount_minor=5, currency="INR", reference="x"
    )
    return buyer_charge(buyer).provider_payment_id


def refund_failed_unseen(buyer: Buyer) -> str:
    refund.refund_by_policy(buyer.enrollment_id, buyer.person_id, actor_id=buyer.person_id)
    Refund.objects.update(state="failed")
    StaffTask.objects.all().delete()
    return str(Refund.objects.get().pk)


def webhook_forgotten(buyer: Buyer) -> str:
    past = TransactionNow() - timedelta(minutes=11)
    row = InboxEvent.objects.create(
        provider="razorpay", event_id="evt-forgotten", type="payment.captured", headers={}, body=b""
    )
    InboxEvent.objects.filter(pk=row.pk).update(received_at=past)
    return "evt-forgotten"


def number_lost(buyer: Buyer) -> str:
    issue.issue_invoice(buyer.order_id)
    DocumentSeries.objects.update(last_number=2)
    return "last number 2"


def invoice_missing(buyer: Buyer) -> str:
    past = TransactionNow() - timedelta(minutes=11)
    Order.objects.filter(pk=buyer.order_id).update(paid_at=past)
    return str(buyer.order_id)


def coupon_miscounted(buyer: Buyer) -> str:
    Coupon.objects.filter(code="ONCE").update(taken=1)
    return "ONCE"


BROKEN: list[tuple[str, Callable[[Buyer], str]]] = [
    ("order_sums", wrong_sum),
    ("order_stages", order_reopened),
    ("captured_in_nothing", captured_for_nothing),
    ("ledger", wrong_amount_in_the_ledger),
    ("stuck_refunds", refund_failed_unseen),
    ("unhandled_webhooks", webhook_forgotten),
    ("document_gaps", number_lost),
    ("missing_documents", invoice_missing),
    ("coupon_limits", coupon_miscounted),
]


def buyer_charge(buyer: Buyer) -> Charge:
    return Charge.objects.get(payment__order=buyer.order_id)


@pytest.fixture
def paid(sandbox: Sandbox) -> Buyer:
    buyer = checkout(sandbox)
    hear(buyer.pay()["razorpay_payment_id"])
    assert doctor.examine() == []
    return buyer


@pytest.mark.parametrize(("check", "do_harm"), BROKEN)
def test_each_broken_promise_is_named(
    paid: Buyer, check: str, do_harm: Callable[[Buyer], str]
) -> None:
    named = do_harm(paid)
    found = [finding for finding in doctor.examine() if finding.check == check]
    assert [named in finding.detail for finding in found] == [True]


def test_the_ledger_only_grows(paid: Buyer) -> None:
    from django.db import IntegrityError, transaction

    for statement in (
        "DELETE FROM payments_ledgerentry",
        "UPDATE payments_ledgerentry SET kind=kind",
    ):
        with (
            pytest.raises(IntegrityError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


def test_a_pending_checkout_is_no_finding(sandbox: Sandbox) -> None:
    buyer = checkout(sandbox)
    assert Enrollment.objects.get(pk=buyer.enrollment_id).stage == "payment_pending"
    assert doctor.examine() == []
