"""The account pages: ours in looks and words, allauth's in what they do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core import mail
from django.test import Client

from matricula.accounts.models import Person
from matricula.edges.web import urls
from tests.support.people import PASSWORD, person

pytestmark = pytest.mark.django_db
OLD_WORDS = re.compile(r"Sign In|Sign Up|Menu:|Messages:")
ACCOUNT_TEMPLATES = Path(urls.__file__).parent / "templates" / "account"


def sign_up(client: Client, email: str, **more: str) -> object:
    return client.post(
        "/accounts/signup/",
        {"full_name": "Ada Byron", "email": email, "password1": PASSWORD, **more},
    )


@pytest.mark.parametrize(
    "path",
    [
        "login/",
        "signup/",
        "password/reset/",
        "password/reset/done/",
        "password/reset/key/done/",
        "password/reset/key/1-wrong/",
        "confirm-email/",
        "confirm-email/wrong/",
        "inactive/",
    ],
)
def test_a_guests_account_pages_wear_our_look(guest: Client, path: str) -> None:
    response = guest.get(f"/accounts/{path}")
    html = response.content.decode()
    assert response.status_code == 200
    assert 'class="site-head"' in html
    assert not OLD_WORDS.search(html)


@pytest.mark.parametrize("path", ["email/", "password/change/", "logout/"])
def test_a_members_account_pages_wear_our_look(path: str) -> None:
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(person(with_password=True))
    html = client.get(f"/accounts/{path}").content.decode()
    assert 'class="tabs"' in html
    assert not OLD_WORDS.search(html)


@pytest.mark.parametrize(
    ("path", "name", "token"),
    [
        ("login/", "login", "email"),
        ("login/", "password", "current-password"),
        ("signup/", "full_name", "name"),
        ("signup/", "email", "email"),
        ("signup/", "phone", "tel"),
        ("signup/", "password1", "new-password"),
    ],
)
def test_fields_tell_browsers_and_password_managers_what_they_are(
    guest: Client, path: str, name: str, token: str
) -> None:
    html = guest.get(f"/accounts/{path}").content.decode()
    (field,) = re.findall(rf'<input[^>]*name="{name}"[^>]*>', html)
    assert f'autocomplete="{token}"' in field


def test_an_error_is_tied_to_its_field(guest: Client) -> None:
    html = sign_up(guest, "learner@example.com", password1="abc").content.decode()  # type: ignore[attr-defined]
    (field,) = re.findall(r'<input[^>]*name="password1"[^>]*>', html)
    described = re.search(r'aria-describedby="([^"]+)"', field)
    assert described
    assert 'aria-invalid="true"' in field
    for identifier in described[1].split():
        assert f'id="{identifier}"' in html


def test_signing_up_and_in_leads_back_into_the_enrollment(guest: Client) -> None:
    there = "/courses/hot-drop/enroll/"
    assert "next=%2Fcourses%2Fhot-drop%2Fenroll%2F" in (
        guest.get("/accounts/login/", {"next": there}).content.decode()
    )
    response = sign_up(guest, "ada@example.org", next=there)
    assert response.headers["Location"] == there  # type: ignore[attr-defined]
    assert Person.objects.get(email="ada@example.org").full_name == "Ada Byron"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:x"])
def test_sign_in_never_leads_elsewhere(guest: Client, target: str) -> None:
    someone = person(with_password=True)
    response = guest.post(
        "/accounts/login/", {"login": someone.email, "password": PASSWORD, "next": target}
    )
    assert response.headers["Location"] == "/me/"


def test_a_forgotten_password_is_replaced_by_mail(guest: Client) -> None:
    someone = person(with_password=True)
    guest.post("/accounts/password/reset/", {"email": someone.email})
    (message,) = mail.outbox
    assert message.subject == "Choose a new password"
    link = re.search(r"http://\S+", str(message.body))
    assert link
    page = guest.get(link[0], follow=True)
    assert "Choose a new password" in page.content.decode()
    guest.post(
        page.request["PATH_INFO"],
        {"password1": "another-horse-77", "password2": "another-horse-77"},
    )
    someone.refresh_from_db()
    assert someone.check_password("another-horse-77")


def test_an_address_is_confirmed_by_its_owner_pressing_a_button(guest: Client) -> None:
    sign_up(guest, "ada@example.org")
    link = re.search(r"http://\S+", str(mail.outbox[0].body))
    assert link
    html = guest.get(link[0]).content.decode()
    assert "Yes, this is my address" in html
    guest.post(link[0])
    assert "Confirmed" in guest.get("/accounts/email/").content.decode()


def test_where_addresses_must_be_confirmed_enrolling_says_so(
    guest: Client, settings: LazySettings
) -> None:
    guest.force_login(person())
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    response = guest.post("/courses/hot-drop/enroll/")
    assert response.status_code == 403
    assert 'href="/accounts/email/"' in response.content.decode()


def test_no_account_page_holds_inline_script_or_style() -> None:
    for template in ACCOUNT_TEMPLATES.rglob("*.html"):
        assert not re.search(r"<script|<style|style=", template.read_text()), template
