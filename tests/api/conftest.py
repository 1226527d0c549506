"""What the API's tests share."""

from __future__ import annotations

import pytest

from matricula.accounts.models import Person
from tests.support.people import ApiClient, client_of, person


@pytest.fixture
def learner(db: None) -> Person:
    return person(full_name="Lea Learner")


@pytest.fixture
def api(learner: Person) -> ApiClient:
    """A client with the learner's token."""
    return client_of(learner.pk)


@pytest.fixture
def guest(db: None) -> ApiClient:
    return ApiClient()
