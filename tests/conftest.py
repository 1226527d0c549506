"""Fixtures for every test. Importing this file settles which database Django speaks to."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path

import django
import pytest
from django.conf import settings

from matricula.config import environment
from tests.support import databases, lock_waits
from tests.support.databases import TestServer
from tests.support.sandbox import Sandbox, running_sandbox
from tests.support.sites import Site, running_site


def _prepare() -> TestServer | None:
    """The controller starts the server before any worker; each worker has a database of its own.

    Runs while this file is imported, since the next conftest may import models.
    """
    server = None
    if "PYTEST_XDIST_WORKER" not in os.environ:
        server = TestServer()
        server.start()
    url = databases.new_database()
    os.environ.update(databases.site_environment(url))
    django.setup()
    # pytest has read the settings already, with what the controller left in the environment.
    settings.ENVIRONMENT = environment.load(os.environ)
    databases.lead_django_to(url)
    settings.PAGES_KEPT_FOR = 0  # what a test changes it sees at once
    return server


_server = _prepare()


def pytest_unconfigure() -> None:
    if _server is not None:
        _server.stop()


@pytest.fixture(scope="session")
def django_db_setup() -> None:
    """The worker's database is there already: a copy of the migrated template with demo data."""


@pytest.fixture
def fresh_database() -> Iterator[str]:
    """A database of this test's own, as its address, for what must really commit."""
    with databases.fresh_database() as url:
        yield url


@pytest.fixture(scope="session")
def shared_site() -> Iterator[Site]:
    """A running site that many tests share; they use people and courses of their own."""
    with running_site() as site:
        yield site


@pytest.fixture
def live_site(shared_site: Site) -> str:
    """The address of the shared site."""
    return shared_site.url


@pytest.fixture
def site() -> Iterator[Site]:
    """A running site of this test's own."""
    with running_site() as running:
        yield running


@pytest.fixture(scope="session")
def running_gateway() -> Iterator[Sandbox]:
    """The gateway that this process's settings name."""
    from matricula.payments import gateways

    with running_sandbox(settings.ENVIRONMENT.razorpay) as sandbox:
        yield sandbox
        provider = gateways.provider("razorpay")
        assert isinstance(provider, gateways.RazorpayProvider)
        provider.close()


@pytest.fixture
def without_payment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation with no payment gateway."""
    bare = replace(settings.ENVIRONMENT, razorpay=None)
    monkeypatch.setattr(settings, "ENVIRONMENT", bare)


@pytest.fixture
def sandbox(running_gateway: Sandbox) -> Sandbox:
    """The gateway, empty and without faults."""
    running_gateway.reset()
    return running_gateway


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A lock that did not come is reported with who held it."""
    report = yield
    if call.excinfo is not None and (held := lock_waits.holders(call.excinfo.value)):
        report.sections.append(("In a transaction on this database", held))
    return report


@pytest.hookimpl(trylast=True)  # after they were shuffled
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest begin first, so that none is left alone at the end: those that are given more
    time than usual, with what stands beside them."""
    # httpx tells of each request it makes: thousands, in a crowd.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    longest: Counter[Path] = Counter()
    for item in items:
        for mark in item.iter_markers("timeout"):
            longest[item.path] = max(longest[item.path], *mark.args)
    items.sort(key=lambda item: -longest[item.path])
