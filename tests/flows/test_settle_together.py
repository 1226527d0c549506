"""Many payments settled at once: as each alone, with the queries of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from matricula.enrollments.states import Stage
from matricula.flows import cancel, notices, settle
from matricula.kernel.models import Event
from matricula.payments import inbox
from matricula.payments.models import InboxEvent
from matricula.payments.providers.razorpay.provider import RAZORPAY
from matricula.payments.states import Verdict
from matricula.seats.models import SeatCount
from tests.support.paying import Buyer, assert_books_agree, charges, checkout, open_tasks, refunds
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _books_agree() -> Iterator[None]:
    yield
    assert_books_agree()


def paid(sandbox: Sandbox, count: int) -> dict[str, Buyer]:
    """So many buyers whose payment nobody has told us of, by the gateway's payment."""
    buyers = [checkout(sandbox) for _ in range(count)]
    return {buyer.pay(webhook="never")["razorpay_payment_id"]: buyer for buyer in buyers}


def hints(payment_ids: Sequence[str]) -> dict[str, str]:
    return {payment_id: f"told-{payment_id}" for payment_id in payment_ids}


def test_all_are_settled_each_by_what_brought_it_up(sandbox: Sandbox) -> None:
    buyers = paid(sandbox, 4)
    assert settle.settle_all(RAZORPAY, hints(list(buyers))) == {}
    for payment_id, buyer in buyers.items():
        assert buyer.stage is Stage.CONFIRMED
        assert buyer.told()[3:] == ["payment.completed", "enrollment.confirmed", "access.granted"]
        told = Event.objects.filter(subject=buyer.enrollment_id, type="payment.completed")
        assert told.get().correlation_id == f"told-{payment_id}"


def test_many_cost_as_many_queries_as_one(sandbox: Sandbox) -> None:
    one, five = paid(sandbox, 1), paid(sandbox, 5)
    with CaptureQueriesContext(connection) as alone:
        settle.settle_all(RAZORPAY, hints(list(one)))
    with CaptureQueriesContext(connection) as together:
        settle.settle_all(RAZORPAY, hints(list(five)))
    assert len(together) == len(alone) <= 25


def test_many_are_fetched_in_one_call(sandbox: Sandbox) -> None:
    buyers = paid(sandbox, 5)
    before = len(sandbox.requests("GET", "/v1/payments"))
    settle.settle_all(RAZORPAY, hints(list(buyers)))
    assert len(sandbox.requests("GET", "/v1/payments")) == before + 1
    assert not [r for p in buyers for r in sandbox.requests("GET", f"/v1/payments/{p}")]


def test_where_the_newest_cannot_be_read_each_is_fetched(sandbox: Sandbox) -> None:
    buyers = paid(sandbox, 4)
    sandbox.faults({"kind": "server_error", "match": {"path": "/v1/payments$"}})
    assert settle.settle_all(RAZORPAY, hints(list(buyers))) == {}
    assert {buyer.stage for buyer in buyers.values()} == {Stage.CONFIRMED}


def test_one_that_cannot_be_fetched_keeps_no_other_from_it(sandbox: Sandbox) -> None:
    buyers = paid(sandbox, 3)
    lost = next(iter(buyers))
    sandbox.faults(
        {"kind": "server_error", "match": {"path": "/v1/payments$"}},
        {"kind": "server_error", "match": {"path": lost}},
    )
    assert settle.settle_all(RAZORPAY, hints(list(buyers))).keys() == {lost}
    assert buyers.pop(lost).stage is Stage.PAYMENT_PENDING
    assert {buyer.stage for buyer in buyers.values()} == {Stage.CONFIRMED}


def test_one_that_breaks_keeps_no_other_from_it(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect that only one of them meets: its transaction alone is lost."""
    buyers = paid(sandbox, 3)
    broken, last = next(iter(buyers.items())), list(buyers.values())[-1]
    take_seats = settle.fulfil.take_seats

    def breaking(paid_for: Sequence[tuple[settle.LockedOrder, settle.Payment]]) -> object:
        assert broken[1].order_id not in {found.order.pk for found, _ in paid_for}, "broken"
        return take_seats(paid_for)

    monkeypatch.setattr(settle.fulfil, "take_seats", breaking)
    failed = settle.settle_all(RAZORPAY, hints(list(buyers)))
    assert failed.keys() == {broken[0]}
    assert broken[1].stage is Stage.PAYMENT_PENDING
    assert last.stage is Stage.CONFIRMED


def test_each_gets_the_verdict_it_would_get_alone(sandbox: Sandbox) -> None:
    plain, twice, cancelled, wrong = (checkout(sandbox) for _ in range(4))
    settle.settle(RAZORPAY, twice.pay(webhook="never")["razorpay_payment_id"])
    cancel.cancel(cancelled.enrollment_id, cancelled.person_id, actor_id=cancelled.person_id)
    given = [
        plain.pay(webhook="never"),
        twice.pay(webhook="never", force=True),
        cancelled.pay(webhook="never"),
        wrong.pay(webhook="never", amount=353_881),
    ]
    assert settle.settle_all(RAZORPAY, hints([g["razorpay_payment_id"] for g in given])) == {}
    verdicts = [[str(c.verdict) for c in charges(b)] for b in (plain, twice, cancelled, wrong)]
    assert verdicts == [["settled"], ["settled", "extra"], ["late"], ["quarantined"]]
    assert [len(refunds(b)) for b in (plain, twice, cancelled, wrong)] == [0, 1, 1, 0]
    assert len(open_tasks()) == 1


def test_two_payments_of_one_person_follow_each_other(sandbox: Sandbox) -> None:
    first = checkout(sandbox)
    other = checkout(sandbox, "evening-lab", who=first.person_id)
    ids = [
        first.pay(webhook="never")["razorpay_payment_id"],
        other.pay(webhook="never")["razorpay_payment_id"],
        first.pay(webhook="never", force=True)["razorpay_payment_id"],
    ]
    assert settle.settle_all(RAZORPAY, hints(ids)) == {}
    assert (first.stage, other.stage) == (Stage.CONFIRMED, Stage.CONFIRMED)
    assert sorted(charge.verdict for charge in charges(first)) == [Verdict.EXTRA, Verdict.SETTLED]


def test_the_last_seat_goes_to_one_of_two_late_payments(sandbox: Sandbox) -> None:
    from tests.flows.test_settle import run_out

    buyers = paid(sandbox, 2)
    for buyer in buyers.values():
        run_out(buyer)  # the gateway is asked first, and both are in
    assert {buyer.stage for buyer in buyers.values()} == {Stage.CONFIRMED}
    late = [checkout(sandbox), checkout(sandbox)]
    for buyer in late:
        run_out(buyer)
    count = SeatCount.objects.get(pk=late[0].enrollment.cohort_id)
    SeatCount.objects.filter(pk=count.pk).update(capacity=count.held + count.sold + 1)
    ids = [buyer.pay(webhook="never")["razorpay_payment_id"] for buyer in late]
    assert settle.settle_all(RAZORPAY, hints(ids)) == {}
    assert sorted(buyer.stage for buyer in late) == [Stage.CONFIRMED, Stage.REFUNDED]


def test_the_webhooks_of_a_payment_ask_the_gateway_once(sandbox: Sandbox) -> None:
    buyer = checkout(sandbox)
    payment_id = buyer.pay(webhook="never")["razorpay_payment_id"]
    for number, event in enumerate(sandbox.events()):
        InboxEvent.objects.create(
            provider=RAZORPAY,
            event_id=f"evt{number}",
            type=event["event"],
            headers={},
            body=event["body"].encode(),
        )
    assert notices.handle_due() == 3
    assert len(sandbox.requests("GET", f"/v1/payments/{payment_id}")) == 1
    assert set(InboxEvent.objects.values_list("state", flat=True)) == {"handled"}
    assert notices.handle_due() == 0
    assert inbox.take(10) == []


def test_one_whose_answer_breaks_the_reading_keeps_no_other_from_it(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect of ours in reading one of them, of whatever kind."""
    from matricula.payments.providers.razorpay import mapping

    buyers = paid(sandbox, 4)
    broken = next(iter(buyers))
    read = mapping.payment_of

    def breaking(content: dict[str, object]) -> object:
        if content["id"] == broken:
            raise TypeError("a defect")
        return read(content)

    monkeypatch.setattr(mapping, "payment_of", breaking)
    assert settle.settle_all(RAZORPAY, hints(list(buyers))).keys() == {broken}
    assert buyers.pop(broken).stage is Stage.PAYMENT_PENDING
    assert {buyer.stage for buyer in buyers.values()} == {Stage.CONFIRMED}
