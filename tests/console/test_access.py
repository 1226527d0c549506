"""Who comes in, and what every answer carries."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import URLPattern, URLResolver

from matricula.accounts.models import Person
from matricula.edges.console.site import console as site
from tests.console import addresses
from tests.console.conftest import sign_in
from tests.support.factories import make_person

WITHOUT_STAFF = {"login", "logout"}


def every_address() -> list[str]:
    """Each pattern of the console, with something in the place of its parts."""
    found: list[str] = []

    def walk(patterns: list[URLPattern | URLResolver], start: str) -> None:
        for pattern in patterns:
            text = start + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                walk(pattern.url_patterns, text)
            elif pattern.name not in WITHOUT_STAFF:
                found.append(text)

    walk(site.get_urls(), "/console/")
    return [_filled(text) for text in found]


def _filled(text: str) -> str:
    parts = {
        "<path:object_id>": "1",
        "<int:content_type_id>": "1",
        "^(?P<app_label>accounts|auth|catalog|enrollments|kernel|seats)/$": "catalog/",
        "(?P<url>.*)$": "nowhere",
    }
    for part, value in parts.items():
        text = text.replace(part, value)
    return text


@pytest.mark.parametrize("address", every_address())
def test_a_guest_is_sent_to_sign_in(db: None, address: str) -> None:
    answer = Client(HTTP_HOST="127.0.0.1").get(address)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/console/login/")


@pytest.mark.parametrize("address", every_address())
def test_a_learner_gets_nowhere(db: None, address: str) -> None:
    answer = sign_in(make_person()).get(address)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/console/login/")


def test_signing_in_happens_on_the_sites_own_page(db: None) -> None:
    answer = Client(HTTP_HOST="127.0.0.1").get("/console/login/?next=/console/seats/hold/")
    assert answer["Location"] == "/accounts/login/?next=%2Fconsole%2Fseats%2Fhold%2F"


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_console_has_no_sign_in_form_even_for_staff(console: Client, method: str) -> None:
    answer = getattr(console, method)("/console/login/", {"username": "a", "password": "b"})
    assert (answer.status_code, answer["Location"]) == (302, "/console/")


def test_a_learner_is_refused_at_the_door(db: None) -> None:
    assert sign_in(make_person()).get("/console/login/").status_code == 403


def test_an_instructor_has_no_access(db: None) -> None:
    teacher = make_person()
    teacher.groups.add(Group.objects.get(name="Instructors"))
    assert sign_in(teacher).get("/console/").status_code == 302


def test_staff_who_may_not_sign_in_any_more_are_out(superuser: Person, console: Client) -> None:
    Person.objects.filter(pk=superuser.pk).update(is_active=False)
    assert console.get("/console/").status_code == 302


@pytest.mark.parametrize("address", addresses.LISTS)
def test_staff_without_permissions_see_no_list(db: None, address: str) -> None:
    answer = sign_in(make_person(is_staff=True)).get(address)
    assert answer.status_code == 403
    assert b"no permission" in answer.content


def test_staff_without_permissions_see_an_empty_overview(db: None) -> None:
    page = sign_in(make_person(is_staff=True)).get("/console/").content.decode()
    assert "no permissions in the console yet" in page
    assert not any(address in page for address in addresses.LISTS)


def test_navigation_shows_what_is_permitted_and_no_more(registrar: Person) -> None:
    page = sign_in(registrar).get("/console/").content.decode()
    shown = {address for address in addresses.LISTS if f'href="{address}"' in page}
    assert shown == {addresses.COURSES, addresses.COHORTS, addresses.PEOPLE}
    assert "Latest events" not in page


def test_a_permission_opens_its_list(db: None) -> None:
    person = make_person(is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename="view_hold"))
    assert sign_in(person).get(addresses.HOLDS).status_code == 200


@pytest.mark.parametrize("address", ["/console/", *addresses.LISTS, "/console/nowhere/"])
def test_every_page_has_the_consoles_own_policy(console: Client, address: str) -> None:
    policy = console.get(address)["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'self' 'unsafe-eval'" in policy
    assert "http" not in policy


def test_passwords_are_changed_on_the_sites_own_page(console: Client) -> None:
    assert console.get("/console/password_change/")["Location"] == "/accounts/password/change/"


def test_signing_out_leads_to_the_site(console: Client) -> None:
    assert console.post("/console/logout/")["Location"] == "/"
    assert console.get("/console/").status_code == 302
