"""A dispute about somebody else's sale in the same account."""

from __future__ import annotations

import pytest

from matricula.flows import disputes, enroll, settle
from matricula.flows.enroll import Application
from matricula.kernel import clock
from matricula.kernel.models import Event
from matricula.kernel.money import Money
from matricula.payments.models import Dispute
from matricula.payments.port import DisputeFacts
from tests.support.people import person
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.django_db


def test_it_touches_no_order_that_has_no_payment(sandbox: Sandbox) -> None:
    receipt = enroll.enroll(Application(person().pk, "evening-lab", coupon_code="ONCE"))
    account = sandbox.account
    foreign = sandbox.http.post(
        "/v1/orders",
        json={"amount": 5000, "currency": "INR", "receipt": "shop-1"},
        auth=(account.key_id, account.key_secret),
    ).json()
    payment_id = sandbox.pay(foreign["id"], webhook="never")["razorpay_payment_id"]
    settle.settle("razorpay", payment_id)
    facts = DisputeFacts("disp_1", payment_id, "open", Money(5000, "INR"))
    disputes.record("razorpay", facts, clock.now())
    assert Dispute.objects.get().charge.payment is None
    told = Event.objects.filter(subject=receipt.enrollment_id)
    assert "payment.disputed" not in set(told.values_list("type", flat=True))
