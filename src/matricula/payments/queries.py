"""Reads of payments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.postgres.functions import TransactionNow
from django.db import connection
from django.utils.translation import gettext_lazy as _

from matricula.kernel.errors import NotFound
from matricula.kernel.money import Money
from matricula.payments.models import Charge, Payment, Refund
from matricula.payments.states import (
    REFUND_LIVE,
    UNSETTLED,
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

    @property
    def is_refused(self) -> bool:
        """Whether the gateway refused to make its order."""
        return self.provider_order_id is None and bool(self.failure_code)


# Payments are read for nearly every answer about what is paid for: as in `orders.queries`, the
# statement is written out. Its columns are the record's members in their order, then the amount.
_ROWS = """
SELECT p.id, p.order_id, o.person_id, p.provider, p.state, p.provider_order_id, p.attempt,
       p.failure_code, p.failure_detail, p.created_at, p.completed_at, p.amount_minor, p.currency
  FROM payments_payment p JOIN orders_order o ON o.id = p.order_id
"""
_MEMBERS = tuple(name for name in PaymentRecord.__dataclass_fields__ if name != "amount")
_CAPTURED = """
SELECT provider_payment_id FROM payments_charge
 WHERE provider = %s AND provider_payment_id = ANY (%s::text[]) AND state = 'captured'
"""
_QUARANTINED = """
SELECT FROM payments_charge
 WHERE provider = %s AND provider_payment_id = %s AND verdict = 'quarantined'
"""
_LATEST_CHARGE = """
SELECT * FROM payments_charge WHERE payment_id = %s
 ORDER BY verdict = 'settled' DESC, id DESC LIMIT 1
"""
# What became of the money of each order: of several charges and disputes it says what there is at
# all.
_FATES = """
SELECT p.order_id,
       bool_or(c.verdict = 'settled'), bool_or(c.verdict = 'late'),
       bool_or(c.verdict = 'quarantined'),
       bool_or(EXISTS (SELECT FROM payments_dispute d
                        WHERE d.charge_id = c.id AND d.status NOT IN ('won', 'closed')))
  FROM payments_payment p JOIN payments_charge c ON c.payment_id = p.id
 WHERE p.order_id = ANY (%s::uuid[])
 GROUP BY p.order_id
"""


@dataclass(frozen=True)
class Fate:
    """What became of the money for an order: whether some of it paid for the order, came too late
    and goes back, is being looked into, or is disputed. Of attempts alone, none of these."""

    is_settled: bool
    is_late: bool
    is_quarantined: bool
    is_disputed: bool


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
    found = _read("p.id = %s", payment_id)
    if not found:
        raise NotFound(_("There is no such payment."))
    return found[0]


def of_order(order_id: UUID) -> PaymentRecord | None:
    """The order's payment that counts: the one not cancelled, else the last."""
    return of_orders([order_id]).get(order_id)


def of_orders(order_ids: Iterable[UUID]) -> dict[UUID, PaymentRecord]:
    """`of_order` for many, in one query."""
    found: dict[UUID, PaymentRecord] = {}
    for payment in _read("p.order_id = ANY (%s::uuid[]) ORDER BY p.id", list(order_ids)):
        known = found.get(payment.order_id)
        is_over = known is None or known.state is PaymentState.CANCELLED
        if is_over or payment.state is not PaymentState.CANCELLED:
            found[payment.order_id] = payment
    return found


def fates(order_ids: Iterable[UUID]) -> dict[UUID, Fate]:
    """What became of the money, by order; nothing is there for those that nobody tried to pay."""
    with connection.cursor() as cursor:
        cursor.execute(_FATES, [list(order_ids)])
        return {order_id: Fate(*fate) for order_id, *fate in cursor.fetchall()}


def of_gateway_order(provider: str, provider_order_id: str) -> PaymentRecord | None:
    """The payment that a gateway order was made for."""
    return of_gateway_orders(provider, [provider_order_id]).get(provider_order_id)


def of_gateway_orders(provider: str, order_ids: Iterable[str]) -> dict[str, PaymentRecord]:
    """`of_gateway_order` for many, in one query: by the gateway's order."""
    which = "p.provider = %s AND p.provider_order_id = ANY (%s::text[])"
    found = _read(which, provider, list(order_ids))
    return {payment.provider_order_id or "": payment for payment in found}


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
    with connection.cursor() as cursor:
        cursor.execute(_CAPTURED, [provider, list(provider_payment_ids)])
        return {payment_id for (payment_id,) in cursor.fetchall()}


def is_quarantined(provider: str, provider_payment_id: str) -> bool:
    """Whether this payment at the gateway did not fit what it was for."""
    with connection.cursor() as cursor:
        cursor.execute(_QUARANTINED, [provider, provider_payment_id])
        return cursor.fetchone() is not None


def settling_charge(order_id: UUID) -> Charge | None:
    """The charge that paid for the order."""
    return settling_charges([order_id]).get(order_id)


def settling_charges(order_ids: Iterable[UUID]) -> dict[UUID, Charge]:
    """The charges that paid for these orders, by order; those that are paid."""
    rows = Charge.objects.filter(payment__order__in=list(order_ids), verdict=Verdict.SETTLED)
    return {row.payment.order_id: row for row in rows.select_related("payment") if row.payment}


def latest_charge(payment_id: UUID) -> Charge | None:
    """The charge that settled the payment, else the latest attempt."""
    return next(iter(Charge.objects.raw(_LATEST_CHARGE, [payment_id])), None)


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


def _read(which: str, *params: Any) -> list[PaymentRecord]:
    with connection.cursor() as cursor:
        cursor.execute(f"{_ROWS} WHERE {which}", params)
        return [_record(row) for row in cursor.fetchall()]


def _record(row: Sequence[Any]) -> PaymentRecord:
    *plain, minor, currency = row
    members = dict(zip(_MEMBERS, plain, strict=True))
    members["state"] = PaymentState(members["state"])
    return PaymentRecord(**members, amount=Money(minor, currency))
