"""What the console's tests share: somebody of each role, signed in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from matricula.accounts.models import Person
from tests.support.factories import make_person

SignIn = Callable[[Person], Client]


def sign_in(person: Person) -> Client:
    """A browser with the person's session."""
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(person)
    return client


@pytest.fixture
def superuser(db: None) -> Person:
    return make_person(is_staff=True, is_superuser=True, full_name="Rosa Root")


@pytest.fixture
def console(superuser: Person) -> Client:
    """The console as a superuser sees it."""
    return sign_in(superuser)


@pytest.fixture
def registrar(db: None) -> Person:
    """A member of staff with some permissions."""
    person = make_person(is_staff=True, full_name="Reg Istrar")
    for name in ("view_person", "change_person", "view_course", "view_cohort", "add_completion"):
        person.user_permissions.add(Permission.objects.get(codename=name))
    return person
