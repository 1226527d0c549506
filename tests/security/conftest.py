"""Browsers of those who try."""

from __future__ import annotations

import pytest
from django.test import Client

from matricula.accounts.models import Person
from tests.support.people import person


def browser(who: Person | None = None, *, careful: bool = False) -> Client:
    """A browser, signed in as somebody; a careful one sends no token it was not given."""
    client = Client(
        HTTP_HOST="127.0.0.1", enforce_csrf_checks=careful, raise_request_exception=False
    )
    if who is not None:
        client.force_login(who)
    return client


@pytest.fixture
def guest(db: None) -> Client:
    return browser()


@pytest.fixture
def learner(db: None) -> Person:
    return person(full_name="Lea Learner")


@pytest.fixture
def member(learner: Person) -> Client:
    return browser(learner)
