"""A connection plans once, perhaps over tables that are nearly empty, and the tables grow."""

from __future__ import annotations

import pytest
from django.db import connection

from matricula.accounts.models import Person
from matricula.catalog import shelf
from matricula.catalog.models import Cohort
from matricula.enrollments import standings
from matricula.enrollments.models import Enrollment
from matricula.kernel import outbox
from matricula.kernel.models import Event, RememberedAnswer
from matricula.seats.models import Hold
from tests.support.claims import Wish, enroll_people
from tests.support.factories import make_course, make_people
from tests.support.plans import Reads, reads_of

pytestmark = pytest.mark.django_db
TABLES = [model._meta.db_table for model in (Enrollment, Hold, RememberedAnswer)]
TWICE = 2 * 20  # people


@pytest.fixture(autouse=True)
def _young(db: None) -> None:
    """Tables as of a young installation, also on disk: what other tests took back has left pages,
    and by their number a planner decides."""
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(TABLES)} CASCADE")


def reads_of_enrolling() -> list[Reads]:
    """What two rounds of people read of each table by plans made while it was nearly empty: of the
    first, then of the second."""
    cohort = Cohort.objects.get(course=make_course(capacity=None))
    people = [person.pk for person in make_people(TWICE)]
    reads: list[Reads] = []
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {', '.join(TABLES)}")
        cursor.execute("DISCARD PLANS")
        for some in (people[::2], people[1::2]):
            wishes = [
                Wish(person, cohort.course_id, cohort.pk, key=f"key {person}") for person in some
            ]
            with (
                reads_of(TABLES[0]) as first,
                reads_of(TABLES[1]) as second,
                reads_of(TABLES[2]) as third,
            ):
                assert {row.outcome for row in enroll_people(cursor, wishes)} == {"enrolled"}
            reads += [first, second, third]
    return reads


def reads_of_standings() -> list[Reads]:
    """What standings read of each table, by a plan made while it was nearly empty, once as many
    people as they are asked for are enrolled in the course."""
    course = make_course(capacity=None)
    people = [person.pk for person in make_people(TWICE)]
    plan = shelf.find([course.slug]).by_name[course.slug]
    asked = [standings.Asking(person, plan, f"key {person}") for person in people]
    tables = (TABLES[0], TABLES[2], Person._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {', '.join(tables)}")
        cursor.execute("DISCARD PLANS")
        standings.read(asked)
        cohort = Cohort.objects.get(course=course)
        wishes = [Wish(one, course.pk, cohort.pk, key=f"key {one}") for one in people]
        enroll_people(cursor, wishes)
    with reads_of(tables[0]) as first, reads_of(tables[1]) as second, reads_of(tables[2]) as third:
        found = standings.read(asked)
    assert all(one.standing.live and one.remembered for one in found)
    return [first, second, third]


def test_standings_never_read_a_table_or_an_index_whole() -> None:
    reads = reads_of_standings()
    assert [read.table_scans for read in reads] == [0, 0, 0]
    assert max(read.rows for read in reads) <= TWICE


def test_without_their_setting_they_would() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER FUNCTION standings_of RESET enable_seqscan")
    assert sum(read.table_scans for read in reads_of_standings()) > 0


def scans_of_enrolling() -> int:
    return sum(read.table_scans for read in reads_of_enrolling())


def rows_of_second_round() -> int:
    return max(read.rows for read in reads_of_enrolling()[3:])


def test_enrolling_never_reads_a_table_whole() -> None:
    assert scans_of_enrolling() == 0


def test_without_its_setting_it_would() -> None:
    with connection.cursor() as cursor:
        for function in ("enroll_people", "claim_seats"):
            cursor.execute(f"ALTER FUNCTION {function} RESET enable_seqscan")
    assert scans_of_enrolling() > 0


def test_enrolling_never_reads_an_index_whole() -> None:
    assert rows_of_second_round() <= TWICE  # a few for each, not all of the first round for each


def test_without_its_index_it_would() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX one_live_hold_per_key")
    assert rows_of_second_round() > TWICE


def test_the_dispatcher_never_reads_the_log_whole() -> None:
    while outbox.dispatch_batch():
        pass
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {Event._meta.db_table}, kernel_outbox")
        cursor.execute("DISCARD PLANS")
    for _ in range(8):  # after some calls the plan knows no values any more
        scans_of_enrolling()
        with reads_of(Event._meta.db_table) as log, reads_of("kernel_outbox") as owed:
            assert outbox.dispatch_batch()
        assert (log.table_scans, owed.table_scans) == (0, 0)
