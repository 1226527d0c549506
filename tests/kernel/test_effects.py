"""What events owe together is done, many at a time, whoever dies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import OperationalError, connection
from django.db.models import F
from pytest_django import DjangoDbBlocker

from matricula.kernel import effects, events, failures, ids, outbox
from matricula.kernel.events import NewEvent
from matricula.kernel.models import Effect, Event, FailedWork
from tests.support.crowds import all_at_once, django_on, during
from tests.support.plans import reads_of

TYPE = "tests.together"


class Work:
    """Stands for any effect; remembers what it was given. The events in `poison` cannot be done."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.poison: set[int] = set()

    def __call__(self, seqs: Sequence[int]) -> None:
        if self.poison.intersection(seqs):
            raise ValueError(seqs)
        self.calls.append(list(seqs))

    @property
    def done(self) -> list[int]:
        return sorted(seq for call in self.calls for seq in call)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    known = Work()
    monkeypatch.setattr(effects, "_works", {"work": known})
    monkeypatch.setattr(effects, "_owed", {TYPE: ["work"]})
    return known


@pytest.fixture
def address(fresh_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """A database of the test's own, to which Django's connection leads."""
    with django_db_blocker.unblock(), django_on(fresh_database):
        dispatch_all()
        Effect.objects.all().delete()
        yield fresh_database


@pytest.fixture
def empty(db: None) -> None:
    dispatch_all()
    Effect.objects.all().delete()


def dispatch_all() -> None:
    while outbox.dispatch_batch():
        pass


def happen(count: int) -> list[int]:
    """So many events, dispatched; their numbers."""
    subject = ids.new_id()
    events.append([NewEvent(TYPE, subject) for _ in range(count)])
    dispatch_all()
    return list(Event.objects.filter(subject=subject).order_by("seq").values_list("seq", flat=True))


def come_due() -> None:
    """Time passes until whatever was put off is due."""
    Effect.objects.update(due_at=F("due_at") - timedelta(days=1))


def test_events_are_done_in_one_call_in_their_order(empty: None, work: Work) -> None:
    seqs = happen(5)
    assert effects.do_due("work") == 5
    assert work.calls == [seqs]
    assert not Effect.objects.exists()


def test_an_event_of_another_type_owes_nothing(empty: None, work: Work) -> None:
    events.append([NewEvent("tests.other", ids.new_id())])
    dispatch_all()
    assert (effects.do_due("work"), work.calls) == (0, [])


def test_a_batch_is_bounded(empty: None, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effects, "BATCH", 4)
    happen(10)
    assert [effects.do_due("work") for _ in range(4)] == [4, 4, 2, 0]


def test_what_fails_fails_alone_and_is_tried_again_later(empty: None, work: Work) -> None:
    seqs = happen(3)
    work.poison = {seqs[1]}
    effects.do_due("work")
    assert work.done == [seqs[0], seqs[2]]
    (left,) = Effect.objects.all()
    assert (left.event_seq, left.tries) == (seqs[1], 1)
    assert effects.do_due("work") == 0
    work.poison = set()
    come_due()
    effects.do_due("work")
    assert work.done == seqs


def test_it_is_tried_less_and_less_often_and_then_set_aside(empty: None, work: Work) -> None:
    (poison,) = happen(1)
    work.poison = {poison}
    due = [Effect.objects.get().due_at]
    for _ in range(failures.MAX_TRIES - 1):
        assert effects.do_due("work") == 1
        due.append(Effect.objects.get().due_at)
        come_due()
    pauses = [(later - earlier) // timedelta(seconds=1) for earlier, later in pairwise(due)]
    assert pauses == sorted(pauses)
    assert effects.do_due("work") == 1
    assert not Effect.objects.exists()
    failed = FailedWork.objects.get()
    assert (failed.queue, failed.reference) == ("work", str(poison))
    assert (failed.tries, failed.next_try_at) == (failures.MAX_TRIES, None)


def test_one_that_ends_its_worker_is_done_alone_and_set_aside(empty: None, work: Work) -> None:
    seqs = happen(3)
    Effect.objects.filter(event_seq=seqs[0]).update(tries=effects.ALONE_FROM - 1)
    Effect.objects.filter(event_seq=seqs[1]).update(tries=failures.MAX_TRIES)
    effects.do_due("work")
    assert work.calls == [[seqs[2]], [seqs[0]]]
    assert FailedWork.objects.get().reference == str(seqs[1])


def test_a_database_that_fails_counts_against_nobody(
    empty: None, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(seqs: Sequence[int]) -> None:
        raise OperationalError(f"the database went away during {seqs}")

    seqs = happen(3)
    with monkeypatch.context() as patch:
        patch.setattr(effects, "_works", {"work": away})
        with pytest.raises(OperationalError):
            effects.do_due("work")
    assert effects.do_due("work") == 0  # as though a worker had died: nobody else takes it yet
    come_due()
    effects.do_due("work")
    assert work.calls == [seqs]


def test_two_workers_never_take_the_same(address: str, work: Work) -> None:
    happen(6)
    second = during(address, lambda: effects.do_due("work"), lambda: effects.do_due("work"))
    assert second.result() == 0
    assert len(work.done) == 6


def test_many_workers_share_the_work_and_miss_nothing(
    address: str, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effects, "BATCH", 7)
    seqs = happen(200)

    def do_all() -> None:
        while effects.do_due("work"):
            pass

    assert [error for error in all_at_once(address, [do_all] * 4) if error] == []
    assert work.done == seqs


def test_taking_reads_no_more_than_it_takes(empty: None, work: Work) -> None:
    happen(2 * effects.BATCH)
    Effect.objects.bulk_create(Effect(work="another", event_seq=n) for n in range(2000))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE kernel_effect")
    with reads_of("kernel_effect") as read:
        effects.do_due("work")
    assert len(work.done) == effects.BATCH
    assert read.table_scans == 0
    assert read.rows <= 3 * effects.BATCH  # taken, moved on and deleted
