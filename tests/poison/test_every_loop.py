"""Every background loop has a poison test: a new one without fails here."""

from __future__ import annotations

import importlib
import pkgutil

from procrastinate.contrib.django import app

import tests.poison
from matricula import worker
from matricula.kernel import failures
from tests.poison import registry


def loops() -> set[str]:
    """The worker's threads and every job of ours, as a running worker finds them."""
    jobs = {name for name in app.tasks if name.startswith("matricula.")}
    return set(worker.loops()) | jobs


def test_every_loop_has_a_poison_test_or_no_items() -> None:
    for module in pkgutil.iter_modules(tests.poison.__path__, "tests.poison."):
        importlib.import_module(module.name)
    importlib.import_module("tests.kernel.test_stalled_jobs")
    assert loops() - registry.covered - registry.WITHOUT_ITEMS == set()
    assert (registry.covered | registry.WITHOUT_ITEMS) - loops() == set()


def test_every_queue_says_what_it_is() -> None:
    for queue in failures.queues():
        assert queue.title
        assert not queue.backlog or queue.backlog.startswith("SELECT count(*), min(")
