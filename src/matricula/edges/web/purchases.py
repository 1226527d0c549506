"""A person's orders as rows of a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from matricula.edges.web import words
from matricula.kernel import ids
from matricula.orders import queries
from matricula.orders.queries import OrderRecord
from matricula.orders.states import OrderState
from matricula.payments import queries as payments

_STATES = {
    OrderState.OPEN: gettext_lazy("Waiting for payment"),
    OrderState.PAID: gettext_lazy("Paid"),
    OrderState.EXPIRED: gettext_lazy("Expired"),
    OrderState.CANCELLED: gettext_lazy("Cancelled"),
}


@dataclass(frozen=True)
class Purchase:
    """An order in a list."""

    reference: str
    titles: str
    total: str
    state: str
    placed_at: datetime


def purchases_of(
    person_id: UUID, *, before: UUID | None = None, limit: int = queries.PAGE
) -> list[Purchase]:
    """The person's orders, newest first, those placed before `before`."""
    found = queries.list_of_person(person_id, before=before, limit=limit)
    given_back = payments.refunded_minor([order.id for order in found])
    return [
        Purchase(
            reference=ids.to_text("ord", order.id),
            titles=", ".join(line.title for line in order.lines),
            total=words.money(order.total),
            state=state_of(order, given_back),
            placed_at=order.placed_at,
        )
        for order in found
    ]


def state_of(order: OrderRecord, given_back: Mapping[UUID, int]) -> str:
    """Where the order stands, and whether its money goes back; `given_back` in minor units."""
    minor = given_back.get(order.id, 0)
    if not minor:
        return str(_STATES[order.state])
    return _("Refunded") if minor >= order.total.minor else _("Paid, refunded in part")
