"""Names of people and courses are clean at every door they come in by."""

from __future__ import annotations

import json

import pytest
from django.apps import apps
from django.test import Client

from matricula.accounts import guests, profiles
from matricula.accounts.models import Person
from matricula.catalog.models import Course
from matricula.kernel.errors import ValidationFailed
from matricula.kernel.fields import LineField
from tests.support.factories import make_course, make_person

WRITTEN, CLEAN = "\u202e Ada\u200b  Lovelace", "Ada Lovelace"
UNSEEN = "\u200b\u2060"


def signup(client: Client, name: str) -> tuple[int, str]:
    person = {"email": "ada@example.com", "password": "correct-horse-9", "full_name": name}
    answer = client.post("/api/v1/auth/signup", json.dumps(person), content_type="application/json")
    return answer.status_code, answer.content.decode()


def test_signing_up_by_the_api(db: None, client: Client) -> None:
    status, problem = signup(client, UNSEEN)
    assert (status, "full_name" in problem) == (422, True)
    assert signup(client, WRITTEN)[0] == 201
    assert Person.objects.get(email="ada@example.com").full_name == CLEAN


def test_signing_up_on_the_page(db: None, client: Client) -> None:
    form = {"email": "ada@example.com", "password1": "correct-horse-9", "full_name": UNSEEN}
    answer = client.post("/accounts/signup/", form)
    assert "Use letters that can be seen." in answer.content.decode()
    client.post("/accounts/signup/", {**form, "full_name": WRITTEN})
    assert Person.objects.get(email="ada@example.com").full_name == CLEAN


def test_a_guest(db: None) -> None:
    with pytest.raises(ValidationFailed):
        guests.make("ada@example.com", UNSEEN)
    assert guests.make("ada@example.com", WRITTEN).full_name == CLEAN


def test_a_profile(db: None, client: Client) -> None:
    person = make_person()
    client.force_login(person)
    answer = client.post("/me/profile/", {"full_name": UNSEEN})
    assert "Use letters that can be seen." in answer.content.decode()
    assert profiles.change(person.pk, full_name=WRITTEN).full_name == CLEAN


def test_however_it_is_written_the_database_has_the_clean_line(db: None) -> None:
    course = make_course(title=WRITTEN)
    assert (course.title, Course.objects.get(pk=course.pk).title) == (CLEAN, CLEAN)
    Course.objects.filter(pk=course.pk).update(title=f"{WRITTEN}\n2")
    assert Course.objects.get(pk=course.pk).title == f"{CLEAN} 2"
    assert Course.objects.get(pk=course.pk).search_index


def test_what_people_are_called_is_always_a_line() -> None:
    """A column for a name that is none would take what nobody sees."""
    columns = {
        f"{field.model.__name__}.{field.name}": field
        for model in apps.get_models()
        if model.__module__.startswith("matricula.")
        for field in model._meta.local_fields
        if field.name.removeprefix("buyer_").removeprefix("billing_")
        in {"full_name", "name", "title", "summary", "subject", "instructor_name", "legal_name"}
        and field.get_internal_type() == "CharField"
    }
    copies = {"OrderLine.title", "Delivery.subject", "TaxId.name"}  # nobody types them here
    others = {name for name, field in columns.items() if not isinstance(field, LineField)}
    assert others - copies == set()
