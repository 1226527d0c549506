"""Where the money for an enrollment stands, in the words of the public interface."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from matricula.orders import queries as orders
from matricula.orders.queries import LineRecord, OrderRecord
from matricula.payments import ledger, queries
from matricula.payments.queries import Fate, PaymentRecord
from matricula.payments.states import PaymentState


class PaymentStatus(StrEnum):
    NOT_REQUIRED = "not_required"
    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    DISPUTED = "disputed"


@dataclass(frozen=True)
class Standing:
    """The money of one enrollment: its order and line, our asking for it, and what came of it."""

    status: PaymentStatus
    order: OrderRecord | None = None
    line: LineRecord | None = None
    payment: PaymentRecord | None = None
    refunded_minor: int = 0


FREE = Standing(PaymentStatus.NOT_REQUIRED)
_STATUS_OF = {
    PaymentState.CREATED: PaymentStatus.PENDING,
    PaymentState.UNKNOWN: PaymentStatus.PENDING,
    PaymentState.PENDING: PaymentStatus.PENDING,
    PaymentState.CANCELLED: PaymentStatus.FAILED,
    PaymentState.AUTHORIZED: PaymentStatus.PROCESSING,
    PaymentState.CAPTURED: PaymentStatus.COMPLETED,
    PaymentState.FAILED: PaymentStatus.FAILED,
}


def of_enrollments(enrollment_ids: Iterable[UUID]) -> dict[UUID, Standing]:
    """The standing of each of these enrollments that has an order, in four queries at most."""
    found = orders.of_enrollments(enrollment_ids)
    if not found:
        return {}
    order_ids = {order.id for order in found.values()}
    payments = queries.of_orders(order_ids)
    lines = {
        enrollment_id: next(line for line in order.lines if line.enrollment_id == enrollment_id)
        for enrollment_id, order in found.items()
    }
    fates = queries.fates(order_ids)
    # What nobody tried to pay has nothing to give back.
    paid = [line.id for enrollment_id, line in lines.items() if found[enrollment_id].id in fates]
    given_back = ledger.given_back(paid) if paid else {}
    return {
        enrollment_id: _standing(
            order,
            lines[enrollment_id],
            payments.get(order.id),
            given_back.get(lines[enrollment_id].id, 0),
            fates.get(order.id),
        )
        for enrollment_id, order in found.items()
    }


def of_enrollment(enrollment_id: UUID) -> Standing:
    """The standing of one enrollment; the caller has checked whose it is."""
    return of_enrollments([enrollment_id]).get(enrollment_id, FREE)


def completed_at(standing: Standing) -> datetime | None:
    return standing.payment.completed_at if standing.payment is not None else None


def _standing(
    order: OrderRecord,
    line: LineRecord,
    payment: PaymentRecord | None,
    given_back: int,
    fate: Fate | None,
) -> Standing:
    if payment is None:
        return Standing(PaymentStatus.NOT_REQUIRED, order, line)
    status = _STATUS_OF[payment.state]
    if trouble := fate and _trouble(fate):
        status = trouble
    elif given_back >= line.total.minor > 0:
        status = PaymentStatus.REFUNDED
    elif given_back:
        status = PaymentStatus.PARTIALLY_REFUNDED
    return Standing(status, order, line, payment, given_back)


def _trouble(fate: Fate) -> PaymentStatus | None:
    """Where money is not where it should be; the gravest counts."""
    if fate.is_disputed:
        return PaymentStatus.DISPUTED
    if fate.is_settled:
        return None
    if fate.is_quarantined:
        return PaymentStatus.PROCESSING
    return PaymentStatus.REFUNDED if fate.is_late else None
