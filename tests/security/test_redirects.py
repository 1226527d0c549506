"""Nobody is sent to another site by a link to ours."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from django.test import Client

from matricula.accounts.models import Person
from tests.security.conftest import browser
from tests.support.people import PASSWORD, client_of, person

pytestmark = pytest.mark.django_db
ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example/",
    "\\\\evil.example/",
    "https:evil.example",
    "http:///evil.example",
    "/%09/evil.example/",
    "\t//evil.example/",
    "javascript:alert(1)",
    "data:text/html,x",
    "//127.0.0.1@evil.example/",
    "https://127.0.0.1.evil.example/",
]


def stays_here(location: str) -> bool:
    """As browsers read it: control characters dropped, backslashes turned."""
    cleaned = "".join(letter for letter in location if letter > " ").replace("\\", "/")
    parts = urlsplit(cleaned)
    return not parts.scheme and not parts.netloc and not cleaned.startswith("//")


@pytest.fixture
def someone() -> Person:
    return person(full_name="Lea Learner", with_password=True)


def test_the_test_knows_other_sites() -> None:
    assert [place for place in ELSEWHERE if stays_here(place)] == ["/%09/evil.example/"]
    assert stays_here("/me/?next=//evil.example")


@pytest.mark.parametrize("there", ELSEWHERE)
def test_after_signing_in(someone: Person, there: str) -> None:
    sent = {"login": someone.email, "password": PASSWORD, "next": there}
    response = browser().post("/accounts/login/", sent)
    assert response.status_code == 302
    assert stays_here(response["Location"])


@pytest.mark.parametrize("there", ELSEWHERE)
def test_when_signed_in_already(someone: Person, there: str) -> None:
    for path in ("/accounts/login/", "/accounts/signup/"):
        response = browser(someone).get(path, {"next": there})
        assert stays_here(response.get("Location", "/"))


@pytest.mark.parametrize("there", ELSEWHERE)
def test_after_signing_up_and_out_and_saving(someone: Person, there: str) -> None:
    fresh = {"email": "new@example.com", "full_name": "New", "password1": PASSWORD, "next": there}
    saved = {"full_name": "Lea", "phone": "", "next": there}
    for client, path, sent in (
        (browser(), "/accounts/signup/", fresh),
        (browser(someone), "/me/profile/", saved),
        (browser(someone), "/accounts/logout/", {"next": there}),
    ):
        response = client.post(path, sent)
        assert response.status_code in {302, 303}, path
        assert stays_here(response["Location"]), (path, response["Location"])


@pytest.mark.parametrize("there", [place for place in ELSEWHERE if not stays_here(place)])
def test_no_link_of_a_form_leads_away(guest: Client, someone: Person, there: str) -> None:
    for client, path in (
        (guest, "/accounts/login/"),
        (guest, "/accounts/signup/"),
        (browser(someone), "/me/profile/"),
    ):
        html = client.get(path, {"next": there}).content.decode()
        assert f'href="{there}"' not in html
        assert f'action="{there}"' not in html


@pytest.mark.parametrize("there", ELSEWHERE)
@pytest.mark.parametrize("name", ["success_url", "cancel_url"])
def test_after_paying(someone: Person, name: str, there: str) -> None:
    response = client_of(someone.pk).post(
        "/enrollments/initialize", {"course_id": "full-stack-development", name: there}
    )
    assert response.status_code == 422
    assert name in response.content.decode()
