"""An order with all that may change together with it, locked in the order of the house: the person,
the counters of the cohorts, the enrollments, the orders, the payments. Whoever settles, cancels or
refunds starts here, so that such decisions follow each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from matricula.enrollments import actions as enrollments
from matricula.enrollments.models import Enrollment
from matricula.kernel.errors import NotFound
from matricula.kernel.locks import lock_person
from matricula.orders import actions as orders
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
    person_id = _lock_owner(order_id)
    lines = list(OrderLine.objects.filter(order=order_id).order_by("position"))
    own = {line.enrollment_id for line in lines}
    wanted = list(Enrollment.objects.filter(pk__in=own))
    rivals = {
        rival.course_id: rival
        for rival in enrollments.live_of(person_id, (row.course_id for row in wanted))
        if rival.pk not in own
    }
    seats.lock_counters(row.cohort_id for row in [*wanted, *rivals.values()])
    locked = {row.pk: row for row in enrollments.lock([*own, *(r.pk for r in rivals.values())])}
    rival_lines = list(
        OrderLine.objects.filter(enrollment__in=[rival.pk for rival in rivals.values()])
    )
    rows = {row.pk: row for row in orders.lock([order_id, *(r.order_id for r in rival_lines)])}
    return LockedOrder(
        order=rows[order_id],
        lines=lines,
        enrollments=locked,
        payments=payments.lock_of_orders(list(rows)),
        rivals={course_id: locked[rival.pk] for course_id, rival in rivals.items()},
        rival_orders={line.enrollment_id: rows[line.order_id] for line in rival_lines},
    )


def _lock_owner(order_id: UUID) -> UUID:
    """Takes the lock of whose order it is. A guest's order may become an account's in between."""
    locked: UUID | None = None
    while True:
        owner = Order.objects.filter(pk=order_id).values_list("person_id", flat=True).first()
        if owner is None:
            raise NotFound("There is no such order.")
        if owner == locked:
            return owner
        lock_person(owner)
        locked = owner
