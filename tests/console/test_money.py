"""The money side of the console: what staff sees, and what they can do about it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from matricula.accounts.models import Person
from matricula.flows import cart, pay, refund
from matricula.flows.cart import Wish
from matricula.kernel.models import Event
from matricula.kernel.money import Money
from matricula.orders.models import Order
from matricula.payments.models import InboxEvent, Refund, StaffTask
from matricula.pricing.models import Coupon
from matricula.taxids.models import TaxId
from tests.console.addresses import (
    COUPONS,
    INBOX,
    MONEY,
    ORDERS,
    PAYMENTS,
    REFUNDS,
    TASKS,
    TAX_IDS,
    change,
)
from tests.flows.test_outside import give_back_outside
from tests.support.paying import (
    Buyer,
    assert_books_agree,
    checkout,
    hear,
    open_tasks,
    refunds,
    work,
)
from tests.support.people import person
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def paid(sandbox: Sandbox) -> Buyer:
    buyer = checkout(sandbox)
    hear(buyer.pay()["razorpay_payment_id"])
    return buyer


def act(console: Client, listing: str, key: object, action: str, **answers: Any) -> str:
    """Sends an action's form; the words on the page it leads to."""
    address = f"{listing}{key}/{action}/"
    assert console.get(address).status_code == 200
    response = console.post(address, answers, follow=True)
    assert response.status_code == 200
    return str(response.content.decode())


@pytest.mark.parametrize("listing", MONEY)
def test_staff_without_rights_sees_no_money(listing: str) -> None:
    nobody = person(full_name="Instructor")
    Person.objects.filter(pk=nobody.pk).update(is_staff=True)
    browser = Client(HTTP_HOST="127.0.0.1")
    browser.force_login(
        Person.objects.get(pk=nobody.pk),
        backend="allauth.account.auth_backends.AuthenticationBackend",
    )
    assert browser.get(listing).status_code == 403


def test_every_page_of_a_paid_order_opens(console: Client, paid: Buyer) -> None:
    refund.refund_by_policy(paid.enrollment_id, paid.person_id, actor_id=paid.person_id)
    row = refunds(paid)[0]
    pages = (
        change(ORDERS, paid.order_id),
        change(PAYMENTS, paid.payment.pk),
        change(REFUNDS, row.pk),
        f"{ORDERS}?q={paid.order.buyer_email}",
        f"{PAYMENTS}?q={paid.gateway_order}",
        f"{REFUNDS}?q={row}",
    )
    for address in pages:
        assert console.get(address).status_code == 200, address


def test_staff_refunds_a_line(console: Client, paid: Buyer) -> None:
    words = act(console, ORDERS, paid.order_id, "refund", line_1="1000.50", reason="Goodwill")
    assert "on its way" in words
    (row,) = refunds(paid)
    assert (row.amount_minor, row.cause) == (100_050, Refund.Cause.STAFF)
    assert paid.stage == "confirmed"  # the switch was off
    assert_books_agree()


def test_more_than_was_paid_is_refused(console: Client, paid: Buyer) -> None:
    response = console.post(f"{ORDERS}{paid.order_id}/refund/", {"line_1": "9999", "reason": "x"})
    assert response.status_code == 200
    assert not refunds(paid)


def test_an_order_is_marked_paid_by_its_bank_reference(console: Client, sandbox: Sandbox) -> None:
    buyer = checkout(sandbox)
    assert "Marked as paid" in act(console, ORDERS, buyer.order_id, "mark-paid", reference="NEFT 7")
    assert buyer.stage == "confirmed"
    again = act(console, ORDERS, buyer.order_id, "mark-paid", reference="NEFT 8")
    assert "Not done" in again
    hear(buyer.sandbox.pay(_first_order(buyer))["razorpay_payment_id"])
    assert [row.cause for row in refunds(buyer)] == [Refund.Cause.EXTRA]
    assert_books_agree()


def _first_order(buyer: Buyer) -> str:
    from matricula.payments.models import Payment

    return str(Payment.objects.get(order=buyer.order_id, provider="razorpay").provider_order_id)


def test_an_offline_refund_is_paid_out_by_hand(console: Client, sandbox: Sandbox) -> None:
    buyer = checkout(sandbox)
    act(console, ORDERS, buyer.order_id, "mark-paid", reference="CASH 1")
    refund.refund_by_policy(buyer.enrollment_id, buyer.person_id, actor_id=buyer.person_id)
    work()
    (row,) = refunds(buyer)
    assert row.state == "pending"
    assert "Noted" in act(console, REFUNDS, row.pk, "paid-out", reference="CASH back")
    row.refresh_from_db()
    assert row.state == "processed"
    assert_books_agree()


def test_a_quarantined_payment_is_given_back(console: Client, sandbox: Sandbox) -> None:
    buyer = checkout(sandbox)
    hear(buyer.pay(amount=100)["razorpay_payment_id"])
    (task,) = open_tasks()
    assert "on its way" in act(console, TASKS, task.pk, "refund", reason="Wrong amount")
    assert not open_tasks()
    assert_books_agree()


def test_a_task_is_closed_with_what_was_done(console: Client) -> None:
    task = StaffTask.objects.create(kind="gateway", cause="x", detail="Look")
    assert "Closed" in act(console, TASKS, task.pk, "close", reason="Called them")
    task.refresh_from_db()
    assert task.resolution == "Called them"


def test_a_webhook_is_replayed(console: Client) -> None:
    event = InboxEvent.objects.create(
        provider="razorpay", event_id="e1", type="x", headers={}, body=b'{"a": "<b>"}', tries=3
    )
    InboxEvent.objects.filter(pk=event.pk).update(next_try_at=None)
    assert "&lt;b&gt;" in console.get(change(INBOX, event.pk)).content.decode()
    console.get(f"{INBOX}{event.pk}/replay/")
    event.refresh_from_db()
    assert event.tries == 0


def test_codes_are_generated_like_a_template(console: Client) -> None:
    template = Coupon.objects.get(code="SAVE50")
    words = act(console, COUPONS, template.pk, "generate", count="25", label="Fair 2026")
    assert "Made" in words
    assert Coupon.objects.filter(batch="Fair 2026", percent=50).count() == 25
    assert console.get(f"{COUPONS}?q=Fair+2026").status_code == 200
    assert console.get(change(COUPONS, template.pk)).status_code == 200


def test_staff_decides_about_a_vat_id_with_a_reason(console: Client) -> None:
    row = TaxId.objects.create(number="FR40303265045")
    assert "FR40303265045" in console.get(TAX_IDS).content.decode()
    act(console, TAX_IDS, row.pk, "confirm", reason="Certificate seen.")
    row.refresh_from_db()
    assert (row.state, row.reason) == ("confirmed", "Certificate seen.")
    told = Event.objects.get(type="tax_id.confirmed", subject=row.pk)
    assert told.actor == row.decided_by_id
    act(console, TAX_IDS, row.pk, "refuse", reason="It was forged.")
    row.refresh_from_db()
    assert row.state == "refused"


def test_staff_assigns_a_refund_made_at_the_gateway(console: Client, sandbox: Sandbox) -> None:
    wishes = [Wish("full-stack-development"), Wish("evening-lab")]
    placed = cart.buy(person().pk, wishes)
    assert pay.open_session(placed.order_id, None).is_ready
    enrollment_id = placed.claims[0].enrollment_id
    buyer = Buyer(sandbox, Order.objects.get().person_id, enrollment_id, placed.order_id)
    hear(buyer.pay()["razorpay_payment_id"])
    row = give_back_outside(buyer, 100_000)
    assert "Not done" in act(console, REFUNDS, row.pk, "assign", line_1="999", reason="x")
    words = act(console, REFUNDS, row.pk, "assign", line_1="600", line_2="400", reason="x")
    assert "Assigned." in words
    assert list(row.parts.order_by("amount_minor").values_list("amount_minor", flat=True)) == [
        40_000,
        60_000,
    ]
    page = console.get(f"{ORDERS}{buyer.order_id}/refund/").content.decode()
    line = buyer.order.lines.get(position=1)
    assert str(Money(line.total_minor - 60_000, "INR").major) in page
    assert_books_agree()
