"""What the tests of accounts share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django import DjangoDbBlocker

from matricula.accounts.models import Person
from tests.support.crowds import django_on
from tests.support.people import person


@pytest.fixture
def address(fresh_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """A database of the test's own, to which Django's connection leads."""
    with django_db_blocker.unblock(), django_on(fresh_database):
        yield fresh_database


@pytest.fixture
def learner(db: None) -> Person:
    return person(with_password=True, full_name="Lea Learner")


@pytest.fixture
def request_() -> HttpRequest:
    """A request as it reaches an operation of the API."""
    return api_request()


def api_request() -> HttpRequest:
    request = RequestFactory(HTTP_HOST="127.0.0.1").post("/api/v1/auth/signup")
    for middleware in (SessionMiddleware, AuthenticationMiddleware, MessageMiddleware):
        middleware(_unanswered).process_request(request)
    return request


def _unanswered(request: HttpRequest) -> HttpResponse:
    """What a middleware would go on to; only their first halves are wanted."""
    raise AssertionError(request)
