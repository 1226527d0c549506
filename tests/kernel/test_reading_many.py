"""The new events of many subjects in one statement."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from matricula.kernel import events, ids
from matricula.kernel.events import NewEvent
from tests.support.plans import plans, reads_of, without_triggers

pytestmark = pytest.mark.django_db
ROWS = 20_000


def read(known: dict[UUID, int], limit: int = 100) -> list[tuple[UUID, int]]:
    with connection.cursor() as cursor:
        cursor.execute(events.OF_SUBJECTS, [list(known), list(known.values()), limit])
        rows: list[Any] = cursor.fetchall()
    return [(subject, number) for subject, _id, number, *_ in rows]


def test_each_subject_is_read_above_its_own_number_in_order() -> None:
    first, second, quiet = (ids.new_id() for _ in range(3))
    events.append([NewEvent("t.happened", first) for _ in range(3)])
    events.append([NewEvent("t.happened", second) for _ in range(4)])
    found = read({first: 1, second: 4, quiet: 0, ids.new_id(): 0})
    assert found == [(first, 2), (first, 3)]


def test_of_one_subject_only_so_many_are_read_at_once() -> None:
    subject = ids.new_id()
    events.append([NewEvent("t.happened", subject) for _ in range(5)])
    assert read({subject: 1}, limit=2) == [(subject, 2), (subject, 3)]


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
def test_a_long_log_is_read_by_its_index(mode: str) -> None:
    subject = ids.new_id()
    with connection.cursor() as cursor:
        with without_triggers():
            cursor.execute(
                "INSERT INTO kernel_event (id, type, subject, subject_seq, correlation_id, data)"
                " SELECT new_uuid7(), 't', gen_random_uuid(), 1, '', '{}'"
                " FROM generate_series(1, %s)",
                [ROWS],
            )
        events.append([NewEvent("t.happened", subject)])
        cursor.execute("ANALYZE kernel_event")
    with plans(mode), reads_of("kernel_event") as reads:
        assert read({subject: 0, ids.new_id(): 0}) == [(subject, 1)]
    assert reads.table_scans == 0
    assert reads.rows < 10
