"""The event log: numbered per subject, append-only, and each event owed its effects."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from pytest_django import DjangoDbBlocker

from matricula.kernel import correlation, events, ids
from matricula.kernel.events import NewEvent
from matricula.kernel.models import Event, Outbox
from tests.support.crowds import django_on, during


@pytest.fixture
def subject(db: None) -> UUID:
    return ids.new_id()


def numbers(subject: UUID) -> list[int]:
    return [event.number for event in events.of_subject(subject)]


def test_events_of_a_subject_are_numbered_from_one_without_gaps(subject: UUID) -> None:
    other = ids.new_id()
    events.append([NewEvent("a", subject), NewEvent("b", other), NewEvent("c", subject)])
    events.append([NewEvent("d", subject)])
    assert [(e.number, e.type) for e in events.of_subject(subject)] == [
        (1, "a"),
        (2, "c"),
        (3, "d"),
    ]
    assert numbers(other) == [1]


def test_an_event_keeps_all_it_is_given(subject: UUID) -> None:
    person, actor = ids.new_id(), ids.new_id()
    with correlation.following("the-request"):
        events.append([NewEvent("a", subject, person, actor, {"n": 1, "of": ["x", None]})])
    row = Event.objects.get(subject=subject)
    assert (row.person, row.actor, row.correlation_id) == (person, actor, "the-request")
    assert row.data == {"n": 1, "of": ["x", None]}
    assert row.id.version == 7


def test_reading_goes_on_after_a_number(subject: UUID) -> None:
    events.append([NewEvent(str(n), subject) for n in range(5)])
    assert [e.number for e in events.of_subject(subject, after=3)] == [4, 5]
    assert [e.number for e in events.of_subject(subject, after=1, limit=2)] == [2, 3]


def test_appending_nothing_is_nothing(db: None) -> None:
    before = Event.objects.count()
    events.append([])
    assert Event.objects.count() == before


def test_every_event_is_owed_its_effects(subject: UUID) -> None:
    events.append([NewEvent("a", subject), NewEvent("b", subject)])
    written = Event.objects.filter(subject=subject).values_list("seq", flat=True)
    assert Outbox.objects.filter(event_seq__in=written).count() == 2


def test_a_rolled_back_event_owes_nothing(subject: UUID) -> None:
    before = Outbox.objects.count()
    with transaction.atomic():
        events.append([NewEvent("a", subject)])
        transaction.set_rollback(True)
    assert (Outbox.objects.count(), numbers(subject)) == (before, [])


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE kernel_event SET type = 'another'",
        "UPDATE kernel_event SET data = data",
        "DELETE FROM kernel_event",
        "TRUNCATE kernel_event",
        "TRUNCATE kernel_event CASCADE",
    ],
)
def test_the_log_refuses_every_change(subject: UUID, change: str) -> None:
    events.append([NewEvent("a", subject)])
    with (
        connection.cursor() as cursor,
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
    ):
        cursor.execute(change)
    assert numbers(subject) == [1]


def test_of_two_appends_without_a_lock_one_fails_and_no_number_is_missing(
    fresh_database: str, django_db_blocker: DjangoDbBlocker
) -> None:
    subject = ids.new_id()

    def append() -> None:
        with transaction.atomic():
            events.append([NewEvent("a", subject), NewEvent("b", subject)])

    with django_db_blocker.unblock(), django_on(fresh_database):
        owed = Outbox.objects.count()
        second = during(fresh_database, append, append)
        assert isinstance(second.exception(), IntegrityError)
        assert numbers(subject) == [1, 2]
        assert Outbox.objects.count() == owed + 2
        append()
        assert numbers(subject) == [1, 2, 3, 4]


def test_a_subject_is_read_by_its_index(subject: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO kernel_event (id, type, subject, subject_seq, correlation_id, data)"
            " SELECT gen_random_uuid(), 'a', gen_random_uuid(), 1, '', '{}'"
            " FROM generate_series(1, 5000)"
        )
        cursor.execute("ANALYZE kernel_event")
    rows = Event.objects.filter(subject=subject, subject_seq__gt=0).order_by("subject_seq")
    assert "event_numbered_per_subject" in rows.explain()
    assert "Sort" not in rows.explain()


def test_ids_made_by_the_database_are_of_version_7_and_in_order(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT new_uuid7() FROM generate_series(1, 100)")
        made = [row[0] for row in cursor.fetchall()]
    assert {(value.version, value.variant) for value in made} == {(7, "specified in RFC 4122")}
    assert [value.int >> 80 for value in made] == sorted(value.int >> 80 for value in made)
