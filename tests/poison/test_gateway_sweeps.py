"""What visits the gateway: one payment or refund that always fails holds up no other."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from matricula.enrollments.states import Stage
from matricula.flows import issue, reconcile, settle
from matricula.orders.models import Document
from matricula.payments.models import Payment
from tests.poison.conftest import SetAside
from tests.poison.registry import poisons
from tests.support.paying import checkout
from tests.support.sandbox import Sandbox

JOBS = "matricula.flows.jobs"


def poison_settling(monkeypatch: pytest.MonkeyPatch, payment_id: str) -> None:
    """This payment cannot be settled, by a defect of ours."""
    real = settle.record_all

    def record_all(provider: str, told: Any) -> dict[str, Exception]:
        if any(news.facts.id == payment_id for news in told):
            raise KeyError("poison")
        return real(provider, told)

    monkeypatch.setattr(settle, "record_all", record_all)


@poisons(f"{JOBS}.catch_up_with_gateways")
def test_a_payment_that_cannot_be_settled_holds_up_no_other(
    sandbox: Sandbox, failed: SetAside, monkeypatch: pytest.MonkeyPatch
) -> None:
    buyers = [checkout(sandbox) for _ in range(3)]
    paid = [buyer.pay(webhook="never")["razorpay_payment_id"] for buyer in buyers]
    poison_settling(monkeypatch, paid[1])
    Payment.objects.filter(order__lines__enrollment__in=[b.enrollment.pk for b in buyers]).update(
        next_check_at="2020-01-01T00:00:00Z"
    )
    assert reconcile.check_due().unanswered == 1
    stages = [buyer.stage for buyer in buyers]
    assert stages == [Stage.CONFIRMED, Stage.PAYMENT_PENDING, Stage.CONFIRMED]


def test_a_refund_that_cannot_be_sent_holds_up_no_other(
    failed: SetAside, monkeypatch: pytest.MonkeyPatch
) -> None:
    refunds = [UUID(int=number) for number in range(3)]
    sent: list[UUID] = []

    def send(refund_id: UUID) -> bool:
        if refund_id == refunds[1]:
            raise KeyError("poison")
        sent.append(refund_id)
        return True

    monkeypatch.setattr(reconcile.queries, "due_refunds", lambda _limit: refunds)
    monkeypatch.setattr(reconcile.refund, "send", send)
    assert reconcile.send_due_refunds() == 2
    assert sent == [refunds[0], refunds[2]]
    assert failed.of("refunds") == [str(refunds[1])]


@poisons(f"{JOBS}.settle_unheard", f"{JOBS}.compare_with_gateway")
def test_a_captured_payment_that_cannot_be_settled_holds_up_no_other(
    sandbox: Sandbox, failed: SetAside, monkeypatch: pytest.MonkeyPatch
) -> None:
    buyers = [checkout(sandbox) for _ in range(3)]
    paid = [buyer.pay(webhook="never")["razorpay_payment_id"] for buyer in buyers]
    poison_settling(monkeypatch, paid[1])
    assert reconcile.settle_unheard().settled == 2
    assert [buyer.stage for buyer in (buyers[0], buyers[2])] == [Stage.CONFIRMED] * 2
    assert failed.of("captured_payments") == [paid[1]]


@poisons(f"{JOBS}.issue_missing")
def test_a_document_that_cannot_be_made_holds_up_no_other(
    sandbox: Sandbox, failed: SetAside, monkeypatch: pytest.MonkeyPatch
) -> None:
    buyers = [checkout(sandbox) for _ in range(2)]
    for buyer in buyers:
        buyer.hand_back(buyer.pay())
    bad, good = (buyer.order.pk for buyer in buyers)
    real = issue.issue_invoices

    def issue_invoices(order_ids: Any) -> Any:
        wanted = list(order_ids)
        if bad in wanted:
            raise KeyError("poison")
        return real(wanted)

    Document.objects.filter(order__in=[bad, good]).delete()
    monkeypatch.setattr(issue, "issue_invoices", issue_invoices)
    issue.issue_missing()
    assert Document.objects.filter(order=good).exists()
    assert failed.of("documents") == [str(bad)]
