"""Browsers: their session cookie speaks for them, on pages of our own origin."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.support.live import LiveSite, hear, say

PASSWORD = "matricula-demo"


@pytest.fixture(scope="module")
def cookie(followed: LiveSite) -> str:
    """The session cookie of a demo account."""
    with followed.site.client() as browser:
        page = browser.get("/accounts/login/").text
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        assert token is not None
        form = {"login": "second@example.com", "password": PASSWORD}
        answer = browser.post(
            "/accounts/login/", data={**form, "csrfmiddlewaretoken": token.group(1)}
        )
        assert answer.status_code == 302, answer.text
        return f"matricula_session={browser.cookies['matricula_session']}"


@pytest.fixture(scope="module")
def their_enrollment(followed: LiveSite) -> str:
    account = {"email": "second@example.com", "password": PASSWORD}
    with followed.site.client() as client:
        token = client.post("/api/v1/auth/token", json=account).json()["access_token"]
    return followed.enrollment(token, "hot-drop")


def get(followed: LiveSite, path: str, **headers: str) -> Any:
    return httpx.get(f"{followed.site.url}/api/v1/{path}", headers=headers, timeout=60)


def test_a_session_follows_its_own_enrollment_by_every_transport(
    followed: LiveSite, cookie: str, their_enrollment: str
) -> None:
    log = followed.log(their_enrollment)
    stream = get(followed, f"enrollments/{their_enrollment}/events", Cookie=cookie)
    polled = get(followed, f"enrollments/{their_enrollment}/events/poll", Cookie=cookie)
    assert stream.status_code == 200
    assert [(e["id"], e["type"]) for e in polled.json()["items"]] == log
    headers = {"Cookie": cookie}
    with followed.socket(additional_headers=headers, origin=followed.site.url) as socket:
        say(socket, type="subscribe", enrollment_id=their_enrollment)
        assert hear(socket)["type"] == "subscribed"
        events = [hear(socket)["event"] for _ in log]
    assert [(event["id"], event["type"]) for event in events] == log


def test_a_session_on_a_page_of_another_origin_follows_nothing(
    followed: LiveSite, cookie: str, their_enrollment: str
) -> None:
    evil = "https://evil.example"
    answer = get(followed, f"enrollments/{their_enrollment}/events", Cookie=cookie, Origin=evil)
    assert answer.status_code == 403
    with pytest.raises(InvalidStatus) as refused:
        followed.socket(additional_headers={"Cookie": cookie}, origin=evil)
    assert refused.value.response.status_code == 403


def test_a_forged_session_is_nobodys(followed: LiveSite, their_enrollment: str) -> None:
    path = f"enrollments/{their_enrollment}/events/poll"
    for forged in ("x", "a" * 32, "%00", "é"):
        answer = httpx.get(
            f"{followed.site.url}/api/v1/{path}",
            headers={"Cookie": f"matricula_session={forged}".encode()},
            timeout=60,
        )
        assert answer.status_code == 401, forged


def test_a_session_from_before_a_new_password_is_nobodys(
    followed: LiveSite, cookie: str, their_enrollment: str
) -> None:
    path = f"enrollments/{their_enrollment}/events/poll"
    change = "UPDATE accounts_person SET password = %s WHERE email = 'second@example.com'"
    usual = followed.ask("SELECT password FROM accounts_person WHERE email = 'second@example.com'")
    followed.run(change, "argon2$another")
    try:
        assert get(followed, path, Cookie=cookie).status_code == 401
    finally:
        followed.run(change, usual)
    assert get(followed, path, Cookie=cookie).status_code == 200
