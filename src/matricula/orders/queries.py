"""Reads of orders. Every read that serves a person names that person."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext_lazy as _

from matricula.kernel.errors import NotFound
from matricula.kernel.money import Money
from matricula.orders.policy import Step
from matricula.orders.states import OrderState

PAGE = 50
_SUMS = ("original", "discount", "net", "tax", "total")
_JSON = ("notes", "coupon_codes", "tax_lines", "policy")


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


# Orders are read for nearly every answer about enrollments, so the statement is written out: what
# Django's query builder adds takes longer than the statement does. Its columns are the members of
# the records, in their order: those of the order, then those of its line.
_ROWS = """
SELECT o.id, o.person_id, o.state, o.currency, o.original_minor, o.discount_minor, o.net_minor,
       o.tax_minor, o.total_minor, o.notes, o.coupon_codes, o.buyer_name, o.buyer_email,
       o.buyer_phone, o.billing_name, o.billing_address, o.billing_country, o.billing_state,
       o.tax_id, o.tax_evidence, o.success_url, o.cancel_url, o.placed_at, o.paid_at, o.ended_at,
       l.id, l.enrollment_id, e.stage, e.course_id, c.slug, h.starts_at, l.title, l.cohort_name,
       l.original_minor, l.discount_minor, l.net_minor, l.tax_minor, l.total_minor, l.tax_lines,
       l.policy, l.withdrawal
  FROM orders_order o
  JOIN orders_orderline l ON l.order_id = o.id
  JOIN enrollments_enrollment e ON e.id = l.enrollment_id
  JOIN catalog_course c ON c.id = e.course_id
  JOIN catalog_cohort h ON h.id = e.cohort_id
"""
_MEMBERS = tuple(name for name in OrderRecord.__dataclass_fields__ if name != "lines")
_LINE_MEMBERS = tuple(LineRecord.__dataclass_fields__)
# Ids grow with time.
_LATEST = """
SELECT DISTINCT ON (l.enrollment_id) l.order_id
  FROM orders_orderline l WHERE l.enrollment_id = ANY (%s::uuid[])
 ORDER BY l.enrollment_id, l.order_id DESC
"""
_OWNERS = "SELECT id, person_id FROM orders_order WHERE id = ANY (%s::uuid[])"
_POLICIES = """
SELECT course_id, until, days, percent FROM orders_refundstep
 WHERE course_id = ANY (%s::uuid[]) OR course_id IS NULL
 ORDER BY percent DESC, until, days DESC
"""


def find(order_id: UUID, person_id: UUID) -> OrderRecord:
    """An order of this person. Raises NotFound, also for somebody else's."""
    return _one("o.id = %s AND o.person_id = %s", order_id, person_id)


def read(order_id: UUID) -> OrderRecord:
    """Any order, for the system itself and for staff. Raises NotFound."""
    return _one("o.id = %s", order_id)


def owners(order_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """Whose these orders are, by order; those that exist."""
    with connection.cursor() as cursor:
        cursor.execute(_OWNERS, [list(order_ids)])
        return dict(cursor.fetchall())


def of_enrollment(enrollment_id: UUID) -> OrderRecord | None:
    """The order that this enrollment was bought with, the latest if there were several; None for a
    free one. The caller has checked whose enrollment it is."""
    return of_enrollments([enrollment_id]).get(enrollment_id)


def of_enrollments(enrollment_ids: Iterable[UUID]) -> dict[UUID, OrderRecord]:
    """The latest order of each of these enrollments, in one query."""
    wanted = set(enrollment_ids)
    orders = _read(f"o.id IN ({_LATEST})", list(wanted))
    return {
        line.enrollment_id: order
        for order in sorted(orders, key=lambda order: order.id)
        for line in order.lines
        if line.enrollment_id in wanted
    }


def list_of_person(
    person_id: UUID, *, before: UUID | None = None, limit: int = PAGE
) -> list[OrderRecord]:
    """The person's orders, newest first, those placed before `before`."""
    page = "SELECT id FROM orders_order WHERE person_id = %s"
    params: list[Any] = [person_id]
    if before is not None:
        page += " AND id < %s"
        params.append(before)
    found = _read(f"o.id IN ({page} ORDER BY id DESC LIMIT %s)", *params, limit)
    return sorted(found, key=lambda order: order.id, reverse=True)


def refund_policy(course_id: UUID) -> list[Step]:
    """The course's own refund steps, else those for all courses; the most generous first."""
    return refund_policies([course_id])[course_id]


def refund_policies(course_ids: Iterable[UUID]) -> dict[UUID, list[Step]]:
    """`refund_policy` of each of these courses, in one query."""
    wanted = list(course_ids)
    found: dict[UUID | None, list[Step]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_POLICIES, [wanted])
        for course_id, *step in cursor.fetchall():
            found.setdefault(course_id, []).append(Step(*step))
    general = found.get(None, [])
    return {course_id: found.get(course_id, general) for course_id in wanted}


def _one(which: str, *params: Any) -> OrderRecord:
    found = _read(which, *params)
    if not found:
        raise NotFound(_("There is no such order."))
    return found[0]


def _read(which: str, *params: Any) -> list[OrderRecord]:
    with connection.cursor() as cursor:
        cursor.execute(f"{_ROWS} WHERE {which} ORDER BY o.id, l.position", params)
        rows = cursor.fetchall()
    return [_record(list(lines)) for _, lines in groupby(rows, key=itemgetter(0))]


def _record(rows: Sequence[Sequence[Any]]) -> OrderRecord:
    """An order by its rows: one a line, and what is the order's in each."""
    members = _members(_MEMBERS, rows[0][: len(_MEMBERS)])
    currency = members["currency"]
    lines = [_members(_LINE_MEMBERS, row[len(_MEMBERS) :], currency) for row in rows]
    state = OrderState(members.pop("state"))
    return OrderRecord(**members, state=state, lines=tuple(LineRecord(**line) for line in lines))


def _members(names: Sequence[str], values: Sequence[Any], currency: str = "") -> dict[str, Any]:
    """A record's members: sums become money, and JSON, which Django has psycopg leave as text, is
    read."""
    members = dict(zip(names, values, strict=True))
    currency = currency or members["currency"]
    members.update({name: Money(members[name], currency) for name in _SUMS})
    members.update({name: json.loads(members[name]) for name in _JSON if name in members})
    return members
