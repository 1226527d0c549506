"""In a list of thousands a place is found, a seat given and a newcomer added in few rows."""

from __future__ import annotations

import pytest
from django.db import connection

from matricula.flows import doctor, promote, standing, waitlist, waitlist_staff
from matricula.seats import actions as seats
from matricula.waitlist import queries
from matricula.waitlist.models import Entry, Queue, Stretch
from tests.support.factories import make_people, make_person
from tests.support.plans import reads_of, without_triggers
from tests.waitlist.conftest import Full, entry, full_course

WAITING = 8_000
STRETCH = 256
FEW = STRETCH + 60  # rows of entries read; counted one by one it is thousands


@pytest.fixture
def long_list(db: None) -> Full:
    full = full_course(1)
    with without_triggers(), connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO waitlist_entry
                   (id, course_id, cohort_id, person_id, party_size, rank, place, state, is_counted,
                    skipped_code, skipped_reason, passed)
            SELECT new_uuid7(), %s, %s, gen_random_uuid(), 1, 100, n, 'waiting', true, '', '', 0
              FROM generate_series(1, %s) n
            """,
            [full.course.pk, full.cohort, WAITING],
        )
    Queue.objects.create(cohort_id=full.cohort, length=WAITING, last_place=WAITING)
    seats.set_queued(full.cohort, True)
    doctor._run_repair("repair_waitlist_stretches")  # the triggers were away
    # The first are real people, who can be given a seat.
    for place, person in enumerate(make_people(promote.FEWEST), 1):
        Entry.objects.filter(cohort=full.cohort, place=place).update(person=person)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE waitlist_entry, waitlist_stretch")
    return full


def position(full: Full, place: int) -> int:
    at = Entry.objects.get(cohort=full.cohort, place=place)
    with reads_of("waitlist_entry") as reads:
        ahead = queries.ahead(queries._record(at, ()))
    assert (reads.table_scans, reads.rows < FEW) == (0, True)
    assert ahead.seats == ahead.places
    return ahead.places + 1


def test_a_position_is_found_in_few_rows(long_list: Full) -> None:
    for place in (1, STRETCH - 1, STRETCH, STRETCH + 1, 4_321, WAITING):
        assert position(long_list, place) == place


def test_joining_reads_few_rows_of_the_others(long_list: Full) -> None:
    person = make_person().pk
    with reads_of("waitlist_entry") as reads:
        joined = long_list.joined(person)
    assert joined.position == WAITING + 1
    assert (reads.table_scans, reads.rows < FEW) == (0, True)


def test_giving_a_seat_reads_few_rows_of_those_who_wait(long_list: Full) -> None:
    long_list.free()
    with reads_of("waitlist_entry") as reads:
        assert promote.promote(long_list.cohort) == 1
    assert (reads.table_scans, reads.rows < FEW) == (0, True)
    assert position(long_list, 2) == 1


def test_whoever_moves_leaves_or_joins_is_counted_where_they_are(db: None) -> None:
    full = full_course(3)
    places = [full.join(size) for size in (1, 2, 3, 1)]
    person = entry(places[0]).person_id
    waitlist_staff.move(places[0], 3, actor_id=person)
    waitlist.leave(entry(places[1]).person_id, places[1], actor_id=person)
    (stretch,) = Stretch.objects.filter(cohort=full.cohort)
    assert (stretch.places, stretch.seats, stretch.counted) == (3, 5, 3)
    assert standing.of_entry(person, places[0]).position == 2
    for place in (places[0], *places[2:]):
        waitlist.leave(entry(place).person_id, place, actor_id=person)
    assert not Stretch.objects.filter(cohort=full.cohort).exists()
