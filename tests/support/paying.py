"""Checkouts for tests of what happens to their money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from matricula.enrollments.models import Enrollment
from matricula.enrollments.states import Stage
from matricula.flows import doctor, enroll, notices, pay, reconcile, settle
from matricula.flows.enroll import Application
from matricula.kernel.models import Event
from matricula.orders.models import Order
from matricula.payments import queries as payments
from matricula.payments.models import Charge, Payment, Refund, StaffTask
from matricula.payments.port import HandBack
from matricula.payments.providers.razorpay.provider import RAZORPAY
from tests.support.people import person
from tests.support.sandbox import Sandbox


@dataclass
class Buyer:
    """Somebody with an open checkout of one course, and the gateway they pay at."""

    sandbox: Sandbox
    person_id: UUID
    enrollment_id: UUID
    order_id: UUID

    @property
    def enrollment(self) -> Enrollment:
        return Enrollment.objects.get(pk=self.enrollment_id)

    @property
    def stage(self) -> Stage:
        return Stage(self.enrollment.stage)

    @property
    def order(self) -> Order:
        return Order.objects.get(pk=self.order_id)

    @property
    def payment(self) -> Payment:
        return Payment.objects.exclude(state="cancelled").get(order=self.order_id)

    @property
    def gateway_order(self) -> str:
        found = Payment.objects.filter(order=self.order_id).latest("created_at").provider_order_id
        assert found is not None
        return found

    def pay(self, **options: Any) -> dict[str, Any]:
        """At the gateway; nobody has told us yet."""
        return self.sandbox.pay(self.gateway_order, **options)

    def hand_back(self, given: dict[str, Any]) -> None:
        """The browser comes back."""
        payment = Payment.objects.filter(order=self.order_id).latest("created_at")
        settle.hand_back(
            payments.find(payment.pk),
            HandBack(
                given["razorpay_payment_id"],
                given["razorpay_order_id"],
                given["razorpay_signature"],
            ),
        )

    def told(self) -> list[str]:
        """The events of the enrollment."""
        rows = Event.objects.filter(subject=self.enrollment_id).order_by("subject_seq")
        return [row.type for row in rows]


def checkout(
    sandbox: Sandbox,
    course: str = "full-stack-development",
    *,
    who: UUID | None = None,
    coupon: str = "",
) -> Buyer:
    """An open checkout whose gateway order is there."""
    person_id = who or person().pk
    receipt = enroll.enroll(Application(person_id, course, coupon_code=coupon or None))
    assert receipt.order_id is not None
    session = pay.open_session(receipt.order_id, receipt.hold_expires_at)
    assert session.is_ready
    return Buyer(sandbox, person_id, receipt.enrollment_id, receipt.order_id)


def hear(payment_id: str) -> None:
    """A webhook about this payment is handled."""
    settle.settle(RAZORPAY, payment_id)


def work() -> None:
    """What the worker does in a while: webhooks, refunds, open payments."""
    notices.handle_due()
    reconcile.send_due_refunds()


def charges(buyer: Buyer) -> list[Charge]:
    return list(Charge.objects.filter(payment__order=buyer.order_id).order_by("pk"))


def refunds(buyer: Buyer) -> list[Refund]:
    return list(Refund.objects.filter(charge__payment__order=buyer.order_id).order_by("pk"))


def open_tasks() -> list[StaffTask]:
    return list(StaffTask.objects.filter(closed_at=None))


def assert_books_agree() -> None:
    found = [str(finding) for finding in doctor.examine()]
    assert not found, found
