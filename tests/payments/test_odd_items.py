"""One odd item in a gateway's list is set aside and reported; the others are handled."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from matricula.enrollments.states import Stage
from matricula.flows import reconcile
from matricula.kernel import clock
from matricula.payments.models import Payment, StaffTask
from matricula.payments.providers.razorpay import mapping
from matricula.payments.providers.razorpay.client import RazorpayClient
from tests.support.paying import checkout, open_tasks
from tests.support.sandbox import Sandbox

GOOD = {"id": "pay_1", "status": "captured", "amount": 100, "currency": "INR", "order_id": "o1"}
ODD: list[Any] = [
    {"amount": None},
    {"amount": -1},
    {"amount": 1.5},
    {"amount": "1e3"},
    {"amount": True},
    {"currency": "XXXX"},
    {"currency": None},
    {"id": 7},
    {"id": "pay\x00"},
    {"status": None},
    {"amount_refunded": "all"},
]


@pytest.mark.parametrize("change", ODD, ids=str)
def test_an_odd_item_is_set_aside_and_the_others_are_read(change: dict[str, Any]) -> None:
    content = {"items": [{**GOOD, **change}, GOOD, "nonsense"]}
    listing = mapping.listing_of(content, mapping.payment_of)
    assert [facts.id for facts in listing.items] == ["pay_1"]
    assert len(listing.unreadable) == 2
    assert all(item.id and item.problem for item in listing.unreadable)


@pytest.mark.parametrize("status", ["pending", "on_hold", "captured_soon"])
def test_an_unknown_status_is_not_captured(status: str) -> None:
    assert mapping.payment_of({**GOOD, "status": status}).status == "created"


def test_an_odd_fee_hides_no_payment() -> None:
    assert mapping.payment_of({**GOOD, "fee": 2.5}).fee is None


def test_texts_hold_nothing_that_the_database_refuses() -> None:
    facts = mapping.payment_of({**GOOD, "method": "u\x00p\ud800i"})
    assert facts.method == "upi"


@pytest.mark.django_db
@pytest.mark.parametrize("odd", [{"status": "pending", "id": "pay_cash"}, {"amount": None}, None])
def test_reconciliation_goes_on_past_an_odd_payment(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, odd: dict[str, Any] | None
) -> None:
    buyer = checkout(sandbox)
    buyer.pay(webhook="never")
    _list_also(monkeypatch, {**GOOD, "order_id": "", **odd} if odd is not None else odd)
    assert reconcile.settle_unheard().settled == 1
    assert buyer.stage is Stage.CONFIRMED
    is_readable = odd is not None and "status" in odd
    kinds = [task.kind for task in open_tasks() if task.cause.startswith("unreadable")]
    assert kinds == ([] if is_readable else [StaffTask.Kind.GATEWAY])


@pytest.mark.django_db
def test_an_odd_attempt_hides_no_captured_attempt_on_our_order(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    buyer = checkout(sandbox)
    buyer.pay(webhook="never")
    Payment.objects.update(next_check_at=clock.now() - timedelta(minutes=1))
    _list_also(monkeypatch, {"id": "pay_odd", "status": "captured"})
    assert reconcile.check_due().unanswered == 0
    assert buyer.stage is Stage.CONFIRMED
    assert [task.cause for task in open_tasks()] == ["unreadable pay_odd"]


def _list_also(monkeypatch: pytest.MonkeyPatch, item: Any) -> None:
    """The gateway lists this too, before everything else."""
    asked: Callable[..., dict[str, Any]] = RazorpayClient.get

    def get(client: RazorpayClient, path: str, **params: Any) -> dict[str, Any]:
        content = asked(client, path, **params)
        if isinstance(content.get("items"), list):
            content["items"].insert(0, item)
        return content

    monkeypatch.setattr(RazorpayClient, "get", get)
