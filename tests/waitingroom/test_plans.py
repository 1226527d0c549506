"""However many wait, a place and the next in line are found in a few steps of an index."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.db import connection

from matricula.flows import admit
from matricula.waitingroom import queries
from matricula.waitingroom.models import Room
from tests.support.factories import make_person
from tests.support.plans import plans, reads_of, without_triggers
from tests.waitingroom.conftest import Drop, make_drop

WAITING = 20_000
FEW = 50
MODES = ["force_custom_plan", "force_generic_plan"]


@pytest.fixture
def long_line(db: None) -> Drop:
    """Twenty thousand wait; one in a thousand has left."""
    drop = make_drop(capacity=None)
    with without_triggers(), connection.cursor() as cursor:
        cursor.execute(
            """
            WITH made AS (
                INSERT INTO enrollments_enrollment
                       (id, person_id, course_id, cohort_id, stage, reason, metadata)
                SELECT new_uuid7(), gen_random_uuid(), %s, %s, 'requested', '', '{}'
                  FROM generate_series(1, %s) RETURNING id
            )
            INSERT INTO waitingroom_ticket
                   (enrollment_id, cohort_id, number, state, code, taken_at, decided_at)
            SELECT m.id, %s, m.n, CASE WHEN m.n %% 1000 = 0 THEN 'left' ELSE 'waiting' END, '',
                   now(), CASE WHEN m.n %% 1000 = 0 THEN now() END
              FROM (SELECT id, row_number() OVER () AS n FROM made) m
            """,
            [drop.course.pk, drop.cohort_id, WAITING, drop.cohort_id],
        )
        cursor.execute(
            "UPDATE waitingroom_line SET last_number = %s WHERE cohort_id = %s",
            [WAITING, drop.cohort_id],
        )
        cursor.execute("ANALYZE waitingroom_ticket, enrollments_enrollment")
    return drop


def ticket_numbered(drop: Drop, number: int) -> UUID:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT enrollment_id FROM waitingroom_ticket WHERE cohort_id = %s AND number = %s",
            [drop.cohort_id, number],
        )
        found: UUID = cursor.fetchone()[0]
    return found


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("number", [1, 15_500, 19_999])
def test_a_place_is_found_in_a_few_steps(long_line: Drop, mode: str, number: int) -> None:
    ticket = ticket_numbered(long_line, number)
    with plans(mode), reads_of("waitingroom_ticket") as reads:
        place = queries.place_of(ticket)
    assert place is not None
    assert place.position == number - number // 1000
    assert reads.table_scans == 0
    assert reads.rows < FEW


def test_the_next_in_line_are_found_by_their_numbers(long_line: Drop) -> None:
    room = Room.objects.get(pk=long_line.cohort_id)
    with reads_of("waitingroom_ticket") as reads:
        arrivals, up_to = queries.next_in_line(room, 10)
    assert [arrival.number for arrival in arrivals] == list(range(1, 11))
    assert (up_to, reads.table_scans, reads.rows < FEW) == (10, 0, True)


def test_a_crowd_is_counted_by_those_who_left(long_line: Drop) -> None:
    with reads_of("waitingroom_ticket") as reads:
        crowd = queries.crowds([long_line.cohort_id])[long_line.cohort_id]
    assert crowd.waiting == WAITING - WAITING // 1000
    assert (reads.table_scans, reads.rows < FEW) == (0, True)


@pytest.mark.parametrize("mode", MODES)
def test_taking_a_ticket_reads_none_of_the_others(long_line: Drop, mode: str) -> None:
    request = admit.Request(make_person().pk, long_line.course.pk, long_line.cohort_id)
    with plans(mode), reads_of("waitingroom_ticket") as reads:
        (answer,) = admit.queue([request])
    assert answer.number == WAITING + 1
    assert (reads.table_scans, reads.rows < FEW) == (0, True)
