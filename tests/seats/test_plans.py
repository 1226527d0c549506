"""On a large table, seats are found by index, whether or not the plan knows the values."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.db import connection
from django.db.backends.utils import CursorWrapper

from matricula.kernel import ids
from matricula.seats import actions
from matricula.seats.models import Hold
from tests.seats.conftest import Rooms, new_keys
from tests.support.claims import claim_seats
from tests.support.plans import plans, reads_of, without_triggers

ROWS = 20_000
FEW = 100  # rows read; by a plan that goes wrong it is thousands
MODES = ["force_custom_plan", "force_generic_plan"]


@pytest.fixture
def crowded(cursor: CursorWrapper, rooms: Rooms, person: UUID) -> UUID:
    """A cohort in whose ledger most seats are sold, some released and few held."""
    cohort = rooms.cohort(None)
    with without_triggers():
        cursor.execute(
            """
        INSERT INTO seats_hold (id, cohort_id, person_id, key, state, expires_at)
        SELECT new_uuid7(), %s, %s, gen_random_uuid(),
               CASE WHEN n %% 100 = 0 THEN 'held' WHEN n %% 3 = 0 THEN 'released' ELSE 'sold' END,
               CASE WHEN n %% 100 = 0 THEN now() + make_interval(secs => n - 300) END
          FROM generate_series(1, %s) n
        """,
            [cohort, person, ROWS],
        )
    cursor.execute(
        "UPDATE seats_seatcount s SET held = l.held, sold = l.sold FROM ("
        " SELECT count(*) FILTER (WHERE state = 'held') AS held,"
        " count(*) FILTER (WHERE state = 'sold') AS sold FROM seats_hold WHERE cohort_id = %s) l"
        " WHERE s.cohort_id = %s",
        [cohort, cohort],
    )
    cursor.execute("ANALYZE seats_hold, seats_seatcount")
    return cohort


@pytest.fixture
def live_keys(crowded: UUID) -> list[UUID]:
    return list(Hold.objects.filter(seats=crowded, state="held").values_list("key", flat=True)[:3])


def test_the_sweep_finds_what_is_due_by_its_index(crowded: UUID) -> None:
    with reads_of("seats_hold") as reads:
        assert actions.due(200)
    assert (reads.table_scans, reads.indexes) == (0, {"hold_due"})


@pytest.mark.parametrize("mode", MODES)
def test_a_claim_finds_an_earlier_hold_by_its_key(
    crowded: UUID, person: UUID, cursor: CursorWrapper, mode: str
) -> None:
    with plans(mode), reads_of("seats_hold") as reads:
        claim_seats(cursor, [(person, crowded, ids.new_id(), None)])
    assert (reads.table_scans, reads.indexes) == (0, {"one_live_hold_per_key"})


@pytest.mark.parametrize("mode", MODES)
def test_a_batch_of_claims_finds_earlier_holds_by_their_keys(
    crowded: UUID, person: UUID, cursor: CursorWrapper, mode: str
) -> None:
    with plans(mode), reads_of("seats_hold") as reads:
        claim_seats(cursor, [(person, crowded, key, None) for key in new_keys(100)])
    assert (reads.table_scans, reads.indexes) == (0, {"one_live_hold_per_key"})


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("action", [actions.release, actions.expire, actions.sell])
def test_changing_seats_finds_them_by_their_keys(
    live_keys: list[UUID], action: object, mode: str
) -> None:
    assert callable(action)
    with plans(mode), reads_of("seats_hold") as reads:
        action(live_keys)
    assert (reads.table_scans, reads.rows < FEW) == (0, True)


def test_extending_finds_the_hold_by_its_key(live_keys: list[UUID], crowded: UUID) -> None:
    ends = Hold.objects.get(key=live_keys[0]).expires_at
    assert ends is not None
    with reads_of("seats_hold") as reads:
        actions.extend([live_keys[0]], ends)
    assert reads.table_scans == 0
    assert "one_live_hold_per_key" in reads.indexes


def test_what_is_due_is_read_without_sorting(crowded: UUID) -> None:
    statement = (
        "SELECT key FROM seats_hold WHERE state = 'held' AND expires_at <= now()"
        " ORDER BY expires_at LIMIT 200"
    )
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statement}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Index Scan using hold_due" in plan
    assert "Sort" not in plan
