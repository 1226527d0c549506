"""How a payment ends, whoever brings the news, in whatever order: over real HTTP to the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.postgres.functions import TransactionNow

from matricula.enrollments.models import Enrollment
from matricula.enrollments.states import Stage
from matricula.flows import cancel, expire, pay, reconcile, refund
from matricula.kernel.errors import IllegalState
from matricula.orders.states import OrderState
from matricula.payments.errors import PaymentAlreadyCompleted, SignatureInvalid
from matricula.payments.models import Payment, Refund
from matricula.payments.states import PaymentState, RefundState, Verdict
from matricula.seats.models import Hold, SeatCount
from tests.support.crowds import wait_until
from tests.support.paying import (
    Buyer,
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
    """Whatever happens in a test, `doctor` finds nothing afterwards."""
    yield
    assert_books_agree()


@pytest.fixture
def buyer(sandbox: Sandbox) -> Buyer:
    return checkout(sandbox)


def run_out(buyer: Buyer) -> None:
    """The time to pay is over, and the sweep has seen it."""
    past = TransactionNow() - timedelta(seconds=1)
    Hold.objects.filter(key=buyer.enrollment_id).update(expires_at=past)
    expire.expire_due()


def fill_up(buyer: Buyer) -> None:
    """Everybody else takes what is left of the cohort."""
    count = SeatCount.objects.get(pk=buyer.enrollment.cohort_id)
    SeatCount.objects.filter(pk=count.pk).update(capacity=count.held + count.sold)


def test_a_checkout_holds_a_seat_and_asks_for_the_exact_total(buyer: Buyer) -> None:
    assert buyer.stage is Stage.PAYMENT_PENDING
    assert buyer.order.total_minor == buyer.payment.amount_minor == 353_882
    assert buyer.payment.state == PaymentState.PENDING
    assert buyer.told() == ["enrollment.requested", "enrollment.held", "payment.pending"]


def test_the_browser_comes_back_and_the_person_is_in(buyer: Buyer) -> None:
    buyer.hand_back(buyer.pay())
    assert buyer.stage is Stage.CONFIRMED
    assert buyer.order.state == OrderState.PAID
    assert buyer.told()[3:] == ["payment.completed", "enrollment.confirmed", "access.granted"]


def test_webhook_first_then_browser_settles_once(buyer: Buyer) -> None:
    given = buyer.pay()
    hear(given["razorpay_payment_id"])
    told = buyer.told()
    buyer.hand_back(given)
    hear(given["razorpay_payment_id"])
    assert buyer.told() == told
    assert [charge.verdict for charge in charges(buyer)] == [Verdict.SETTLED]


def test_neither_browser_nor_webhook_come_and_the_reconciler_finds_it(buyer: Buyer) -> None:
    buyer.pay(webhook="never")
    reconcile.check(buyer.payment.pk)
    assert buyer.stage is Stage.CONFIRMED


def test_the_gateway_is_asked_before_a_seat_goes_back(buyer: Buyer) -> None:
    buyer.pay(webhook="never")
    past = TransactionNow() - timedelta(seconds=1)
    Hold.objects.filter(key=buyer.enrollment_id).update(expires_at=past)
    reconcile.check(buyer.payment.pk)
    expire.expire_due()
    assert buyer.stage is Stage.CONFIRMED


@pytest.mark.parametrize(
    "member", ["razorpay_signature", "razorpay_order_id", "razorpay_payment_id"]
)
def test_a_hand_back_that_was_touched_changes_nothing(buyer: Buyer, member: str) -> None:
    given = {**buyer.pay(webhook="never"), member: "pay_forged"}
    with pytest.raises(SignatureInvalid):
        buyer.hand_back(given)
    assert buyer.stage is Stage.PAYMENT_PENDING


@pytest.mark.parametrize("wrong", [{"amount": 100}, {"amount": 353_881}, {"currency": "USD"}])
def test_money_that_does_not_fit_is_quarantined(buyer: Buyer, wrong: dict[str, Any]) -> None:
    hear(buyer.pay(**wrong)["razorpay_payment_id"])
    assert buyer.stage is Stage.PAYMENT_PENDING
    assert [charge.verdict for charge in charges(buyer)] == [Verdict.QUARANTINED]
    (task,) = open_tasks()
    assert task.charge is not None

    refund.refund_charge(task.charge.pk, actor_id=buyer.person_id, reason="Wrong amount.")
    work()
    assert refunds(buyer)[0].state in {"pending", "processed"}
    assert not open_tasks()


def test_a_fee_borne_by_the_payer_is_no_mismatch(buyer: Buyer) -> None:
    fee = -(-353_882 * 236 // 10_000)
    with_fee = 353_882 + fee
    given = buyer.pay(amount=with_fee)
    facts_fee = -(-with_fee * 236 // 10_000)
    hear(given["razorpay_payment_id"])
    expected = Stage.CONFIRMED if facts_fee == fee else Stage.PAYMENT_PENDING
    assert buyer.stage is expected


def test_money_for_no_order_of_ours_is_kept_in_sight(sandbox: Sandbox) -> None:
    account = sandbox.account
    order = sandbox.http.post(
        "/v1/orders",
        json={"amount": 5000, "currency": "INR"},
        auth=(account.key_id, account.key_secret),
    ).json()
    hear(sandbox.pay(order["id"])["razorpay_payment_id"])
    (task,) = open_tasks()
    assert "not ours" in task.detail


def test_a_failed_attempt_keeps_the_seat_and_the_same_order_is_paid(buyer: Buyer) -> None:
    error = buyer.pay(vpa="failure@razorpay")["error"]
    hear(error["metadata"]["payment_id"])
    assert buyer.stage is Stage.PAYMENT_PENDING
    assert buyer.payment.state == PaymentState.FAILED
    assert "declined in the UPI app" in buyer.payment.failure_detail

    session = pay.retry(buyer.enrollment_id, buyer.person_id)
    assert session.payment.provider_order_id == buyer.gateway_order
    assert (buyer.payment.state, buyer.payment.attempt) == (PaymentState.PENDING, 2)
    buyer.hand_back(buyer.pay())
    assert buyer.stage is Stage.CONFIRMED
    assert "payment.failed" in buyer.told()


def test_the_same_payment_may_fail_and_then_succeed(buyer: Buyer, sandbox: Sandbox) -> None:
    failed = buyer.pay(vpa="failure@razorpay")["error"]["metadata"]["payment_id"]
    hear(failed)
    sandbox.post(f"/_sandbox/payments/{failed}/authorize")
    hear(failed)
    assert buyer.payment.state == PaymentState.AUTHORIZED
    with pytest.raises(IllegalState):
        pay.retry(buyer.enrollment_id, buyer.person_id)
    sandbox.post(f"/_sandbox/payments/{failed}/capture")
    hear(failed)
    assert buyer.stage is Stage.CONFIRMED


def test_a_stale_failure_undoes_nothing(buyer: Buyer, sandbox: Sandbox) -> None:
    from matricula.flows import settle
    from matricula.payments import gateways

    failed = buyer.pay(vpa="failure@razorpay")["error"]["metadata"]["payment_id"]
    stale = gateways.provider("razorpay").fetch_payment(failed)
    sandbox.post(f"/_sandbox/payments/{failed}/authorize")
    sandbox.post(f"/_sandbox/payments/{failed}/capture")
    hear(failed)
    settle.record("razorpay", stale)
    assert buyer.stage is Stage.CONFIRMED
    assert buyer.payment.state == PaymentState.CAPTURED


def test_what_the_gateway_left_uncaptured_is_captured_while_the_seat_is_held(
    buyer: Buyer, sandbox: Sandbox
) -> None:
    buyer.pay(status="authorized", webhook="never")
    sandbox.post("/_sandbox/clock", {"advance_seconds": -300})
    other = checkout(sandbox)
    other.pay(status="authorized", webhook="never")
    sandbox.post("/_sandbox/clock", {"advance_seconds": 300})
    reconcile.check(other.payment.pk)
    assert other.stage is Stage.CONFIRMED
    reconcile.check(buyer.payment.pk)
    assert buyer.payment.state == PaymentState.AUTHORIZED


def test_a_second_capture_goes_back_by_itself(buyer: Buyer) -> None:
    hear(buyer.pay()["razorpay_payment_id"])
    hear(buyer.pay(force=True)["razorpay_payment_id"])
    work()
    assert buyer.stage is Stage.CONFIRMED
    (back,) = refunds(buyer)
    assert back.cause == Refund.Cause.EXTRA
    assert back.state in {RefundState.PENDING, RefundState.PROCESSED}


# --- after the time was over ------------------------------------------------------------------


def test_late_money_takes_the_seat_again(buyer: Buyer) -> None:
    run_out(buyer)
    assert buyer.stage is Stage.EXPIRED
    hear(buyer.pay()["razorpay_payment_id"])
    assert buyer.stage is Stage.CONFIRMED
    assert buyer.order.state == OrderState.PAID


def test_late_money_goes_back_when_no_seat_is_left(buyer: Buyer) -> None:
    run_out(buyer)
    fill_up(buyer)
    hear(buyer.pay()["razorpay_payment_id"])
    work()
    assert buyer.stage is Stage.REFUNDED
    (back,) = refunds(buyer)
    assert (back.cause, back.amount_minor) == (Refund.Cause.LATE, 353_882)
    assert back.state in {RefundState.PENDING, RefundState.PROCESSED}
    assert "no seat was left" in buyer.enrollment.reason


def test_late_money_settles_what_the_person_began_anew(buyer: Buyer, sandbox: Sandbox) -> None:
    run_out(buyer)
    again = checkout(sandbox, who=buyer.person_id)
    hear(buyer.pay()["razorpay_payment_id"])
    assert again.stage is Stage.CONFIRMED
    assert again.order.state == OrderState.CANCELLED
    assert not refunds(buyer)

    hear(again.pay()["razorpay_payment_id"])
    (back,) = refunds(again)
    assert back.cause == Refund.Cause.LATE


def test_late_money_goes_back_when_the_person_paid_anew(buyer: Buyer, sandbox: Sandbox) -> None:
    run_out(buyer)
    again = checkout(sandbox, who=buyer.person_id)
    again.hand_back(again.pay())
    hear(buyer.pay()["razorpay_payment_id"])
    assert buyer.stage is Stage.REFUNDED
    assert again.stage is Stage.CONFIRMED
    assert len(refunds(buyer)) == 1


def test_money_for_a_cancelled_checkout_goes_back(buyer: Buyer) -> None:
    cancel.cancel(buyer.enrollment_id, buyer.person_id, actor_id=buyer.person_id)
    hear(buyer.pay()["razorpay_payment_id"])
    assert buyer.stage is Stage.CANCELLED
    assert [found.cause for found in refunds(buyer)] == [Refund.Cause.LATE]


def test_a_coupon_used_up_meanwhile_sends_late_money_back(sandbox: Sandbox) -> None:
    from matricula.pricing.models import Coupon

    Coupon.objects.create(code="HALF1", kind="percent", percent=50, total_limit=1)
    first = checkout(sandbox, coupon="HALF1")
    run_out(first)
    second = checkout(sandbox, coupon="half1")
    hear(first.pay()["razorpay_payment_id"])
    assert first.stage is Stage.REFUNDED
    second.hand_back(second.pay())
    assert second.stage is Stage.CONFIRMED


# --- the gateway misbehaves -------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["timeout_before_commit", "timeout_after_commit", "bad_gateway_html", "server_error"]
)
def test_an_order_whose_creation_had_no_answer_is_looked_up_first(
    sandbox: Sandbox, kind: str
) -> None:
    sandbox.faults({"kind": kind, "times": 1, "match": {"method": "POST", "path": "/v1/orders$"}})
    from matricula.flows import enroll
    from matricula.flows.enroll import Application
    from tests.support.people import person

    receipt = enroll.enroll(Application(person().pk, "full-stack-development"))
    assert receipt.order_id is not None
    session = pay.open_session(receipt.order_id, receipt.hold_expires_at)
    assert not session.is_ready
    assert session.payment.state is PaymentState.UNKNOWN
    session = pay.open_session(receipt.order_id, receipt.hold_expires_at)
    assert session.is_ready
    made = len(sandbox.requests("POST", "/v1/orders"))
    assert made == (1 if kind == "timeout_after_commit" else 2)
    buyer = Buyer(sandbox, session.order.person_id, receipt.enrollment_id, receipt.order_id)
    buyer.hand_back(buyer.pay())
    assert buyer.stage is Stage.CONFIRMED


def test_too_many_requests_leave_the_seat_held(sandbox: Sandbox) -> None:
    from matricula.flows import enroll
    from matricula.flows.enroll import Application
    from tests.support.people import person

    sandbox.faults({"kind": "rate_limit", "times": 1})
    receipt = enroll.enroll(Application(person().pk, "full-stack-development"))
    assert receipt.order_id is not None
    session = pay.open_session(receipt.order_id, receipt.hold_expires_at)
    assert not session.is_ready
    assert session.payment.state is PaymentState.CREATED
    assert pay.open_session(receipt.order_id, receipt.hold_expires_at).is_ready


def test_a_payment_for_an_order_we_did_not_hear_of_is_recognised(sandbox: Sandbox) -> None:
    from matricula.flows import enroll
    from matricula.flows.enroll import Application
    from tests.support.people import person

    sandbox.faults({"kind": "timeout_after_commit", "times": 1})
    receipt = enroll.enroll(Application(person().pk, "full-stack-development"))
    assert receipt.order_id is not None
    assert not pay.open_session(receipt.order_id, receipt.hold_expires_at).is_ready
    payment = Payment.objects.get(order=receipt.order_id)
    account = sandbox.account
    found = sandbox.http.get(
        "/v1/orders",
        params={"receipt": payment.receipt},
        auth=(account.key_id, account.key_secret),
    ).json()
    hear(sandbox.pay(found["items"][0]["id"])["razorpay_payment_id"])
    assert Enrollment.objects.get(pk=receipt.enrollment_id).stage == Stage.CONFIRMED


def test_paying_twice_is_refused_before_it_happens(buyer: Buyer) -> None:
    buyer.hand_back(buyer.pay())
    with pytest.raises(PaymentAlreadyCompleted):
        pay.retry(buyer.enrollment_id, buyer.person_id)


# --- money that came and went -------------------------------------------------------------------


def test_what_was_given_back_uncaptured_counts_as_a_failed_attempt(
    buyer: Buyer, sandbox: Sandbox
) -> None:
    payment_id = buyer.pay(status="authorized", webhook="never")["razorpay_payment_id"]
    hear(payment_id)
    sandbox.post("/_sandbox/clock", {"advance_seconds": 7200 * 60 + 10})
    account = sandbox.account
    path, auth = f"/v1/payments/{payment_id}", (account.key_id, account.key_secret)
    wait_until(lambda: sandbox.http.get(path, auth=auth).json()["status"] == "refunded")
    hear(payment_id)
    assert buyer.stage is Stage.PAYMENT_PENDING
    assert buyer.payment.state == PaymentState.FAILED
    assert not refunds(buyer)
    assert not open_tasks()


def test_money_given_back_before_we_heard_of_it_grants_nothing(
    buyer: Buyer, sandbox: Sandbox
) -> None:
    payment_id = buyer.pay(webhook="never")["razorpay_payment_id"]
    account = sandbox.account
    auth = (account.key_id, account.key_secret)
    sandbox.http.post(f"/v1/payments/{payment_id}/refund", json={}, auth=auth)
    hear(payment_id)
    assert buyer.stage is Stage.PAYMENT_PENDING
    assert [charge.verdict for charge in charges(buyer)] == [Verdict.QUARANTINED]
    assert "given back" in open_tasks()[0].detail
