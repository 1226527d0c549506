"""What people found who tried to break it, so that it stays mended."""

from __future__ import annotations

import httpx
import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from pytest_django.fixtures import Settings

from matricula import demo
from matricula.accounts.actions import authenticate
from matricula.accounts.errors import WrongCredentials
from matricula.accounts.models import Person
from matricula.flows.enroll import Application, enroll
from matricula.kernel import ids
from tests.support.people import ApiClient, person
from tests.support.sites import Site

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


def browser_of(somebody: Person) -> Client:
    browser = Client(HTTP_HOST="127.0.0.1", raise_request_exception=False)
    browser.force_login(somebody, backend=BACKEND)
    return browser


def test_a_body_in_chunks_is_read(shared_site: Site) -> None:
    body = b'{"email": "learner@example.com", "password": "matricula-demo"}'
    answer = httpx.post(
        f"{shared_site.url}/api/v1/auth/token",
        content=iter([body[:20], body[20:]]),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.django_db
def test_the_published_password_opens_nothing_outside_demo_mode(settings: Settings) -> None:
    from dataclasses import replace

    request = Client(HTTP_HOST="127.0.0.1").get("/").wsgi_request
    real = {"email": "staff@example.com", "password": demo.PASSWORD}
    assert authenticate(request, **real).is_superuser
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, demo=False)
    with pytest.raises(WrongCredentials):
        authenticate(request, **real)


@pytest.mark.django_db
def test_a_demo_that_turns_real_closes_its_accounts() -> None:
    Person.objects.get(email="second@example.com").delete()
    changed = Person.objects.get(email="instructor@example.com")
    changed.set_password("another-horse-77")
    changed.save()
    assert sorted(demo.close_accounts()) == ["learner@example.com", "staff@example.com"]
    assert not Person.objects.get(email="staff@example.com").is_active
    assert Person.objects.get(email="instructor@example.com").is_active


@pytest.mark.django_db
def test_the_console_does_not_spell_out_a_password_hash() -> None:
    staff = person(is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="view_person"))
    browser = browser_of(staff)
    assert browser.get("/console/accounts/person/?full_name__startswith=A").status_code == 200
    answer = browser.get("/console/accounts/person/?password__startswith=argon2")
    assert answer.status_code in {302, 400, 403}


@pytest.mark.django_db
def test_a_nul_in_the_reason_to_cancel_is_refused_and_nothing_happens() -> None:
    somebody = person()
    receipt = enroll(Application(somebody.pk, "hot-drop"))
    path = f"/enrollments/{ids.to_text('enr', receipt.enrollment_id)}/"
    answer = browser_of(somebody).post(f"{path}cancel/", {"reason": "a\x00b"})
    assert answer.status_code == 400
    listed = ApiClient()
    assert listed.get("/me").status_code == 401
    assert browser_of(somebody).get(path).status_code == 200
