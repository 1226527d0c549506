"""An order with all that may change together with it, locked in the order of the house: the person,
the counters of the cohorts, the enrollments, the orders, the payments. Whoever settles, cancels or
refunds starts here, so that such decisions follow each other.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from matricula.enrollments import actions as enrollments
from matricula.enrollments import queries as enrollment_queries
from matricula.enrollments.models import Enrollment
from matricula.kernel.errors import NotFound
from matricula.kernel.locks import lock_people
from matricula.orders import actions as orders
from matricula.orders import queries as order_queries
from matricula.orders.models import Order, OrderLine
from matricula.payments import actions as payments
from matricula.payments.models import Payment
from matricula.seats import actions as seats


@dataclass(frozen=True)
class LockedOrder:
    """The order, its lines in order, what they are for, and its payments. `rivals` are other live
    enrollments of the person in the same courses, by course, with `rival_orders` that hold them.
    """

    order: Order
    lines: Sequence[OrderLine]
    enrollments: dict[UUID, Enrollment]
    payments: Sequence[Payment]
    rivals: dict[UUID, Enrollment]
    rival_orders: dict[UUID, Order]

    def enrollment_of(self, line: OrderLine) -> Enrollment:
        return self.enrollments[line.enrollment_id]

    def payment(self, payment_id: UUID) -> Payment:
        return next(payment for payment in self.payments if payment.pk == payment_id)


def lock_order(order_id: UUID) -> LockedOrder:
    """Locks it, in the caller's transaction. Raises NotFound."""
    return lock_orders([order_id])[order_id]


def lock_orders(order_ids: Collection[UUID]) -> dict[UUID, LockedOrder]:
    """Locks them, in the caller's transaction, with as many queries as one takes. Each is of
    another person: what one order changes, another of the same person would not see.

    Raises NotFound, and ValueError for two of one person: a defect of the caller, or a guest's
    order that became an account's a moment ago.
    """
    owners = _lock_owners(order_ids)
    lines = orders.lines_of(owners)
    own = {line.enrollment_id for line in lines}
    places = enrollment_queries.places_of(own)
    rivals = [
        row
        for row in enrollments.live_of(owners.values(), (course for course, _ in places))
        if row.pk not in own
    ]
    seats.lock_counters([*(cohort for _, cohort in places), *(row.cohort_id for row in rivals)])
    locked = {row.pk: row for row in enrollments.lock([*own, *(row.pk for row in rivals)])}
    rival_lines = OrderLine.objects.filter(enrollment__in=[row.pk for row in rivals])
    rivalling = {line.enrollment_id: line.order_id for line in rival_lines} if rivals else {}
    rows = {row.pk: row for row in orders.lock([*owners, *rivalling.values()])}
    pool = _Pool(locked, rows, rivalling, payments.lock_of_orders(list(rows)))
    return {
        order_id: pool.order(
            rows[order_id],
            [line for line in lines if line.order_id == order_id],
            [row.pk for row in rivals if row.person_id == owner],
        )
        for order_id, owner in owners.items()
    }


@dataclass(frozen=True)
class _Pool:
    """All rows that were locked together. `rivalling`: the order of each rival enrollment."""

    enrollments: dict[UUID, Enrollment]
    orders: dict[UUID, Order]
    rivalling: dict[UUID, UUID]
    payments: Sequence[Payment]

    def order(
        self, order: Order, lines: Sequence[OrderLine], rival_ids: Sequence[UUID]
    ) -> LockedOrder:
        """One order, with its part of the rows."""
        own = {line.enrollment_id: self.enrollments[line.enrollment_id] for line in lines}
        courses = {row.course_id for row in own.values()}
        rivals = [self.enrollments[rival] for rival in rival_ids]
        rivals = [row for row in rivals if row.course_id in courses]
        others = {
            row.pk: self.orders[self.rivalling[row.pk]]
            for row in rivals
            if row.pk in self.rivalling
        }
        mine = {order.pk, *(other.pk for other in others.values())}
        return LockedOrder(
            order=order,
            lines=lines,
            enrollments=own | {row.pk: row for row in rivals},
            payments=[payment for payment in self.payments if payment.order_id in mine],
            rivals={row.course_id: row for row in rivals},
            rival_orders=others,
        )


def _lock_owners(order_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Takes the locks of whose orders they are, by order. A guest's order may become an account's
    in between: then once more."""
    locked: dict[UUID, UUID] = {}
    while True:
        found = order_queries.owners(order_ids)
        if len(found) < len(set(order_ids)):
            raise NotFound(_("There is no such order."))
        if len(set(found.values())) < len(found):
            raise ValueError("one order a person at a time")
        if found == locked:
            return found
        lock_people(found.values())
        locked = found
