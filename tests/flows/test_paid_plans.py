"""How what every payment reads finds its rows, among many orders: by index."""

from __future__ import annotations

import re
from uuid import UUID, uuid4

import pytest
from django.db import connection

from matricula.enrollments import actions as enrollments
from matricula.enrollments import queries as enrollment_queries
from matricula.orders import actions as order_actions
from matricula.orders import queries as orders
from matricula.payments import actions as payment_actions
from matricula.payments import queries as payments
from tests.support.paying import checkout
from tests.support.plans import explain, without_triggers
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.django_db
MANY = 5_000
FILL = """
INSERT INTO {table} SELECT (jsonb_populate_record(t, jsonb_build_object({own}))).*
  FROM {table} t, generate_series(1, {many}) WHERE t.id = (SELECT id FROM {table} LIMIT 1)
"""
# What makes each copy of a row one of its own.
OWN = {
    "orders_order": "'id', gen_random_uuid()",
    "orders_orderline": "'id', gen_random_uuid(), 'order_id', gen_random_uuid(),"
    " 'enrollment_id', gen_random_uuid()",
    "payments_payment": "'id', gen_random_uuid(), 'order_id', gen_random_uuid(),"
    " 'provider_order_id', 'order_' || gen_random_uuid()",
    "payments_charge": "'id', gen_random_uuid(), 'payment_id', gen_random_uuid(),"
    " 'provider_payment_id', 'pay_' || gen_random_uuid()",
    "enrollments_enrollment": "'id', gen_random_uuid(), 'person_id', gen_random_uuid()",
}
SCANNED = re.compile(rf"Seq Scan on ({'|'.join(OWN)})\b")
ID = uuid4()
IDS: list[UUID] = [ID]
STATEMENTS = {
    "an order": (f"{orders._ROWS} WHERE o.id = %s", [ID]),
    "orders of enrollments": (f"{orders._ROWS} WHERE o.id IN ({orders._LATEST})", [IDS]),
    "owners": (orders._OWNERS, [IDS]),
    "a payment": (f"{payments._ROWS} WHERE p.id = %s", [ID]),
    "payments of orders": (f"{payments._ROWS} WHERE p.order_id = ANY (%s::uuid[])", [IDS]),
    "payments of gateway orders": (
        f"{payments._ROWS} WHERE p.provider = %s AND p.provider_order_id = ANY (%s::text[])",
        ["razorpay", ["order_x"]],
    ),
    "fates": (payments._FATES, [IDS]),
    "captured": (payments._CAPTURED, ["razorpay", ["pay_x"]]),
    "quarantined": (payments._QUARANTINED, ["razorpay", "pay_x"]),
    "the latest charge": (payments._LATEST_CHARGE, [ID]),
    "orders, locked": (order_actions._LOCK, [IDS]),
    "lines": (order_actions._LINES_OF, [IDS]),
    "payments, locked": (payment_actions._LOCK_OF_ORDERS, [IDS]),
    "charges, locked": (payment_actions._LOCK_CHARGES, ["razorpay", ["pay_x"]]),
    "enrollments, locked": (enrollments._LOCK, [IDS]),
    "live enrollments": (enrollments._LIVE_OF, [IDS, IDS, ["confirmed"]]),
    "places": (enrollment_queries._PLACES_OF, [IDS]),
}


@pytest.fixture
def _many(sandbox: Sandbox) -> None:
    buyer = checkout(sandbox)
    buyer.hand_back(buyer.pay(webhook="never"))
    with without_triggers(), connection.cursor() as cursor:
        for table, own in OWN.items():
            cursor.execute(FILL.format(table=table, own=own, many=MANY))
            cursor.execute(f"ANALYZE {table}")


@pytest.mark.usefixtures("_many")
def test_each_statement_finds_its_rows_by_index() -> None:
    plans = {name: explain(*statement) for name, statement in STATEMENTS.items()}
    assert {name: plan for name, plan in plans.items() if SCANNED.search(plan)} == {}
    by_no_index = explain(f"{orders._ROWS} WHERE o.buyer_phone = %s", ["1"])
    assert SCANNED.search(by_no_index)
