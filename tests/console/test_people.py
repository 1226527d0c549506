"""People: what staff may change, and completions."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from matricula.accounts.models import Person
from matricula.enrollments.models import Completion
from tests.console.addresses import PEOPLE, ROLES, change, events_of, lines
from tests.console.conftest import sign_in
from tests.support.factories import complete, make_course, make_person

COMPLETIONS = "completion_set"


def form_of(person: Person, **fields: Any) -> dict[str, Any]:
    """The person's form as it stands, with `fields` filled in otherwise."""
    form: dict[str, Any] = {"full_name": person.full_name, "phone": person.phone}
    form |= {"is_active": "on"} if person.is_active else {}
    return {**form, **lines(COMPLETIONS), **fields}


def test_a_changed_name_is_in_the_log_without_the_name(console: Client, superuser: Person) -> None:
    person = make_person(full_name="Old Name")
    answer = console.post(change(PEOPLE, person.pk), form_of(person, full_name="New Name"))
    assert answer.status_code == 302
    (event,) = events_of(person.pk)
    assert (event.type, event.person, event.actor) == ("person.changed", person.pk, superuser.pk)
    assert event.data == {"fields": ["full_name"]}


def test_rights_are_in_the_log_with_their_values(console: Client) -> None:
    person = make_person()
    group = Group.objects.get(name="Instructors")
    console.post(change(PEOPLE, person.pk), form_of(person, is_staff="on", groups=[str(group.pk)]))
    (event,) = events_of(person.pk)
    assert event.data["changes"]["is_staff"] == {"old": False, "new": True}
    assert event.data["changes"]["groups"] == {"old": [], "new": [group.pk]}


def test_address_and_password_are_not_edited_here(console: Client) -> None:
    person = make_person()
    page = console.get(change(PEOPLE, person.pk)).content.decode()
    assert 'name="email"' not in page
    assert "argon2" not in page
    console.post(
        change(PEOPLE, person.pk), form_of(person, email="x@example.com", password="stolen")
    )
    person.refresh_from_db()
    assert person.email != "x@example.com"
    assert not person.check_password("stolen")


def test_people_are_neither_added_nor_deleted(console: Client) -> None:
    person = make_person()
    assert console.get(f"{PEOPLE}add/").status_code == 403
    answer = console.post(f"{PEOPLE}{person.pk}/delete/", {"post": "yes"})
    assert answer.status_code == 403


def test_staff_do_not_see_or_set_rights(registrar: Person) -> None:
    client, person = sign_in(registrar), make_person()
    page = client.get(change(PEOPLE, person.pk)).content.decode()
    assert "is_superuser" not in page
    rights = {"is_staff": "on", "is_superuser": "on"}
    client.post(change(PEOPLE, person.pk), form_of(person, full_name="Changed", **rights))
    person.refresh_from_db()
    assert (person.full_name, person.is_staff, person.is_superuser) == ("Changed", False, False)


@pytest.mark.parametrize("rights", [{"is_staff": True}, {"is_superuser": True}])
def test_staff_do_not_change_accounts_with_rights(
    registrar: Person, rights: dict[str, bool]
) -> None:
    other = make_person(**rights)
    client = sign_in(registrar)
    answer = client.post(change(PEOPLE, other.pk), form_of(other, full_name="Taken over"))
    assert answer.status_code == 403
    assert client.get(change(PEOPLE, other.pk)).status_code == 200


def test_nobody_changes_their_own_rights(superuser: Person, console: Client) -> None:
    console.post(
        change(PEOPLE, superuser.pk), {"full_name": "Me", "phone": "", **lines(COMPLETIONS)}
    )
    superuser.refresh_from_db()
    assert superuser.full_name == "Me"
    assert superuser.is_superuser
    assert superuser.is_active


def test_a_completion_is_recorded_by_the_member_of_staff(
    console: Client, superuser: Person
) -> None:
    person, course = make_person(), make_course(with_cohort=False)
    fields = lines(COMPLETIONS, 1, **{"0__course": course.pk, "0__person": person.pk})
    answer = console.post(change(PEOPLE, person.pk), form_of(person, **fields))
    assert answer.status_code == 302
    assert Completion.objects.get(person=person, course=course).recorded_by_id == superuser.pk
    (event,) = events_of(person.pk)
    assert event.type == "completion.recorded"
    assert event.data == {"course": str(course.pk)}


def test_a_completion_removed_is_in_the_log(console: Client) -> None:
    person, course = make_person(), make_course(with_cohort=False)
    complete(person, course)
    completion = Completion.objects.get(person=person)
    gone = {"0__id": completion.pk, "0__person": person.pk, "0__DELETE": "on"}
    fields = lines(COMPLETIONS, 1, 1, **gone)
    console.post(change(PEOPLE, person.pk), form_of(person, **fields))
    assert not Completion.objects.filter(person=person).exists()
    assert [event.type for event in events_of(person.pk)] == ["completion.removed"]


def test_the_same_completion_twice_is_a_form_error(console: Client) -> None:
    person, course = make_person(), make_course(with_cohort=False)
    complete(person, course)
    completion = Completion.objects.get(person=person)
    twice = {"0__id": completion.pk, "0__person": person.pk}
    twice |= {"1__person": person.pk, "1__course": course.pk}
    answer = console.post(
        change(PEOPLE, person.pk), form_of(person, **lines(COMPLETIONS, 2, 1, **twice))
    )
    assert answer.status_code == 200
    assert "correct the duplicate data for course" in answer.content.decode()


@pytest.mark.parametrize("term", ["{email}", "Zebedee Quux", "zebedee"])
def test_people_are_found_by_address_and_name(console: Client, term: str) -> None:
    person = make_person(full_name="Zebedee Quux")
    page = console.get(PEOPLE, {"q": term.format(email=person.email)}).content.decode()
    assert person.email in page
    assert "1 person" in page


def test_roles_are_for_superusers_and_in_the_log(console: Client, registrar: Person) -> None:
    assert sign_in(registrar).get(ROLES).status_code == 403
    view = Permission.objects.get(codename="view_course")
    assert (
        console.post(f"{ROLES}add/", {"name": "Editors", "permissions": [view.pk]}).status_code
        == 302
    )
    role = Group.objects.get(name="Editors")
    address = console.get(f"{ROLES}{role.pk}/history/")["Location"]
    (event,) = events_of(address.partition("q=")[2])
    assert event.type == "role.created"
    assert event.data["changes"]["permissions"] == {"old": [], "new": ["view_course"]}
