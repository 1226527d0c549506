"""What nobody tells us is found by asking."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from matricula.enrollments.states import Stage
from matricula.flows import outside, reconcile, refund
from matricula.kernel import clock
from matricula.payments import fetching
from matricula.payments.models import Payment, Refund, StaffTask
from matricula.payments.states import RefundState
from tests.support.paying import (
    assert_books_agree,
    charges,
    checkout,
    hear,
    open_tasks,
    refunds,
    work,
)
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _books_agree() -> Iterator[None]:
    yield
    assert_books_agree()


def test_a_second_payment_nobody_told_of_is_found_and_given_back(sandbox: Sandbox) -> None:
    buyer = checkout(sandbox)
    hear(buyer.pay()["razorpay_payment_id"])
    buyer.pay(force=True, webhook="never")
    assert reconcile.settle_unheard().settled == 1
    assert reconcile.settle_unheard().settled == 0
    assert len(charges(buyer)) == 2
    assert [row.cause for row in refunds(buyer)] == [Refund.Cause.EXTRA]


def test_the_nightly_comparison_settles_what_only_the_gateway_knows(sandbox: Sandbox) -> None:
    buyer = checkout(sandbox)
    buyer.pay(webhook="never")
    summary = reconcile.compare_lately()
    assert (summary.compared, summary.settled, summary.differences) == (1, 1, 0)
    assert buyer.stage is Stage.CONFIRMED
    assert [task.kind for task in open_tasks()] == [StaffTask.Kind.GATEWAY]  # no webhook came


def test_what_only_we_know_is_reported(sandbox: Sandbox) -> None:
    buyer = checkout(sandbox)
    hear(buyer.pay()["razorpay_payment_id"])
    sandbox.reset()
    end = clock.now() + timedelta(hours=1)
    summary = reconcile.compare("razorpay", end - timedelta(hours=3), end)
    assert summary.differences == 1
    assert "the gateway does not" in open_tasks()[0].detail


def test_a_refund_made_at_the_gateway_is_found(sandbox: Sandbox) -> None:
    buyer = checkout(sandbox)
    payment_id = buyer.pay()["razorpay_payment_id"]
    hear(payment_id)
    account = sandbox.account
    sandbox.http.post(
        f"/v1/payments/{payment_id}/refund",
        json={"amount": 1000},
        auth=(account.key_id, account.key_secret),
    )
    reconcile.settle_unheard()
    (row,) = refunds(buyer)
    assert (row.cause, row.amount_minor) == (Refund.Cause.OUTSIDE, 1000)
    assert len(open_tasks()) == 1


def test_a_silent_gateway_is_no_error(sandbox: Sandbox) -> None:
    buyer = checkout(sandbox)
    Payment.objects.update(next_check_at=clock.now() - timedelta(minutes=1))
    sandbox.faults({"kind": "server_error"})
    summary = reconcile.check_due()
    assert (summary.checked, summary.unanswered) == (1, 1)
    assert buyer.payment.next_check_at is not None


def test_a_gateway_that_answers_nothing_is_left_alone_until_the_next_visit(
    sandbox: Sandbox,
) -> None:
    buyers = [checkout(sandbox) for _ in range(fetching.AT_ONCE + 2)]
    Payment.objects.update(next_check_at=clock.now() - timedelta(minutes=1))
    sandbox.faults({"kind": "server_error"})
    summary = reconcile.check_due()
    assert (summary.checked, summary.is_silent) == (fetching.AT_ONCE, True)
    left = [buyer for buyer in buyers if buyer.payment.next_check_at < clock.now()]
    assert len(left) == len(buyers) - fetching.AT_ONCE


def test_orders_are_not_looked_for_one_after_the_other_at_a_silent_gateway(
    sandbox: Sandbox,
) -> None:
    buyers = [checkout(sandbox) for _ in range(3)]
    Payment.objects.update(provider_order_id=None)
    sandbox.faults({"kind": "server_error"})
    asked = len(sandbox.requests("GET", "/v1/orders"))
    assert len(reconcile.check_all([buyer.payment.pk for buyer in buyers])) == len(buyers)
    assert len(sandbox.requests("GET", "/v1/orders")) == asked + 1


def test_refunds_wait_for_a_gateway_that_answers(sandbox: Sandbox) -> None:
    for _ in range(2):
        buyer = checkout(sandbox)
        hear(buyer.pay()["razorpay_payment_id"])
        refund.refund_by_policy(buyer.enrollment_id, buyer.person_id, actor_id=buyer.person_id)
    Refund.objects.update(next_try_at=clock.now() - timedelta(minutes=1))
    sandbox.faults({"kind": "server_error"})
    assert reconcile.send_due_refunds() == 1
    sandbox.faults()
    assert reconcile.send_due_refunds() == 1
    Refund.objects.update(next_try_at=clock.now() - timedelta(minutes=1))
    work()


@pytest.mark.parametrize("steps", [("process", "fail"), ("fail",)])
def test_a_refund_that_fails_is_noticed_at_once_or_days_later(
    sandbox: Sandbox, steps: tuple[str, ...]
) -> None:
    buyer = checkout(sandbox)
    hear(buyer.pay()["razorpay_payment_id"])
    refund.refund_by_policy(buyer.enrollment_id, buyer.person_id, actor_id=buyer.person_id)
    work()
    (row,) = refunds(buyer)
    states = {"process": RefundState.PROCESSED, "fail": RefundState.FAILED}
    for step in steps:
        sandbox.post(f"/_sandbox/refunds/{row.provider_refund_id}/{step}")
        outside.record_from_gateway(
            "razorpay", row.charge.provider_payment_id, str(row.provider_refund_id)
        )
        row.refresh_from_db()
        assert row.state == states[step]
    (task,) = open_tasks()
    again = refund.refund_again(row.pk, actor_id=buyer.person_id)
    work()
    again.refresh_from_db()
    assert again.state in {RefundState.PENDING, RefundState.PROCESSED}
    assert not open_tasks()
    assert task.refund_id == row.pk


@pytest.mark.parametrize("kind", ["timeout_before_commit", "timeout_after_commit"])
def test_a_refund_without_an_answer_is_made_once(sandbox: Sandbox, kind: str) -> None:
    buyer = checkout(sandbox)
    payment_id = buyer.pay()["razorpay_payment_id"]
    hear(payment_id)
    refund.refund_by_policy(buyer.enrollment_id, buyer.person_id, actor_id=buyer.person_id)
    sandbox.faults({"kind": kind, "times": 1, "match": {"method": "POST"}})
    (row,) = refunds(buyer)
    refund.send(row.pk)
    row.refresh_from_db()
    assert row.state == RefundState.UNKNOWN
    refund.send(row.pk)
    account = sandbox.account
    found = sandbox.http.get(
        f"/v1/payments/{payment_id}/refunds", auth=(account.key_id, account.key_secret)
    ).json()
    assert found["count"] == 1
    row.refresh_from_db()
    assert row.provider_refund_id == found["items"][0]["id"]
