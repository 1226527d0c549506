"""The asking for an order's money: a gateway order is made between two transactions, and tried
again by whoever needs it.

Intent first (`checkout.place`), then the call, then its outcome, also when there was none: a
payment whose gateway order may or may not exist is `unknown`, and looked up by its receipt
before another is made (`receipt` with `unique_receipt`, https://razorpay.com/docs/api/orders/create/).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import structlog
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from matricula.enrollments import queries as enrollments
from matricula.enrollments.queries import EnrollmentRecord
from matricula.enrollments.states import Stage
from matricula.flows.locked import lock_order
from matricula.kernel import clock, events, ids
from matricula.kernel.connections import release_connection
from matricula.kernel.errors import IllegalState
from matricula.kernel.events import NewEvent
from matricula.orders import queries as orders
from matricula.orders.queries import OrderRecord
from matricula.orders.states import OrderState
from matricula.payments import actions as payments
from matricula.payments import gateways, queries
from matricula.payments.errors import (
    GatewayRefused,
    GatewayUnavailable,
    OutcomeUnknown,
    PaymentAlreadyCompleted,
)
from matricula.payments.models import StaffTask
from matricula.payments.port import GatewayOrder, OrderRequest
from matricula.payments.queries import PaymentRecord
from matricula.payments.states import PaymentState
from matricula.seats.errors import HoldEnded

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Session:
    """What a client needs to pay: the gateway's order for our payment. `expires_at` is when the
    seats are released."""

    payment: PaymentRecord
    order: OrderRecord
    public_key: str
    expires_at: datetime | None

    @property
    def is_ready(self) -> bool:
        """Whether the gateway order is there; if not, and it was not refused, ask again shortly."""
        return self.payment.provider_order_id is not None

    @property
    def is_refused(self) -> bool:
        """Whether the gateway refused to make the order: asking again is no use until staff has
        mended the set-up."""
        return self.payment.is_refused


def open_session(
    order_id: UUID, expires_at: datetime | None, *, ask_again: bool = False
) -> Session:
    """The order's session, its gateway order made when it is missing. Does not raise for a gateway
    that is away, or refuses: then the session is not ready. One that has refused is asked again
    only with `ask_again`.
    """
    return session_for(orders.read(order_id), expires_at, ask_again=ask_again)


def session_for(
    order: OrderRecord, expires_at: datetime | None, *, ask_again: bool = False
) -> Session:
    """As `open_session` for an order read already."""
    payment = queries.of_order(order.id)
    if payment is None:
        raise PaymentAlreadyCompleted
    is_missing = payment.provider_order_id is None and order.state is OrderState.OPEN
    if is_missing and (ask_again or not payment.is_refused):
        try:
            payment = ensure_gateway_order(payment)
        except (GatewayUnavailable, GatewayRefused) as error:
            log.warning("gateway_order_not_made", payment=str(payment.id), error=error.code)
            payment = queries.find(payment.id)
    key = gateways.provider(payment.provider).public_key
    return Session(payment, order, key, expires_at)


def ensure_gateway_order(payment: PaymentRecord, *, make: bool = True) -> PaymentRecord:
    """Finds the gateway order made before, or makes it. Two at once get the same. Without `make` it
    is only looked for, also where nobody knows of a call: a process may have died after it.

    Raises GatewayUnavailable, OutcomeUnknown or GatewayRefused; the outcome is recorded first.
    """
    provider = gateways.provider(payment.provider)
    receipt = ids.to_text("pay", payment.id)
    release_connection()
    try:
        found = None
        if payment.state is not PaymentState.CREATED or not make:
            found = provider.find_order(receipt)
        if found is None and make and payment.state is not PaymentState.CANCELLED:
            notes = {"order": ids.to_text("ord", payment.order_id), "payment": receipt}
            found = provider.create_order(OrderRequest(receipt, payment.amount, notes))
    except OutcomeUnknown:
        _record_nothing(payment.id, "lose_sight")
        raise
    except GatewayRefused as error:
        _record_refusal(payment.id, error)
        raise
    return queries.find(payment.id) if found is None else _record_order(payment, found)


@transaction.atomic
def _record_order(payment: PaymentRecord, found: GatewayOrder) -> PaymentRecord:
    state = payments.record_order(payments.lock(payment.id), found)
    return replace(payment, provider_order_id=found.id, state=state)


@transaction.atomic
def _record_nothing(payment_id: UUID, trigger: str) -> None:
    payments.move_if_allowed(payments.lock(payment_id), trigger)


@transaction.atomic
def _record_refusal(payment_id: UUID, error: GatewayRefused) -> None:
    """Nothing the buyer can mend: staff is asked to look at the set-up, once a day for all orders
    that are refused for the same reason."""
    payment = payments.lock(payment_id)
    payment.failure_code = error.reason[:80] or "refused"
    payment.failure_detail = error.said[: payments.LONGEST_DETAIL]
    payment.save(update_fields=["failure_code", "failure_detail"])
    reason = error.reason or str(error.http_status)
    payments.open_task(
        StaffTask.Kind.GATEWAY,
        f"refused {payment.provider} {reason[:30]} {clock.now():%Y-%m-%d}",
        f"{payment.provider} refuses to make orders, so that nobody can pay: {error.said} "
        f"The first today was {payment.receipt}.",
    )


def session_of(enrollment: EnrollmentRecord) -> Session | None:
    """The session of a pending paid enrollment; None when nothing is to be paid any more."""
    if enrollment.stage is not Stage.PAYMENT_PENDING:
        return None
    order = orders.of_enrollment(enrollment.id)
    if order is None:
        return None
    return session_for(order, enrollment.hold_expires_at)


def retry(enrollment_id: UUID, person_id: UUID) -> Session:
    """Another attempt on the same gateway order, after one that failed or was given up.

    Raises NotFound; HoldEnded when the time is over; PaymentAlreadyCompleted; IllegalState while a
    payment is authorized, since its money may arrive at any moment.
    """
    enrollment = enrollments.of_person(person_id, enrollment_id)
    order = orders.of_enrollment(enrollment_id)
    if enrollment.stage is Stage.EXPIRED:
        raise HoldEnded
    if order is None or enrollment.stage is Stage.CONFIRMED:
        raise PaymentAlreadyCompleted
    if enrollment.stage is not Stage.PAYMENT_PENDING:
        raise IllegalState(_("There is nothing to pay for here."))
    _begin_attempt(order.id)
    return open_session(order.id, enrollment.hold_expires_at, ask_again=True)


@transaction.atomic
def _begin_attempt(order_id: UUID) -> None:
    found = lock_order(order_id)
    if found.order.state != OrderState.OPEN:
        raise HoldEnded
    for payment in found.payments:
        if payment.order_id != order_id or payment.state == PaymentState.CANCELLED:
            continue
        if payment.state == PaymentState.AUTHORIZED:
            raise IllegalState(_("A payment is on its way. Wait until it is confirmed or fails."))
        if payment.state == PaymentState.CAPTURED:
            raise PaymentAlreadyCompleted
        if payment.state == PaymentState.FAILED:
            payment.attempt += 1
            payments.move(payment, "retry")
            about = {"order": str(order_id), "payment": str(payment.pk), "attempt": payment.attempt}
            events.append(
                [
                    NewEvent(
                        type="payment.pending",
                        subject=line.enrollment_id,
                        person=found.order.person_id,
                        data=about,
                    )
                    for line in found.lines
                ]
            )
