"""Events and what they owe: one that cannot be dispatched or done is set aside alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.db import connection
from procrastinate.contrib.django import app
from pytest_django import DjangoDbBlocker

from matricula.kernel import effects, events, failures, ids, outbox
from matricula.kernel.events import NewEvent
from matricula.kernel.models import Effect, Event, FailedWork, Outbox
from tests.poison.conftest import SetAside
from tests.poison.registry import poisons
from tests.support.crowds import django_on

EFFECTS = ("issue_invoices", "tell_people", "owe_webhooks")
JOBS = (
    "promote_waiting",
    "send_list_message",
    "send_refund",
    "issue_credit_note",
    "check_tax_id",
)
HERE = "matricula.flows.jobs"
NO_SUCH_EVENT = 2**40
FAILING_ANNOUNCE = """
CREATE OR REPLACE FUNCTION announce(p_ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF p_ids && ARRAY(SELECT subject FROM kernel_event WHERE seq = POISON) THEN
        PERFORM 'poison'::uuid;
    END IF;
END $$
"""


@pytest.fixture
def address(fresh_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """A database of the test's own, in which nothing is owed."""
    with django_db_blocker.unblock(), django_on(fresh_database):
        while outbox.dispatch_batch():
            pass
        yield fresh_database


def happen(data: dict[str, Any]) -> int:
    subject = ids.new_id()
    events.append([NewEvent("cohort.changed", subject, data=data)])
    return Event.objects.get(subject=subject).seq


def test_a_member_that_is_not_what_its_name_says_is_dispatched_all_the_same(address: str) -> None:
    happen({"course": {"old": None, "new": str(ids.new_id())}})
    happen({"course": "no id"})
    assert outbox.dispatch_batch() == 2
    assert not Outbox.objects.exists()
    assert not FailedWork.objects.exists()


@pytest.fixture
def poison(address: str) -> int:
    """An event whose announcement fails each time."""
    before, poison, after = (happen({"course": str(ids.new_id())}) for _ in range(3))
    with connection.cursor() as cursor:
        # The function without its use, but that it fails for this one.
        cursor.execute(FAILING_ANNOUNCE.replace("POISON", str(poison)))
    assert before < poison < after
    return poison


@poisons("dispatcher")
def test_an_event_that_cannot_be_dispatched_holds_up_no_other(poison: int) -> None:
    outbox.dispatch_batch()
    assert not Outbox.objects.exists()
    assert FailedWork.objects.get().reference == str(poison)


def test_it_is_tried_again_and_then_set_aside(poison: int) -> None:
    outbox.dispatch_batch()
    for _ in range(failures.MAX_TRIES - 1):
        FailedWork.objects.update(next_try_at="2020-01-01T00:00:00Z")
        assert outbox.retry_failed() == 1
    work = FailedWork.objects.get()
    assert (work.tries, work.next_try_at) == (failures.MAX_TRIES, None)
    assert outbox.retry_failed() == 0


def test_once_it_can_be_dispatched_staff_has_it_tried_again(poison: int) -> None:
    outbox.dispatch_batch()
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE OR REPLACE FUNCTION announce(p_ids uuid[]) RETURNS void LANGUAGE sql AS ''"
        )
    failures.retry(FailedWork.objects.get(), None)
    assert not FailedWork.objects.exists()


@poisons(*(f"{HERE}.{name}" for name in EFFECTS))
@pytest.mark.parametrize("name", EFFECTS)
def test_an_event_whose_effect_fails_holds_up_no_other(
    failed: SetAside, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, done = f"{HERE}.{name}", []
    good, bad = happen({}), happen({})

    def poisoned(seqs: Sequence[int]) -> None:
        if bad in seqs:
            raise KeyError("poison")
        done.extend(seqs)

    monkeypatch.setitem(effects._works, work, poisoned)
    Effect.objects.filter(work=work).delete()
    Effect.objects.bulk_create([Effect(work=work, event_seq=seq) for seq in (good, bad)])
    effects.do_due(work)
    assert done == [good]
    Effect.objects.update(tries=failures.MAX_TRIES - 1, due_at="2020-01-01T00:00:00Z")
    effects.do_due(work)
    assert failed.is_final(work, bad)
    assert not Effect.objects.filter(work=work).exists()
    failures.retry(FailedWork.objects.get(queue=work), None)
    assert Effect.objects.get(work=work).event_seq == bad


@poisons(*(f"{HERE}.{name}" for name in JOBS))
@pytest.mark.parametrize("name", JOBS)
def test_a_job_that_always_fails_is_set_aside(failed: SetAside, name: str) -> None:
    task = app.tasks[f"{HERE}.{name}"]
    for _ in range(failures.MAX_TRIES - 1):
        with pytest.raises(Event.DoesNotExist):  # procrastinate runs it again later
            task(event_seq=NO_SUCH_EVENT)
    assert task(event_seq=NO_SUCH_EVENT) is None
    assert failed.is_final(task.name, NO_SUCH_EVENT)
