"""Disputes move as the gateway has them, and each step asks staff for what is theirs to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from matricula.enrollments.states import Stage
from matricula.flows import cancel, disputes, notices
from matricula.kernel import clock
from matricula.kernel.money import Money
from matricula.payments import gateways, ledger
from matricula.payments.models import Dispute, StaffTask
from matricula.payments.port import DisputeFacts, Notice
from tests.support.paying import (
    Buyer,
    assert_books_agree,
    charges,
    checkout,
    hear,
    open_tasks,
)
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.django_db
AMOUNT = 50_000


@pytest.fixture(autouse=True)
def _books_agree() -> Iterator[None]:
    yield
    assert_books_agree()


@pytest.fixture
def paid(sandbox: Sandbox) -> Buyer:
    buyer = checkout(sandbox)
    hear(buyer.pay()["razorpay_payment_id"])
    return buyer


def move(buyer: Buyer, *phases: str) -> list[Notice]:
    """The gateway moves the dispute on; its webhooks, in order, not handled yet."""
    (charge,) = charges(buyer)
    known = len(buyer.sandbox.events())
    for phase in phases:
        step = {"phase": phase, "amount": AMOUNT}
        buyer.sandbox.post(f"/_sandbox/payments/{charge.provider_payment_id}/dispute", step)
    provider = gateways.provider("razorpay")
    return [
        provider.read_stored({}, event["body"].encode()) for event in buyer.sandbox.events()[known:]
    ]


def hear_of(buyer: Buyer, *phases: str) -> None:
    for phase in phases:
        for notice in move(buyer, phase):
            assert notices.act("razorpay", notice)


def status() -> str:
    return Dispute.objects.get().status


def left(buyer: Buyer) -> int:
    return ledger.balance(charges(buyer)[0]).refundable.minor


def close_tasks(buyer: Buyer) -> None:
    StaffTask.objects.filter(closed_at=None).update(
        closed_at=clock.now(), closed_by=buyer.person_id, resolution="Done."
    )


def test_its_task_names_the_disputed_amount_and_its_date(paid: Buyer) -> None:
    hear_of(paid, "created")
    (task,) = open_tasks()
    assert task.detail.startswith("The dispute of 500.00 INR of a payment of 3538.82 INR")
    assert task.due_at == Dispute.objects.get().respond_by is not None
    assert "payment.disputed" in paid.told()


def test_a_stale_notice_moves_nothing_back(paid: Buyer) -> None:
    created = move(paid, "created")
    reviewed = move(paid, "under_review")
    for notice in [*reviewed, *created]:
        notices.act("razorpay", notice)
    assert status() == "under_review"
    assert paid.told().count("payment.disputed") == 1


def test_what_was_fetched_before_changes_nothing(paid: Buyer) -> None:
    hear_of(paid, "created", "lost", "won")
    known = Dispute.objects.get()
    facts = DisputeFacts(
        known.provider_dispute_id, known.charge.provider_payment_id, "lost", known.amount
    )
    disputes.record("razorpay", facts, clock.now() - timedelta(minutes=1))
    assert status() == "won"


def test_an_answer_asked_for_again_has_a_task_though_the_first_is_closed(paid: Buyer) -> None:
    hear_of(paid, "created")
    close_tasks(paid)
    hear_of(paid, "under_review")
    assert not open_tasks()
    hear_of(paid, "action_required")
    (task,) = open_tasks()
    assert "asks for more" in task.detail
    assert task.due_at is not None
    close_tasks(paid)
    hear_of(paid, "action_required")  # once more, without a review in between
    assert len(open_tasks()) == 1
    assert StaffTask.objects.filter(kind="dispute").count() == 3


def test_action_required_is_believed_where_the_entity_stays_open(paid: Buyer) -> None:
    hear_of(paid, "created")
    (notice,) = move(paid, "created")
    asked = Notice("evt_2", "x", "", "", "", notice.dispute_id, True, True)
    disputes.handle("razorpay", asked)
    assert status() == "action_required"
    disputes.handle("razorpay", notice)
    assert status() == "action_required"


def test_lost_takes_its_amount_and_asks_about_access(paid: Buyer) -> None:
    before = left(paid)
    hear_of(paid, "created", "under_review", "lost")
    assert before - left(paid) == AMOUNT
    (task,) = open_tasks()
    assert "lost" in task.detail
    assert task.due_at is None
    assert paid.stage is Stage.CONFIRMED


def test_won_after_lost_frees_the_money_and_tells_staff(paid: Buyer) -> None:
    before = left(paid)
    hear_of(paid, "created", "lost")
    close_tasks(paid)
    hear_of(paid, "won")
    assert left(paid) == before
    (task,) = open_tasks()
    assert "won after all" in task.detail
    hear_of(paid, "lost")
    assert before - left(paid) == AMOUNT
    hear_of(paid, "won")
    cancel.cancel(paid.enrollment_id, paid.person_id, actor_id=paid.person_id)
    assert paid.stage is Stage.REFUNDED
    assert left(paid) == 0


def test_won_at_once_leaves_no_open_question(paid: Buyer) -> None:
    hear_of(paid, "created", "won")
    (task,) = open_tasks()
    assert "Nothing is left to do" in task.detail


def test_one_that_cannot_be_read_is_a_task(sandbox: Sandbox) -> None:
    body = {"event": "payment.dispute.created", "payload": {"dispute": {"entity": {"id": 7}}}}
    provider = gateways.provider("razorpay")
    notice = provider.read_stored({"x-razorpay-event-id": "evt_1"}, json.dumps(body).encode())
    assert notices.act("razorpay", notice)
    (task,) = open_tasks()
    assert task.kind == StaffTask.Kind.GATEWAY
    assert "could not be read" in task.detail


def test_of_a_payment_we_do_not_have_it_is_a_task(db: None) -> None:
    facts = DisputeFacts("disp_9", "pay_9", "open", Money(AMOUNT, "INR"))
    disputes.record("razorpay", facts, clock.now())
    (task,) = open_tasks()
    assert "500.00 INR of the payment pay_9" in task.detail


def test_settled_in_another_currency_all_of_the_charge_is_taken(paid: Buyer) -> None:
    (charge,) = charges(paid)
    facts = DisputeFacts("disp_1", charge.provider_payment_id, "lost", Money(600, "USD"))
    disputes.record("razorpay", facts, clock.now())
    assert left(paid) == 0
