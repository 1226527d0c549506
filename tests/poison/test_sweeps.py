"""Periodic work that walks over rows: one that always fails holds up no other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import connection

from matricula.catalog import search
from matricula.catalog.jobs import index_courses
from matricula.catalog.models import Course
from matricula.flows import expire, jobs, openings, promote, remind, tax_ids, tell, waitlist
from matricula.interest.models import Interest
from matricula.kernel import failures
from matricula.kernel.models import FailedWork
from matricula.seats.models import Hold
from tests.poison.conftest import SetAside
from tests.poison.registry import poisons
from tests.support.factories import make_course, make_person
from tests.support.paying import checkout
from tests.support.sandbox import Sandbox
from tests.waitlist.conftest import full_course

JOBS = "matricula.flows.jobs"


def fails_for(bad: Any, real: Any) -> Any:
    """The function, but that it fails where its first argument is or holds the bad one."""

    def poisoned(first: Any, *rest: Any, **more: Any) -> Any:
        if first == bad or (isinstance(first, Sequence) and bad in first):
            raise KeyError("poison")
        return real(first, *rest, **more)

    return poisoned


@poisons(f"{JOBS}.expire_holds")
def test_a_hold_that_cannot_be_released_holds_up_no_other(
    failed: SetAside, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = (checkout(sandbox).enrollment for _ in range(2))
    Hold.objects.filter(key__in=[bad.pk, good.pk]).update(expires_at="2020-01-01T00:00:00Z")
    monkeypatch.setattr(expire, "_expire_batch", fails_for(bad.pk, expire._expire_batch))
    expire.expire_due()
    states = dict(Hold.objects.filter(key__in=[bad.pk, good.pk]).values_list("key", "state"))
    assert states == {bad.pk: "held", good.pk: "expired"}
    assert failed.of("expired_holds") == [str(bad.pk)]
    assert expire.expire_due() == 0  # it is not tried again before its pause is over


@poisons(f"{JOBS}.sweep_waitlists")
def test_a_waitlist_that_cannot_be_served_holds_up_no_other(
    failed: SetAside, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists = [full_course() for _ in range(2)]
    for full in lists:
        full.join()
        full.free()
    bad, good = (full.cohort for full in lists)
    monkeypatch.setattr(promote, "promote", fails_for(bad, promote.promote))
    promote.sweep()
    assert failed.of("waitlists") == [str(bad)]
    assert lists[1].count.sold == 1
    assert str(good) not in failures.held_back("waitlists")


def test_once_it_works_again_the_failure_is_forgotten(
    failed: SetAside, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = full_course()
    full.join()
    full.free()
    with monkeypatch.context() as patch:
        patch.setattr(promote, "promote", fails_for(full.cohort, promote.promote))
        promote.sweep()
    FailedWork.objects.update(next_try_at="2020-01-01T00:00:00Z")
    promote.sweep()
    assert failed.of("waitlists") == []


@poisons(f"{JOBS}.tell_openings")
def test_a_course_whose_opening_cannot_be_told_holds_up_no_other(
    failed: SetAside, monkeypatch: pytest.MonkeyPatch
) -> None:
    courses = [make_course(), make_course()]
    for course in courses:
        Interest.objects.create(course=course, person=make_person())
    real = openings._tell_some

    def poisoned(found: Any) -> int:
        if found.course.id == courses[0].pk:
            raise KeyError("poison")
        return real(found)

    monkeypatch.setattr(openings, "_tell_some", poisoned)
    assert openings.tell_openings() == 1
    assert failed.of("course_openings") == [str(courses[0].pk)]


@poisons(f"{JOBS}.check_tax_ids")
def test_a_vat_id_that_cannot_be_checked_holds_up_no_other(
    failed: SetAside, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[int] = []
    asks = replace(settings.ENVIRONMENT, vies_url="http://127.0.0.1:1/")
    monkeypatch.setattr(settings, "ENVIRONMENT", asks)
    monkeypatch.setattr(tax_ids.queries, "due", lambda _limit: [1, 2, 3])
    monkeypatch.setattr(tax_ids, "check", fails_for(2, checked.append))
    tax_ids.check_due()
    assert checked == [1, 3]
    assert failed.of("vat_ids") == ["2"]


@poisons(f"{JOBS}.remind_people")
def test_a_reminder_that_cannot_be_written_holds_up_no_other(
    failed: SetAside, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = (checkout(sandbox).enrollment for _ in range(2))
    said: list[UUID] = []

    def say(told: Sequence[tuple[str, Any, Any]]) -> int:
        ((_kind, _write, fact),) = told
        if fact.event_id == bad.pk:
            raise KeyError("poison")
        said.append(fact.event_id)
        return 1

    monkeypatch.setattr(remind.tell, "say", say)
    rows = type(bad).objects.filter(pk__in=[bad.pk, good.pk])
    assert remind._say("hold_ending", rows, remind.enrolling.hold_ending) == 1
    assert said == [good.pk]
    assert failed.of("reminders") == [f"hold_ending/{bad.pk}"]
    assert remind._say("hold_ending", rows, remind.enrolling.hold_ending) == 1


@poisons(f"{JOBS}.tell_missing")
def test_a_lost_message_that_cannot_be_written_holds_up_no_other(
    failed: SetAside, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    monkeypatch.setattr(
        tell, "_UNTOLD", "SELECT unnest(ARRAY[7, 8, 9]) WHERE %s::bigint[] IS NOT NULL LIMIT %s"
    )
    monkeypatch.setattr(tell, "tell", lambda seqs: fails_for(8, told.extend)(seqs) or 1)
    assert tell.tell_missing() == 2
    assert told == [7, 9]
    assert failed.of("lost_messages") == ["8"]


@poisons("matricula.catalog.jobs.index_courses")
def test_a_course_that_cannot_be_indexed_holds_up_no_other(
    failed: SetAside, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = make_course(title="Poison"), make_course(title="Sound")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE catalog_course SET search_source = ''")
    real = search.to_index

    def to_index(title: str, *texts: str) -> str:
        if title == "Poison":
            raise KeyError("poison")
        return real(title, *texts)

    monkeypatch.setattr(search, "to_index", to_index)
    index_courses(0)
    assert not Course.objects.unindexed().filter(pk=good.pk).exists()
    assert failed.of("search_index") == [str(bad.pk)]


def test_a_place_that_cannot_be_left_holds_up_no_other(
    failed: SetAside, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = full_course()
    places = [full.join() for _ in range(2)]
    monkeypatch.setattr(
        waitlist.line, "all_to_leave", lambda *_: [(place, place) for place in places]
    )
    left: list[UUID] = []

    def leave(_owner: UUID, entry: UUID, **_more: Any) -> None:
        if entry == places[0]:
            raise KeyError("poison")
        left.append(entry)

    monkeypatch.setattr(waitlist, "leave", leave)
    assert waitlist.leave_others() == 1
    assert left == [places[1]]
    assert failed.of("waitlist_leaving") == [str(places[0])]


def test_periodic_work_that_fails_is_reported_until_it_succeeds(
    failed: SetAside, monkeypatch: pytest.MonkeyPatch
) -> None:
    def poisoned() -> int:
        raise KeyError("poison")

    with monkeypatch.context() as patch:
        patch.setattr(jobs.openings, "tell_openings", poisoned)
        assert jobs.tell_openings(0) == 0
    assert failed.of("periodic_tasks") == [f"{JOBS}.tell_openings"]
    jobs.tell_openings(0)
    assert failed.of("periodic_tasks") == []
