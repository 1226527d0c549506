"""Fixtures for every test. Importing this file settles which database Django speaks to."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator

import pytest

from tests.support import databases
from tests.support.databases import TestServer
from tests.support.sites import Site, running_site

_IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ
_server: TestServer | None = None


def pytest_configure(config: pytest.Config) -> None:
    """The controller starts the server before any worker; each worker has a database of its own."""
    global _server  # noqa: PLW0603 - pytest's hooks have no other place for it
    if config.option.collectonly or config.option.help:
        os.environ.setdefault(databases.HOME, "/tmp")  # noqa: S108 - nothing is run
        os.environ.update(databases.site_environment("postgresql:///nothing"))
        return
    if not _IS_WORKER:
        _server = TestServer()
        _server.start()
    name = f"matricula_{secrets.token_hex(6)}"
    databases._create(name, databases.TEMPLATE)
    os.environ.update(databases.site_environment(databases.url_of(name)))


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
