"""Money given back in the gateway's dashboard: it counts for the lines it is for, and ends nothing
but what is left to give back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest

from matricula.enrollments.states import Stage
from matricula.flows import cancel, cart, disputes, doctor, issue, outside, pay, payment_status
from matricula.flows import refund as refunding
from matricula.flows.cart import Wish
from matricula.kernel import clock
from matricula.kernel.errors import IllegalState
from matricula.kernel.money import Money
from matricula.orders.models import Document, OrderLine
from matricula.payments.models import Refund, StaffTask
from matricula.payments.port import DisputeFacts
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
from tests.support.people import client_of, person
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _books_agree() -> Iterator[None]:
    yield
    assert_books_agree()


@pytest.fixture
def paid(sandbox: Sandbox) -> Buyer:
    buyer = checkout(sandbox)
    hear(buyer.pay()["razorpay_payment_id"])
    return buyer


@pytest.fixture
def cart_paid(sandbox: Sandbox) -> Buyer:
    someone = person()
    wishes = [Wish("full-stack-development"), Wish("evening-lab")]
    placed = cart.buy(someone.pk, wishes)
    assert pay.open_session(placed.order_id, None).is_ready
    buyer = Buyer(sandbox, someone.pk, placed.claims[0].enrollment_id, placed.order_id)
    hear(buyer.pay()["razorpay_payment_id"])
    return buyer


def give_back_outside(buyer: Buyer, minor: int) -> Refund:
    """Somebody refunds in the dashboard, and the gateway tells us."""
    account = buyer.sandbox.account
    payment_id = charges(buyer)[0].provider_payment_id
    made = buyer.sandbox.http.post(
        f"/v1/payments/{payment_id}/refund",
        json={"amount": minor},
        auth=(account.key_id, account.key_secret),
    ).json()
    buyer.sandbox.post(f"/_sandbox/refunds/{made['id']}/process")
    assert outside.record_from_gateway("razorpay", payment_id, made["id"])
    return Refund.objects.get(provider_refund_id=made["id"])


def lose_dispute(buyer: Buyer, minor: int) -> None:
    (charge,) = charges(buyer)
    facts = DisputeFacts("disp_1", charge.provider_payment_id, "lost", Money(minor, "INR"))
    disputes.record("razorpay", facts, clock.now())


def lines(buyer: Buyer) -> list[OrderLine]:
    return list(buyer.order.lines.order_by("position"))


def cancel_as_learner(buyer: Buyer) -> None:
    cancel.cancel(buyer.enrollment_id, buyer.person_id, actor_id=buyer.person_id)


def cancel_as_staff(buyer: Buyer) -> None:
    cancel.cancel(buyer.enrollment_id, buyer.person_id, actor_id=person().pk, reason="x")


@pytest.mark.parametrize("end", [cancel_as_learner, cancel_as_staff])
@pytest.mark.parametrize("take_all", [give_back_outside, lose_dispute])
def test_cancelling_ends_where_nothing_is_left(
    paid: Buyer, end: Callable[[Buyer], None], take_all: Callable[[Buyer, int], object]
) -> None:
    take_all(paid, paid.order.total_minor)
    end(paid)
    assert paid.stage is Stage.CANCELLED
    assert paid.told()[-1] == "access.revoked"


@pytest.mark.parametrize("take", [give_back_outside, lose_dispute])
def test_what_is_left_goes_back_when_somebody_cancels(
    paid: Buyer, take: Callable[[Buyer, int], object]
) -> None:
    take(paid, 100_000)
    cancel_as_learner(paid)
    assert paid.stage is Stage.REFUNDED
    assert refunds(paid)[-1].amount_minor == paid.order.total_minor - 100_000
    work()


def test_the_api_refunds_what_is_left_and_says_when_nothing_is(paid: Buyer) -> None:
    give_back_outside(paid, paid.order.total_minor)
    client = client_of(paid.person_id)
    from matricula.kernel import ids

    reference = ids.to_text("enr", paid.enrollment_id)
    refused = client.post(f"/enrollments/{reference}/refund", key="a" * 20)
    assert refused.status_code == 409
    assert "left to give back" in refused.json()["detail"]
    assert client.get(f"/enrollments/{reference}").json()["payment_status"] == "refunded"
    assert client.post(f"/enrollments/{reference}/cancel", key="b" * 20).status_code == 200


def test_staff_is_told_what_is_left(paid: Buyer) -> None:
    give_back_outside(paid, 100_000)
    (line,) = lines(paid)
    with pytest.raises(IllegalState) as refused:
        refunding.refund_by_staff(
            paid.order_id, {line.pk: line.total_minor}, actor_id=paid.person_id, reason="x"
        )
    left = Money(line.total_minor - 100_000, "INR").major
    assert str(left) in refused.value.detail


def test_of_one_line_it_counts_by_itself(paid: Buyer) -> None:
    row = give_back_outside(paid, 100_000)
    standing = payment_status.of_enrollment(paid.enrollment_id)
    assert standing.status == "partially_refunded"
    note = issue.issue_credit_note(row.pk)
    assert note is not None
    assert note.content["total_minor"] == 100_000
    assert [task.kind for task in open_tasks()] == [StaffTask.Kind.OUTSIDE]
    assert paid.told().count("payment.refunded") == 1


def test_heard_of_twice_it_is_recorded_once(paid: Buyer) -> None:
    row = give_back_outside(paid, 100_000)
    payment_id = row.charge.provider_payment_id
    assert outside.record_from_gateway("razorpay", payment_id, str(row.provider_refund_id))
    assert len(refunds(paid)) == len(open_tasks()) == 1


def test_of_several_lines_staff_assigns_it(cart_paid: Buyer) -> None:
    row = give_back_outside(cart_paid, 100_000)
    first, second = lines(cart_paid)
    assert payment_status.of_enrollment(first.enrollment_id).status == "completed"
    assert issue.issue_credit_note(row.pk) is None
    assert "payment.refunded" not in cart_paid.told()
    amounts = {first.pk: 60_000, second.pk: 40_000}
    outside.assign(row.pk, amounts, actor_id=cart_paid.person_id, reason="By phone")
    assert not open_tasks()
    assert payment_status.of_enrollment(second.enrollment_id).status == "partially_refunded"
    assert cart_paid.told().count("payment.refunded") == 1
    issue.issue_credit_note(row.pk)
    assert issue.issue_missing() == 0
    assert Document.objects.filter(kind="credit_note", cause=row.pk).count() == 1


@pytest.mark.parametrize("shares", [(60_000, 30_000), (100_000, 1), (0, 0)])
def test_an_assignment_that_does_not_sum_is_refused(
    cart_paid: Buyer, shares: tuple[int, int]
) -> None:
    row = give_back_outside(cart_paid, 100_000)
    amounts = dict(zip([line.pk for line in lines(cart_paid)], shares, strict=True))
    with pytest.raises(IllegalState):
        outside.assign(row.pk, amounts, actor_id=cart_paid.person_id, reason="x")


def test_it_is_assigned_once(paid: Buyer) -> None:
    row = give_back_outside(paid, 100_000)
    (line,) = lines(paid)
    with pytest.raises(IllegalState):
        outside.assign(row.pk, {line.pk: 100_000}, actor_id=paid.person_id, reason="x")


def test_unassigned_and_asked_of_nobody_is_found_by_the_doctor(cart_paid: Buyer) -> None:
    row = give_back_outside(cart_paid, 100_000)
    (task,) = open_tasks()
    StaffTask.objects.filter(pk=task.pk).update(closed_at=clock.now())
    assert [found.check for found in doctor.examine()] == ["unassigned_refunds"]
    first: UUID = lines(cart_paid)[0].pk
    outside.assign(row.pk, {first: 100_000}, actor_id=cart_paid.person_id, reason="x")


def test_a_refund_that_failed_and_arrives_after_all_counts_once(paid: Buyer) -> None:
    row = give_back_outside(paid, 100_000)
    from matricula.payments import ledger
    from matricula.payments.port import RefundFacts

    def told(status: str) -> int:
        facts = RefundFacts(
            str(row.provider_refund_id),
            row.charge.provider_payment_id,
            status,  # type: ignore[arg-type]
            row.amount,
        )
        refunding.record(row.pk, facts)
        return ledger.balance(row.charge).refundable.minor

    total = paid.order.total_minor
    seen = [told(status) for status in ("failed", "processed", "processed", "failed", "processed")]
    assert seen == [total, total - 100_000, total - 100_000, total, total - 100_000]
