"""Failed work: staff sees what was set aside, and tries it again or drops it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from matricula.accounts.models import Person
from matricula.flows import remind
from matricula.kernel import failures
from matricula.kernel.failures import WorkQueue
from matricula.kernel.models import Event, FailedWork
from matricula.notifications.models import Delivery, Message
from tests.console.conftest import sign_in
from tests.support.factories import make_person

LIST = "/console/kernel/failedwork/"


@pytest.fixture
def retried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A queue of the test's own; what of it was tried again."""
    items: list[str] = []
    queue = WorkQueue("tests", "Test queue", retry=items.append)
    monkeypatch.setattr(failures, "_queues", {**failures._queues, "tests": queue})
    return items


@pytest.fixture
def work(retried: list[str], db: None) -> FailedWork:
    failures.set_aside("tests", "item-1", "KeyError: <script>", 8)
    return FailedWork.objects.get()


def test_what_is_set_aside_is_listed_and_counted_on_the_overview(
    console: Client, work: FailedWork
) -> None:
    failures.record("tests", "item-2", KeyError("still tried"))
    page = console.get(LIST).content.decode()
    assert "Test queue" in page
    assert "item-1" in page
    assert "item-2" not in page
    assert "KeyError: &lt;script&gt;" in page
    assert "item-2" in console.get(f"{LIST}?state=retrying").content.decode()
    assert "Failed work" in console.get("/console/").content.decode()


def test_staff_has_it_tried_again(
    console: Client, superuser: Person, work: FailedWork, retried: list[str]
) -> None:
    asked = console.get(f"{LIST}{work.pk}/again/")
    assert "processed once more" in asked.content.decode()
    answer = console.post(f"{LIST}{work.pk}/again/")
    assert (answer.status_code, answer["Location"]) == (302, LIST)
    assert retried == ["item-1"]
    assert not FailedWork.objects.exists()
    event = Event.objects.get(subject=work.pk)
    assert (event.type, event.actor) == ("failed_work.retried", superuser.pk)


def test_staff_drops_it(console: Client, work: FailedWork, retried: list[str]) -> None:
    console.post(f"{LIST}{work.pk}/drop/")
    work.refresh_from_db()
    assert work.dropped_at is not None
    assert "item-1" not in console.get(LIST).content.decode()
    console.post(f"{LIST}{work.pk}/again/")
    assert retried == []
    assert failures.set_aside_counts() == {}


def test_only_who_may_change_it_decides(work: FailedWork, retried: list[str]) -> None:
    reader = make_person(is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_failedwork"))
    browser = sign_in(reader)
    assert browser.get(LIST).status_code == 200
    assert browser.post(f"{LIST}{work.pk}/again/").status_code == 403
    assert sign_in(make_person(is_staff=True)).get(LIST).status_code == 403
    assert retried == []


@pytest.fixture
def told(superuser: Person) -> Callable[[], int]:
    def count() -> int:
        return Message.objects.filter(person=superuser, kind="failed_work").count()

    return count


def test_staff_is_told_once_until_it_is_dealt_with(
    work: FailedWork, told: Callable[[], int]
) -> None:
    failures.set_aside("tests", "item-2", "KeyError", 8)
    for _ in range(2):
        remind.tell_failed_work()
    assert told() == 1
    assert Delivery.objects.filter(kind="failed_work").exists()
    failures.retry(work, None)
    remind.tell_failed_work()
    assert told() == 2
