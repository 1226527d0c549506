"""However many deliveries there are, the next is found in a few steps of an index."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection

from matricula.flows import webhooks
from matricula.webhooks.models import Endpoint
from tests.support.plans import plans, reads_of, without_triggers
from tests.webhooks.conftest import make_told

MANY = 20_000
FEW = 100
MODES = ["force_custom_plan", "force_generic_plan"]
pytestmark = pytest.mark.django_db


def fill(endpoint: Endpoint, count: int, state: str, due_in: timedelta) -> None:
    """So many deliveries of subjects of their own."""
    with without_triggers(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO webhooks_delivery (id, endpoint_id, event_seq, type, subject, state,"
            " next_try_at) SELECT new_uuid7(), %s, n, 'enrollment.confirmed', gen_random_uuid(),"
            " %s, now() + %s FROM generate_series(1, %s) n",
            [endpoint.pk, state, due_in, count],
        )
        cursor.execute("ANALYZE webhooks_delivery")


def one_due(endpoint: Endpoint) -> UUID:
    fill(endpoint, 1, "pending", timedelta())
    found: UUID = endpoint.deliveries.filter(state="pending").latest("pk").pk
    return found


@pytest.mark.parametrize("mode", MODES)
def test_neither_what_was_delivered_nor_what_waits_for_its_next_try_is_read(mode: str) -> None:
    done, failing, told = (make_told(f"https://{n}.example.org/").endpoint for n in range(3))
    fill(done, MANY, "delivered", timedelta(days=-1))
    fill(failing, MANY, "pending", timedelta(hours=1))
    wanted = one_due(told)
    with plans(mode), reads_of("webhooks_delivery") as reads:
        assert webhooks.take() == wanted
    assert (reads.table_scans, reads.rows < FEW) == (0, True), reads


@pytest.mark.parametrize("mode", MODES)
def test_what_is_due_at_a_receiver_that_has_its_fill_is_not_read(mode: str) -> None:
    slow, told = (make_told(f"https://{n}.example.org/").endpoint for n in range(2))
    fill(slow, MANY, "pending", timedelta(hours=-1))
    for _ in range(webhooks.AT_ONCE_EACH):
        webhooks.take()
    wanted = one_due(told)
    with plans(mode), reads_of("webhooks_delivery") as reads:
        assert webhooks.take() == wanted
    assert (reads.table_scans, reads.rows < FEW) == (0, True), reads
