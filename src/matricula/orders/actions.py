"""What writes orders. All of it in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models.functions import Now

from matricula.kernel.money import Money
from matricula.orders.models import Order, OrderLine
from matricula.orders.states import ORDER, OrderState

_LOCK = "SELECT * FROM orders_order WHERE id = ANY (%s::uuid[]) ORDER BY id FOR UPDATE"
_LINES_OF = """
SELECT * FROM orders_orderline WHERE order_id = ANY (%s::uuid[]) ORDER BY order_id, position
"""


@dataclass(frozen=True)
class Buyer:
    """Who pays, as they said at checkout."""

    name: str
    email: str
    phone: str = ""
    country: str = ""
    state: str = ""
    tax_id: str = ""
    billing_name: str = ""
    billing_address: str = ""
    tax_evidence: str = ""


@dataclass(frozen=True)
class NewLine:
    """One line to be written: amounts of one currency, net + tax = total."""

    enrollment_id: UUID
    title: str
    cohort_name: str
    tax_code: str
    original: Money
    discount: Money
    net: Money
    tax: Money
    tax_lines: Sequence[Mapping[str, Any]]
    policy: Sequence[Mapping[str, Any]]
    withdrawal: str = ""


@dataclass(frozen=True)
class NewOrder:
    """An order to be written. `lines` are in the order in which they are shown."""

    id: UUID
    person_id: UUID
    buyer: Buyer
    lines: Sequence[NewLine]
    currency: str
    coupon_codes: Sequence[str] = ()
    notes: Sequence[str] = ()
    consent: Mapping[str, Any] = field(default_factory=dict)
    success_url: str = ""
    cancel_url: str = ""


def place(new: NewOrder) -> Order:
    """Writes the order with its lines; its sums are the sums of the lines."""

    def total_of(member: str) -> int:
        amounts: list[Money] = [getattr(line, member) for line in new.lines]
        return sum(amounts, Money.zero(new.currency)).minor

    net, tax = total_of("net"), total_of("tax")
    buyer = new.buyer
    order = Order.objects.create(
        id=new.id,
        person_id=new.person_id,
        currency=new.currency,
        original_minor=total_of("original"),
        discount_minor=total_of("discount"),
        net_minor=net,
        tax_minor=tax,
        total_minor=net + tax,
        notes=list(new.notes),
        coupon_codes=list(new.coupon_codes),
        buyer_name=buyer.name,
        buyer_email=buyer.email,
        buyer_phone=buyer.phone,
        billing_name=buyer.billing_name,
        billing_address=buyer.billing_address,
        billing_country=buyer.country,
        billing_state=buyer.state,
        tax_id=buyer.tax_id,
        tax_evidence=buyer.tax_evidence,
        consent=dict(new.consent),
        success_url=new.success_url,
        cancel_url=new.cancel_url,
    )
    _write_lines(order, new.lines)
    return order


def _write_lines(order: Order, lines: Sequence[NewLine]) -> None:
    OrderLine.objects.bulk_create(
        OrderLine(
            order=order,
            position=position,
            enrollment_id=line.enrollment_id,
            title=line.title,
            cohort_name=line.cohort_name,
            tax_code=line.tax_code,
            original_minor=line.original.minor,
            discount_minor=line.discount.minor,
            net_minor=line.net.minor,
            tax_minor=line.tax.minor,
            total_minor=(line.net + line.tax).minor,
            tax_lines=list(line.tax_lines),
            policy=list(line.policy),
            withdrawal=line.withdrawal,
        )
        for position, line in enumerate(lines, start=1)
    )


def lock(order_ids: Sequence[UUID]) -> list[Order]:
    """The rows of these orders, locked in id order until the transaction ends. Whoever also changes
    seats or enrollments has locked those before."""
    return list(Order.objects.raw(_LOCK, [list(order_ids)]))


def lines_of(order_ids: Iterable[UUID]) -> list[OrderLine]:
    """The lines of these orders, by order and position."""
    return list(OrderLine.objects.raw(_LINES_OF, [list(order_ids)]))


def move(order: Order, trigger: str) -> OrderState:
    """Moves a locked order and saves it. Raises IllegalState when there is no such move."""
    order.state = ORDER.transition(OrderState(order.state), trigger)
    if order.state == OrderState.PAID:
        order.paid_at = Now()
        order.ended_at = None
    else:
        order.ended_at = Now()
    order.save(update_fields=["state", "paid_at", "ended_at"])
    return OrderState(order.state)


def pay(locked: Sequence[Order]) -> None:
    """These locked orders are paid. Raises IllegalState if one cannot be; none is changed then."""
    for order in locked:
        order.state = ORDER.transition(OrderState(order.state), "pay")
    rows = Order.objects.filter(pk__in=[order.pk for order in locked])
    rows.update(state=OrderState.PAID, paid_at=Now(), ended_at=None)


def pay_for_another(order_id: UUID, enrollment_id: UUID, successor_id: UUID) -> None:
    """What the locked order's line pays for is another enrollment from now on. The line stays as it
    was written, so that it can be given back as it was paid."""
    rows = OrderLine.objects.filter(order=order_id, enrollment=enrollment_id)
    rows.update(enrollment=successor_id)
