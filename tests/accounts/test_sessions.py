"""A session is read together with the person it belongs to, and holds as long as Django's would."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from matricula.accounts import sessions
from matricula.accounts.models import Person
from matricula.accounts.sessions import SessionStore
from matricula.edges.sessions import Authentication
from tests.support.factories import make_person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    sessions._owners.clear()
    yield
    sessions._owners.clear()


@pytest.fixture
def person() -> Person:
    return make_person()


@pytest.fixture
def key(person: Person) -> str:
    """The session of somebody who was seen before."""
    client = Client()
    client.force_login(person)
    key = client.session.session_key
    assert key is not None
    assert user_of(key) == person
    return key


def asked(key: str) -> HttpRequest:
    request = RequestFactory().get("/")
    request.session = SessionStore(key)
    Authentication(lambda _request: None).process_request(request)  # type: ignore[arg-type]
    return request


def user_of(key: str) -> Person | None:
    user = asked(key).user
    return user if isinstance(user, Person) else None


def test_who_was_seen_before_costs_one_query(
    person: Person, key: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        assert user_of(key) == person


def test_whoever_is_new_here_costs_two(
    person: Person, key: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    sessions._owners.clear()
    with django_assert_num_queries(2):
        assert user_of(key) == person


def test_what_is_read_of_the_person_is_what_there_is(person: Person, key: str) -> None:
    Person.objects.filter(pk=person.pk).update(full_name="Renamed", is_staff=True)
    user = user_of(key)
    assert user is not None
    for field in Person._meta.concrete_fields:
        stored = getattr(Person.objects.get(pk=person.pk), field.attname)
        assert getattr(user, field.attname) == stored
    user.full_name = "Saved"
    user.save()
    assert Person.objects.get(pk=person.pk).full_name == "Saved"


def test_whoever_signs_out_is_nobody_at_once(key: str) -> None:
    Session.objects.filter(session_key=key).delete()
    request = asked(key)
    assert not request.user.is_authenticated
    assert request.session.session_key is None


def test_a_session_past_its_time_is_nobodys(key: str) -> None:
    over = timezone.now() - timedelta(seconds=1)
    Session.objects.filter(session_key=key).update(expire_date=over)
    assert user_of(key) is None


def test_an_account_that_is_closed_is_nobody_at_once(person: Person, key: str) -> None:
    Person.objects.filter(pk=person.pk).update(is_active=False)
    assert user_of(key) is None


def test_a_new_password_ends_the_session(person: Person, key: str) -> None:
    person.set_password("something else entirely")
    person.save()
    assert user_of(key) is None
    assert not Session.objects.filter(session_key=key).exists()


def test_what_is_remembered_makes_nobody_somebody_else(person: Person, key: str) -> None:
    other = make_person()
    sessions._owners[key] = other.pk
    assert user_of(key) == person
    assert sessions._owners[key] == person.pk


def test_a_session_that_changes_hands_is_the_new_persons(key: str) -> None:
    other = make_person()
    session = SessionStore(key)
    session[SESSION_KEY] = str(other.pk)
    session[HASH_SESSION_KEY] = other.get_session_auth_hash()
    session.save()
    assert user_of(key) == other


def test_a_session_of_a_guest_is_nobodys() -> None:
    session = SessionStore()
    session["cart"] = ["hot-drop"]
    session.create()
    assert session.session_key is not None
    request = asked(session.session_key)
    assert not request.user.is_authenticated
    assert request.session["cart"] == ["hot-drop"]


def test_no_more_is_remembered_than_agreed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST_REMEMBERED", 2)
    for number in range(5):
        sessions._remember(str(number), make_person().pk)
    assert list(sessions._owners) == ["3", "4"]
