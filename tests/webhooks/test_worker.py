"""Many senders, and the worker itself, over a database of the test's own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from django.conf import settings
from pytest_django import DjangoDbBlocker

from matricula.flows import webhooks
from matricula.flows.enroll import Application, enroll
from matricula.kernel import outbox
from matricula.kernel.models import Event
from tests.support.crowds import all_at_once, django_on, wait_until
from tests.support.databases import site_environment
from tests.support.factories import make_people
from tests.support.sites import stop
from tests.webhooks.conftest import Told, make_told
from tests.webhooks.receivers import Receiver, dropping

_MATRICULA = str(Path(sys.executable).parent / "matricula")
PEOPLE = 6


def numbers_of(receiver: Receiver, told: Told) -> list[list[int]]:
    """The numbers as they came, for each enrollment."""
    heard: dict[str, list[int]] = {}
    for call in receiver.calls:
        data = call.verified(told.secret)["data"]
        heard.setdefault(data["enrollment_id"], []).append(data["number"])
    return list(heard.values())


def test_many_at_once_are_each_taken_once_and_arrive_in_order(
    fresh_database: str,
    django_db_blocker: DjangoDbBlocker,
    receiver: Receiver,
    loopback_allowed: None,
) -> None:
    with django_db_blocker.unblock(), django_on(fresh_database):
        told = make_told(receiver.url)
        for person in make_people(PEOPLE):
            enroll(Application(person.pk, "hot-drop"))
        outbox.dispatch_batch()
        seqs = list(Event.objects.order_by("?").values_list("seq", flat=True))
        # Parts of the log in any order, as jobs of several batches may come.
        parts = [seqs[part::5] for part in range(5)]
        owing = all_at_once(
            fresh_database, [lambda part=part: webhooks.owe(part) for part in parts]
        )
        assert owing == [None] * len(parts)
        stop = threading.Event()

        def senders() -> None:
            while not stop.is_set():
                taken = webhooks.take()
                if taken is None:
                    stop.wait(0.05)
                else:
                    webhooks.deliver(taken)

        def watch() -> None:
            try:
                wait_until(lambda: len(receiver.calls) >= PEOPLE * 3)
            finally:
                stop.set()

        outcomes = all_at_once(fresh_database, [senders] * 4 + [watch])
        assert not [one for one in outcomes if isinstance(one, Exception)]
        assert numbers_of(receiver, told) == [[1, 2, 3]] * PEOPLE


def test_a_running_worker_tells_the_receiver_and_survives_it_failing(
    fresh_database: str, django_db_blocker: DjangoDbBlocker, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.behaviours.append(dropping)
    environ = {
        **os.environ,
        **site_environment(fresh_database),
        "MATRICULA_HOME": str(tmp_path),
        "MATRICULA_SECRET_KEY": settings.SECRET_KEY,
        "MATRICULA_WEBHOOK_NETWORKS": "127.0.0.0/8",
    }
    with django_db_blocker.unblock(), django_on(fresh_database):
        told = make_told(receiver.url)
        (person,) = make_people(1)
        log = (tmp_path / "worker.log").open("wb")
        worker = subprocess.Popen([_MATRICULA, "worker"], env=environ, stdout=log, stderr=log)
        try:
            enroll(Application(person.pk, "hot-drop"))
            # Longer than a lease, in case the first try never ends.
            wait_until(
                lambda: len(receiver.calls) >= 4 or worker.poll() is not None,
                webhooks.LEASE_SECONDS * 2,
            )
        finally:
            stop(worker)
            log.close()
        assert len(receiver.calls) == 4, (tmp_path / "worker.log").read_text()
        numbers = [call.verified(told.secret)["data"]["number"] for call in receiver.calls]
        assert numbers == [1, 1, 2, 3]
