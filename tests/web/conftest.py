"""What the tests of the pages share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client

from matricula.accounts.models import Person
from matricula.edges.web.views import catalog
from matricula.flows import recommend
from tests.support.people import person


@pytest.fixture(autouse=True)
def fresh_facets() -> Iterator[None]:
    """Each process keeps the catalog's facets and what is open beside a course for a minute: longer
    than a test lasts."""
    catalog.facets_at.cache_clear()
    recommend.open_beside.cache_clear()
    recommend.reasons_beside.cache_clear()
    yield
    catalog.facets_at.cache_clear()
    recommend.open_beside.cache_clear()
    recommend.reasons_beside.cache_clear()


@pytest.fixture
def guest(db: None) -> Client:
    return Client(HTTP_HOST="127.0.0.1", raise_request_exception=False)


@pytest.fixture
def learner(db: None) -> Person:
    return person(full_name="Lea Learner")


@pytest.fixture
def member(learner: Person) -> Client:
    """The learner's browser, signed in."""
    client = Client(HTTP_HOST="127.0.0.1", raise_request_exception=False)
    client.force_login(learner)
    return client
