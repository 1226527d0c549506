"""A crowd lines up at once: whoever arrived first is served first, and nobody is passed over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from matricula.enrollments import actions as enrollments
from matricula.enrollments.models import Enrollment
from matricula.enrollments.queries import EnrollmentRecord
from matricula.flows import admit, cancel, rooms
from matricula.kernel import ids
from matricula.kernel.models import Event
from matricula.seats import actions as seats
from matricula.waitingroom.models import Ticket
from tests.races.conftest import Track
from tests.support.crowds import AT_THE_GATE as WAIT
from tests.support.crowds import Gate, all_at_once, at_once, beside, changed, during, text_of

CROWD, SEATS = 60, 10
ADMIT = text_of("flows/sql/admit.sql")
# Numbers from a sequence, as one would do it without thinking: given before the commit, so that a
# slow commit turns up behind those served.
COUNTED = """        UPDATE waitingroom_line l SET last_number = l.last_number + q.total
          FROM (SELECT DISTINCT cohort, total FROM queued) q WHERE l.cohort_id = q.cohort
        RETURNING l.cohort_id, l.last_number - q.total AS before"""
SEQUENCED = changed(
    changed(ADMIT, "      ORDER BY l.cohort_id\n        FOR NO KEY UPDATE;", ";"),
    COUNTED,
    "SELECT DISTINCT cohort AS cohort_id, nextval('numbers') - 1 AS before FROM queued",
)


def a_drop(track: Track, capacity: int | None) -> tuple[UUID, UUID]:
    course, cohort = track.course(capacity)
    rooms.set_room(cohort, is_drop=True, opens_above=None)
    return course, cohort


def taking(person: UUID, course: UUID, cohort: UUID) -> Callable[[psycopg.Connection[Any]], str]:
    """Work for a thread: one ticket."""

    def work(connection: psycopg.Connection[Any]) -> str:
        row = connection.execute(
            "SELECT outcome FROM take_tickets(%s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[],"
            " %s::jsonb[], %s::text[], %s::text[], interval '0')",
            [[person], [course], [cohort], [ids.new_id()], [Jsonb({})], [""], [None]],
        ).fetchone()
        assert row is not None
        return str(row[0])

    return work


def test_a_crowd_is_served_in_the_order_in_which_it_was_queued(track: Track) -> None:
    course, cohort = a_drop(track, SEATS)
    works = [taking(person, course, cohort) for person in track.crowd(CROWD)]
    assert set(at_once(track.url, works)) == {"queued"}
    while admit.serve(cohort, 7):
        pass
    queued = Event.objects.filter(type="enrollment.queued").order_by("seq")
    admitted = Event.objects.filter(type="enrollment.confirmed").order_by("seq")
    first = list(queued.values_list("subject", flat=True))[:SEATS]
    assert list(admitted.values_list("subject", flat=True)) == first
    assert track.broken_promises() == []


def test_a_crowd_is_served_in_order_while_it_still_arrives(track: Track) -> None:
    course, cohort = a_drop(track, SEATS)
    people = track.crowd(CROWD)

    def arrive(person: UUID) -> Callable[[], int]:
        return lambda: len(admit.queue([admit.Request(person, course, cohort)]))

    def serve() -> int:
        return sum(admit.serve(cohort, 5) for _ in range(40))

    works = [serve, *[arrive(person) for person in people[: CROWD // 3]], serve]
    assert all(isinstance(result, int) for result in all_at_once(track.url, works))
    while admit.serve(cohort):
        pass
    assert track.sold(cohort) == SEATS
    assert track.broken_promises() == []


def slow_first(track: Track, sql: str) -> UUID:
    """The first ticket of a line is taken but not committed when the second comes, and the line is
    served meanwhile. The first one's enrollment."""
    track.install(sql)
    course, cohort = a_drop(track, SEATS)
    slow, quick = track.crowd(2)
    first = admit.Request(slow, course, cohort)

    def second_comes_and_is_served() -> None:
        admit.queue([admit.Request(quick, course, cohort)])
        admit.serve(cohort)

    during(track.url, lambda: admit.queue([first]), second_comes_and_is_served).result()
    admit.serve(cohort)
    return first.enrollment_id


def test_a_slow_commit_keeps_its_turn(track: Track) -> None:
    enrollment = slow_first(track, ADMIT)
    assert Ticket.objects.get(pk=enrollment).state == "admitted"
    assert track.broken_promises() == []


def test_with_numbers_of_a_sequence_a_slow_commit_is_passed_over(track: Track) -> None:
    track.run("CREATE SEQUENCE numbers")
    enrollment = slow_first(track, SEQUENCED)
    assert Ticket.objects.get(pk=enrollment).state == "waiting"
    assert any("served up to" in text for text in track.broken_promises())


def test_two_requests_of_one_person_are_one_ticket(track: Track) -> None:
    course, cohort = a_drop(track, SEATS)
    (person,) = track.crowd(1)
    answers = at_once(track.url, [taking(person, course, cohort) for _ in range(12)])
    assert sorted(map(str, answers)) == ["already"] * 11 + ["queued"]
    assert Ticket.objects.filter(line=cohort).count() == 1


# Between taking the counter's lock and locking the enrollments.
GATED = changed(
    ADMIT, "    WITH here AS MATERIALIZED (", f"    {WAIT}\n    WITH here AS MATERIALIZED ("
)


def leaving_while_served(track: Track, sql: str) -> tuple[UUID, Any]:
    """Somebody leaves at the moment when they are let in."""
    track.install(sql)
    course, cohort = a_drop(track, SEATS)
    (person,) = track.crowd(1)
    (ticket,) = admit.queue([admit.Request(person, course, cohort)])
    gate = Gate(track.url)
    with beside(track.url, lambda: admit.serve(cohort)) as serving:

        def leave() -> object:
            return cancel.cancel(ticket.enrollment_id, person, actor_id=person)

        with beside(track.url, leave) as leaving:
            gate.open()
    assert serving.result() == 1
    return cohort, leaving.result()


def test_who_leaves_while_being_let_in_gives_the_seat_back(track: Track) -> None:
    cohort, record = leaving_while_served(track, GATED)
    assert record.status == "cancelled"
    assert track.sold(cohort) == 0
    assert track.broken_promises() == []


def test_without_the_counters_lock_and_the_stage_seen_the_seat_of_who_left_is_lost(
    track: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancel_blindly(record: EnrollmentRecord, _actor: UUID, reason: str) -> None:
        seats.release([record.id])
        (enrollment,) = enrollments.lock([record.id])
        enrollments.move(enrollment, "cancel", reason=reason)

    monkeypatch.setattr(cancel.seats, "lock_counters", lambda _cohorts: None)
    monkeypatch.setattr(cancel, "_cancel_one", cancel_blindly)
    unlocked = changed(
        GATED,
        "    PERFORM 1 FROM seats_seatcount s WHERE s.cohort_id = p_cohort FOR NO KEY UPDATE;",
        "",
    )
    # Served with the enrollment locked already, as it is while the events are written.
    late = changed(unlocked, f"    {WAIT}\n", "")
    late = changed(
        late, "    UPDATE waitingroom_ticket t\n", f"    {WAIT}\n    UPDATE waitingroom_ticket t\n"
    )
    cohort, _ = leaving_while_served(track, late)
    assert track.sold(cohort) == 1
    assert Enrollment.objects.filter(cohort=cohort, stage="confirmed").count() == 0
    assert any(text.startswith("seats") for text in track.broken_promises())


def test_only_one_serves_a_line_at_a_time(track: Track) -> None:
    course, cohort = a_drop(track, SEATS)
    people = track.crowd(4)
    admit.queue([admit.Request(person, course, cohort) for person in people])
    other = during(track.url, lambda: admit.serve(cohort, 2), lambda: admit.serve(cohort, 2))
    assert other.result() == 0
