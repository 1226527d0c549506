"""Reads of payments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib.postgres.functions import TransactionNow
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from matricula.kernel.errors import NotFound
from matricula.kernel.money import Money
from matricula.payments.models import Charge, Payment, Refund
from matricula.payments.states import (
    REFUND_LIVE,
    UNSETTLED,
    ChargeState,
    PaymentState,
    RefundState,
    Verdict,
)


@dataclass(frozen=True)
class PaymentRecord:
    """The asking for an order's money, and how it went so far."""

    id: UUID
    order_id: UUID
    person_id: UUID
    provider: str
    state: PaymentState
    amount: Money
    provider_order_id: str | None
    attempt: int
    failure_code: str
    failure_detail: str
    created_at: datetime
    completed_at: datetime | None


@dataclass(frozen=True)
class RefundRecord:
    """Money given back, or on its way."""

    id: UUID
    state: RefundState
    cause: str
    amount: Money
    requested_at: datetime
    completed_at: datetime | None


def find(payment_id: UUID) -> PaymentRecord:
    """Any payment; the caller checks whose it is. Raises NotFound."""
    return _one(Q(pk=payment_id))


def of_order(order_id: UUID) -> PaymentRecord | None:
    """The order's payment that counts: the one not cancelled, else the last."""
    rows = Payment.objects.filter(order=order_id).select_related("order")
    live = rows.exclude(state=PaymentState.CANCELLED).first()
    row = live or rows.order_by("-pk").first()
    return None if row is None else _record(row)


def of_orders(order_ids: Iterable[UUID]) -> dict[UUID, PaymentRecord]:
    """`of_order` for many, in one query."""
    rows = Payment.objects.filter(order__in=list(order_ids)).select_related("order").order_by("pk")
    found: dict[UUID, PaymentRecord] = {}
    for row in rows:
        known = found.get(row.order_id)
        if known is None or row.state != PaymentState.CANCELLED:
            found[row.order_id] = _record(row)
    return found


def of_gateway_order(provider: str, provider_order_id: str) -> PaymentRecord | None:
    """The payment that a gateway order was made for."""
    row = (
        Payment.objects.filter(provider=provider, provider_order_id=provider_order_id)
        .select_related("order")
        .first()
    )
    return None if row is None else _record(row)


def of_gateway_orders(provider: str, order_ids: Iterable[str]) -> dict[str, PaymentRecord]:
    """`of_gateway_order` for many, in one query: by the gateway's order."""
    rows = Payment.objects.filter(provider=provider, provider_order_id__in=set(order_ids))
    return {row.provider_order_id or "": _record(row) for row in rows.select_related("order")}


def without_gateway_order(provider: str, limit: int) -> list[UUID]:
    """Payments of which we don't know whether the gateway has an order, the newest first."""
    rows = Payment.objects.filter(
        provider=provider,
        provider_order_id=None,
        state__in=[PaymentState.CREATED, PaymentState.UNKNOWN, PaymentState.CANCELLED],
        next_check_at__isnull=False,
    )
    return list(rows.order_by("-pk").values_list("pk", flat=True)[:limit])


def due_checks(limit: int) -> list[UUID]:
    """Payments the gateway is to be asked about now, the longest waiting first."""
    rows = Payment.objects.filter(next_check_at__lte=TransactionNow(), state__in=UNSETTLED)
    return list(rows.order_by("next_check_at").values_list("pk", flat=True)[:limit])


def due_refunds(limit: int) -> list[UUID]:
    """Refunds to be sent, or looked up, now."""
    rows = Refund.objects.filter(next_try_at__lte=TransactionNow())
    return list(rows.order_by("next_try_at").values_list("pk", flat=True)[:limit])


def captured_among(provider: str, provider_payment_ids: Iterable[str]) -> set[str]:
    """Those of the gateway's payments that our books have as captured."""
    rows = Charge.objects.filter(
        provider=provider,
        provider_payment_id__in=set(provider_payment_ids),
        state=ChargeState.CAPTURED,
    )
    return set(rows.values_list("provider_payment_id", flat=True))


def settling_charge(order_id: UUID) -> Charge | None:
    """The charge that paid for the order."""
    return settling_charges([order_id]).get(order_id)


def settling_charges(order_ids: Iterable[UUID]) -> dict[UUID, Charge]:
    """The charges that paid for these orders, by order; those that are paid."""
    rows = Charge.objects.filter(payment__order__in=list(order_ids), verdict=Verdict.SETTLED)
    return {row.payment.order_id: row for row in rows.select_related("payment") if row.payment}


def latest_charge(payment_id: UUID) -> Charge | None:
    """The charge that settled the payment, else the latest attempt."""
    rows = Charge.objects.filter(payment=payment_id)
    return rows.filter(verdict=Verdict.SETTLED).first() or rows.order_by("-pk").first()


def refunds_of_order(order_id: UUID) -> list[RefundRecord]:
    """The order's refunds, the oldest first."""
    rows = Refund.objects.filter(charge__payment__order=order_id).order_by("pk")
    return [
        RefundRecord(
            id=row.pk,
            state=RefundState(row.state),
            cause=row.cause,
            amount=row.amount,
            requested_at=row.requested_at,
            completed_at=row.completed_at,
        )
        for row in rows
    ]


def refunded_minor(order_ids: Iterable[UUID]) -> dict[UUID, int]:
    """Minor units given back, or on their way, for the lines of each of these orders."""
    rows = Refund.objects.filter(
        charge__payment__order__in=list(order_ids),
        charge__verdict=Verdict.SETTLED,
        state__in=REFUND_LIVE,
    ).values_list("charge__payment__order", "amount_minor")
    sums: dict[UUID, int] = {}
    for order_id, minor in rows:
        sums[order_id] = sums.get(order_id, 0) + minor
    return sums


def _one(which: Q) -> PaymentRecord:
    row = Payment.objects.filter(which).select_related("order").first()
    if row is None:
        raise NotFound(_("There is no such payment."))
    return _record(row)


def _record(row: Payment) -> PaymentRecord:
    return PaymentRecord(
        id=row.pk,
        order_id=row.order_id,
        person_id=row.order.person_id,
        provider=row.provider,
        state=PaymentState(row.state),
        amount=row.amount,
        provider_order_id=row.provider_order_id,
        attempt=row.attempt,
        failure_code=row.failure_code,
        failure_detail=row.failure_detail,
        created_at=row.created_at,
        completed_at=row.completed_at,
    )
