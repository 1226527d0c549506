"""From event to job: once each, in one transaction, whoever dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection, transaction
from procrastinate.contrib.django import app
from pytest_django import DjangoDbBlocker

from matricula.kernel import correlation, events, failures, ids, notices, outbox
from matricula.kernel.events import NewEvent
from matricula.kernel.models import Event, FailedWork, Outbox
from tests.support.crowds import all_at_once, connect, django_on, during, wait_until
from tests.support.databases import site_environment

DISPATCH = """
import django; django.setup()
from procrastinate.contrib.django import app
from matricula.kernel import outbox
note = app.task(name="tests.kernel.note")(lambda event_seq, correlation_id: None)
outbox.owe(note, "tests.happened")
outbox.dispatch_batch()
"""


@app.task(name="tests.kernel.note")
def note(event_seq: int, correlation_id: str) -> None:
    """Stands for any effect."""


@pytest.fixture(autouse=True)
def only_notes_are_owed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "_owed", defaultdict(list))
    outbox.owe(note, "tests.happened")


@pytest.fixture
def address(fresh_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """A database of the test's own, to which Django's connection leads."""
    with django_db_blocker.unblock(), django_on(fresh_database):
        dispatch_all()
        yield fresh_database


@pytest.fixture
def empty(db: None) -> None:
    dispatch_all()


def dispatch_all() -> None:
    while outbox.dispatch_batch():
        pass


def happen(count: int = 1, event_type: str = "tests.happened") -> UUID:
    subject = ids.new_id()
    events.append([NewEvent(event_type, subject) for _ in range(count)])
    return subject


def noted() -> list[int]:
    """The events that have a job, in order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (args->>'event_seq')::bigint FROM procrastinate_jobs"
            " WHERE task_name = 'tests.kernel.note' ORDER BY 1"
        )
        return [row[0] for row in cursor.fetchall()]


def written(subject: UUID) -> list[int]:
    rows = Event.objects.filter(subject=subject).order_by("seq")
    return list(rows.values_list("seq", flat=True))


def test_each_event_gets_the_job_it_owes(empty: None) -> None:
    subject = happen(3)
    assert outbox.dispatch_batch() == 3
    assert noted() == written(subject)
    assert not Outbox.objects.exists()


def test_a_job_follows_the_request_that_caused_it(empty: None) -> None:
    with correlation.following("the-request"):
        happen()
    outbox.dispatch_batch()
    with connection.cursor() as cursor:
        cursor.execute("SELECT args->>'correlation_id' FROM procrastinate_jobs ORDER BY id DESC")
        assert cursor.fetchone() == ("the-request",)


def test_an_event_that_owes_nothing_is_only_taken(empty: None) -> None:
    happen(event_type="tests.other")
    assert outbox.dispatch_batch() == 1
    assert (noted(), Outbox.objects.count()) == ([], 0)


def test_nothing_owed_is_nothing_done(empty: None) -> None:
    assert outbox.dispatch_batch() == 0


def test_a_batch_is_bounded(empty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "BATCH", 4)
    subject = happen(10)
    assert [outbox.dispatch_batch() for _ in range(4)] == [4, 4, 2, 0]
    assert noted() == written(subject)


def test_a_rollback_leaves_the_event_owed(empty: None) -> None:
    subject = happen()
    with transaction.atomic():
        outbox.dispatch_batch()
        transaction.set_rollback(True)
    assert noted() == []
    assert list(Outbox.objects.values_list("event_seq", flat=True)) == written(subject)


def test_live_processes_are_told_once_a_batch_whom_it_is_about(address: str) -> None:
    with connect(address) as listener:
        listener.execute(f"LISTEN {notices.CHANNEL}")
        subject, course = happen(5), ids.new_id()
        events.append([NewEvent("tests.happened", subject, data={"course": str(course)})])
        outbox.dispatch_batch()
        heard = [notice.payload for notice in listener.notifies(timeout=5, stop_after=1)]
        heard += [notice.payload for notice in listener.notifies(timeout=0)]
    (payload,) = heard
    assert set(notices.read(payload) or ()) == {subject, course}


def test_two_dispatchers_never_take_the_same_event(address: str) -> None:
    subject = happen(6)
    second = during(address, outbox.dispatch_batch, outbox.dispatch_batch)
    assert second.result() == 0
    assert noted() == written(subject)


def test_many_dispatchers_share_the_work_and_miss_nothing(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "BATCH", 7)
    subject = happen(200)
    assert [error for error in all_at_once(address, [dispatch_all] * 6) if error] == []
    assert noted() == written(subject)


def test_an_event_committed_later_with_a_lower_number_is_not_missed(address: str) -> None:
    with connect(address) as slow:
        slow.execute("BEGIN")
        subject = ids.new_id()
        slow.execute(
            "SELECT append_events(ARRAY['tests.happened'], ARRAY[%s::uuid], ARRAY[NULL::uuid],"
            " ARRAY[NULL::uuid], ARRAY[''], ARRAY['{}'::jsonb])",
            [subject],
        )
        quick = happen()
        dispatch_all()
        assert noted() == written(quick)
        slow.execute("COMMIT")
    dispatch_all()
    assert written(subject) < written(quick)
    assert noted() == written(subject) + written(quick)


def test_a_dispatcher_killed_at_work_loses_nothing(address: str) -> None:
    subject = happen(3)
    environ = {**os.environ, **site_environment(address)}
    with connect(address) as keeper:
        keeper.execute("BEGIN; LOCK TABLE procrastinate_jobs IN ACCESS EXCLUSIVE MODE")
        process = subprocess.Popen(
            [sys.executable, "-c", DISPATCH], env=environ, stdout=subprocess.PIPE
        )
        with process:
            wait_until(lambda: _is_anyone_waiting(address))
            process.send_signal(signal.SIGKILL)
        keeper.execute("COMMIT")
    wait_until(lambda: not _is_anyone_else(address))
    dispatch_all()  # unless the database had all it needed and went on alone
    assert noted() == written(subject)


def _is_anyone_waiting(address: str) -> bool:
    with connect(address) as watcher:
        row = watcher.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND cardinality(pg_blocking_pids(pid)) > 0"
        ).fetchone()
    return row is not None and row[0] > 0


def _is_anyone_else(address: str) -> bool:
    """Whether the killed process still has a connection."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND application_name = 'matricula'"
        )
        return bool(cursor.fetchone()[0])


def refuse_jobs(is_refused: bool) -> None:
    """Has the database refuse every new job, or take them again."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE procrastinate_jobs DROP CONSTRAINT IF EXISTS closed")
        if is_refused:
            cursor.execute(
                "ALTER TABLE procrastinate_jobs ADD CONSTRAINT closed CHECK (false) NOT VALID"
            )


def test_an_effect_that_cannot_be_enqueued_leaves_the_event_owed(address: str) -> None:
    subject = happen()
    refuse_jobs(True)
    outbox.dispatch_batch()
    assert noted() == []
    failed = FailedWork.objects.get()
    assert [int(failed.reference)] == written(subject)
    assert failed.next_try_at is not None


def test_a_dispatcher_outlives_a_database_that_refuses_its_jobs(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(failures, "FIRST_PAUSE", timedelta(0))
    monkeypatch.setattr(failures, "MAX_TRIES", 10_000)
    subject, stop = happen(), threading.Event()
    refuse_jobs(True)

    def dispatch() -> None:
        outbox.dispatch_until(stop)

    try:
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(all_at_once, address, [dispatch])
            wait_until(lambda: done.done() or _has_tried(address))
            refuse_jobs(False)
            wait_until(lambda: done.done() or noted() == written(subject))
            stop.set()
            assert done.result() == [None]
    finally:
        stop.set()
    assert noted() == written(subject)


def _has_tried(address: str) -> bool:
    with connect(address) as watcher:
        row = watcher.execute(
            "SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
    return row is not None and row[0] > 0
