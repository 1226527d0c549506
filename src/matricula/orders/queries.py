"""Reads of orders. Every read that serves a person names that person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Prefetch, Q
from django.utils.translation import gettext_lazy as _

from matricula.kernel.errors import NotFound
from matricula.kernel.money import Money
from matricula.orders.models import Order, OrderLine, RefundStep
from matricula.orders.policy import Step
from matricula.orders.states import OrderState

PAGE = 50
# Ids grow with time.
_LATEST = """
SELECT DISTINCT ON (l.enrollment_id) l.enrollment_id, l.order_id
  FROM orders_orderline l WHERE l.enrollment_id = ANY (%s::uuid[])
 ORDER BY l.enrollment_id, l.order_id DESC
"""
_SUMS = ("original_minor", "discount_minor", "net_minor", "tax_minor", "total_minor")


@dataclass(frozen=True)
class LineRecord:
    """One course of an order."""

    id: UUID
    enrollment_id: UUID
    enrollment_stage: str
    course_id: UUID
    course_slug: str
    cohort_starts_at: datetime | None
    title: str
    cohort_name: str
    original: Money
    discount: Money
    net: Money
    tax: Money
    total: Money
    tax_lines: Sequence[dict[str, Any]]
    policy: Sequence[dict[str, Any]]
    withdrawal: str = ""


@dataclass(frozen=True)
class OrderRecord:
    """An order as its owner may see it."""

    id: UUID
    person_id: UUID
    state: OrderState
    currency: str
    original: Money
    discount: Money
    net: Money
    tax: Money
    total: Money
    notes: Sequence[str]
    coupon_codes: Sequence[str]
    buyer_name: str
    buyer_email: str
    buyer_phone: str
    billing_name: str
    billing_address: str
    billing_country: str
    billing_state: str
    tax_id: str
    tax_evidence: str
    success_url: str
    cancel_url: str
    placed_at: datetime
    paid_at: datetime | None
    ended_at: datetime | None
    lines: tuple[LineRecord, ...]

    @property
    def tax_lines(self) -> list[dict[str, Any]]:
        """The taxes of all lines, summed by head and rate, in order of appearance."""
        sums: dict[tuple[str, str], int] = {}
        for line in self.lines:
            for tax in line.tax_lines:
                key = (tax["head"], tax["percent"])
                sums[key] = sums.get(key, 0) + tax["amount_minor"]
        return [
            {"head": head, "percent": percent, "amount_minor": minor}
            for (head, percent), minor in sums.items()
        ]


def find(order_id: UUID, person_id: UUID) -> OrderRecord:
    """An order of this person. Raises NotFound, also for somebody else's."""
    return _one(Q(pk=order_id, person=person_id))


def read(order_id: UUID) -> OrderRecord:
    """Any order, for the system itself and for staff. Raises NotFound."""
    return _one(Q(pk=order_id))


def owners(order_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """Whose these orders are, by order; those that exist."""
    rows = Order.objects.filter(pk__in=set(order_ids))
    return dict(rows.values_list("pk", "person_id"))


def of_enrollment(enrollment_id: UUID) -> OrderRecord | None:
    """The order that this enrollment was bought with, the latest if there were several; None for a
    free one. The caller has checked whose enrollment it is."""
    return of_enrollments([enrollment_id]).get(enrollment_id)


def of_enrollments(enrollment_ids: Iterable[UUID]) -> dict[UUID, OrderRecord]:
    """The latest order of each of these enrollments, in three queries; in one where all are
    free."""
    with connection.cursor() as cursor:  # read for every answer about an enrollment: as SQL
        cursor.execute(_LATEST, [list(enrollment_ids)])
        latest: dict[UUID, UUID] = dict(cursor.fetchall())
    if not latest:
        return {}
    records = {row.pk: _record(row) for row in _rows().filter(pk__in=set(latest.values()))}
    return {enrollment_id: records[order_id] for enrollment_id, order_id in latest.items()}


def list_of_person(
    person_id: UUID, *, before: UUID | None = None, limit: int = PAGE
) -> list[OrderRecord]:
    """The person's orders, newest first, those placed before `before`."""
    rows = _rows().filter(person=person_id).order_by("-pk")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    return [_record(row) for row in rows[:limit]]


def refund_policy(course_id: UUID) -> list[Step]:
    """The course's own refund steps, else those for all courses; the most generous first."""
    return refund_policies([course_id])[course_id]


def refund_policies(course_ids: Iterable[UUID]) -> dict[UUID, list[Step]]:
    """`refund_policy` of each of these courses, in one query."""
    wanted = list(course_ids)
    found: dict[UUID | None, list[Step]] = {}
    rows = RefundStep.objects.filter(Q(course__in=wanted) | Q(course__isnull=True))
    for row in rows.order_by("-percent", "until", "-days"):
        step = Step(row.until, row.days, row.percent)  # type: ignore[arg-type]  # the CHECK knows no other
        found.setdefault(row.course_id, []).append(step)
    general = found.get(None, [])
    return {course_id: found.get(course_id, general) for course_id in wanted}


def _rows() -> Any:
    lines = OrderLine.objects.select_related("enrollment__course", "enrollment__cohort").only(
        "order",
        "position",
        "title",
        "cohort_name",
        "tax_lines",
        "policy",
        "withdrawal",
        *_SUMS,
        "enrollment__stage",
        "enrollment__course__slug",
        "enrollment__cohort__starts_at",
    )
    return Order.objects.prefetch_related(Prefetch("lines", lines.order_by("position")))


def _one(which: Q) -> OrderRecord:
    row = _rows().filter(which).first()
    if row is None:
        raise NotFound(_("There is no such order."))
    return _record(row)


def _record(row: Order) -> OrderRecord:
    plain = [
        "id",
        "person_id",
        "currency",
        "notes",
        "coupon_codes",
        "buyer_name",
        "buyer_email",
        "buyer_phone",
        "billing_name",
        "billing_address",
        "billing_country",
        "billing_state",
        "tax_id",
        "tax_evidence",
        "success_url",
        "cancel_url",
        "placed_at",
        "paid_at",
        "ended_at",
    ]
    members: dict[str, Any] = {name: getattr(row, name) for name in plain} | _sums(row)
    return OrderRecord(
        **members,
        state=OrderState(row.state),
        lines=tuple(_line(line, row.currency) for line in row.lines.all()),
    )


def _line(line: OrderLine, currency: str) -> LineRecord:
    enrollment = line.enrollment
    return LineRecord(
        id=line.pk,
        enrollment_id=enrollment.pk,
        enrollment_stage=enrollment.stage,
        course_id=enrollment.course_id,
        course_slug=enrollment.course.slug,
        cohort_starts_at=enrollment.cohort.starts_at,
        title=line.title,
        cohort_name=line.cohort_name,
        tax_lines=line.tax_lines,
        policy=line.policy,
        withdrawal=line.withdrawal,
        **_sums(line, currency),
    )


def _sums(row: Order | OrderLine, currency: str = "") -> dict[str, Money]:
    names = ("original", "discount", "net", "tax", "total")
    currency = currency or getattr(row, "currency", "")
    return {name: Money(getattr(row, f"{name}_minor"), currency) for name in names}
