"""Browsers: their session cookie speaks for them, on pages of our own origin."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from matricula.accounts import tokens
from tests.support.live import LiveSite, hear, say

PASSWORD = "matricula-demo"


@dataclass(frozen=True)
class Member:
    """Somebody signed in by a browser, and what they enrolled in."""

    email: str
    cookie: str
    enrollment: str


@pytest.fixture(scope="module")
def member(followed: LiveSite) -> Member:
    """Somebody new: tests that two workers share out come mixed, so this may be made again."""
    token = followed.token()
    email = f"{tokens.read_access(token)}@example.com"
    with followed.site.client() as browser:
        page = browser.get("/accounts/login/").text
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        assert found is not None
        form = {"login": email, "password": PASSWORD, "csrfmiddlewaretoken": found.group(1)}
        answer = browser.post("/accounts/login/", data=form)
        assert answer.status_code == 302, answer.text
        cookie = f"matricula_session={browser.cookies['matricula_session']}"
    return Member(email, cookie, followed.enrollment(token, "hot-drop"))


def get(followed: LiveSite, path: str, **headers: str) -> Any:
    return httpx.get(f"{followed.site.url}/api/v1/{path}", headers=headers, timeout=60)


def test_a_session_follows_its_own_enrollment_by_every_transport(
    followed: LiveSite, member: Member
) -> None:
    log = followed.log(member.enrollment)
    stream = get(followed, f"enrollments/{member.enrollment}/events", Cookie=member.cookie)
    polled = get(followed, f"enrollments/{member.enrollment}/events/poll", Cookie=member.cookie)
    assert stream.status_code == 200
    assert [(e["id"], e["type"]) for e in polled.json()["items"]] == log
    headers = {"Cookie": member.cookie}
    with followed.socket(additional_headers=headers, origin=followed.site.url) as socket:
        say(socket, type="subscribe", enrollment_id=member.enrollment)
        assert hear(socket)["type"] == "subscribed"
        events = [hear(socket)["event"] for _ in log]
    assert [(event["id"], event["type"]) for event in events] == log


def test_a_session_on_a_page_of_another_origin_follows_nothing(
    followed: LiveSite, member: Member
) -> None:
    evil = "https://evil.example"
    answer = get(
        followed, f"enrollments/{member.enrollment}/events", Cookie=member.cookie, Origin=evil
    )
    assert answer.status_code == 403
    with pytest.raises(InvalidStatus) as refused:
        followed.socket(additional_headers={"Cookie": member.cookie}, origin=evil)
    assert refused.value.response.status_code == 403


def test_a_forged_session_is_nobodys(followed: LiveSite, member: Member) -> None:
    path = f"enrollments/{member.enrollment}/events/poll"
    for forged in ("x", "a" * 32, "%00", "é"):
        answer = httpx.get(
            f"{followed.site.url}/api/v1/{path}",
            headers={"Cookie": f"matricula_session={forged}".encode()},
            timeout=60,
        )
        assert answer.status_code == 401, forged


def test_a_session_from_before_a_new_password_is_nobodys(
    followed: LiveSite, member: Member
) -> None:
    path = f"enrollments/{member.enrollment}/events/poll"
    change = "UPDATE accounts_person SET password = %s WHERE email = %s"
    usual = followed.ask("SELECT password FROM accounts_person WHERE email = %s", member.email)
    followed.run(change, "argon2$another", member.email)
    try:
        assert get(followed, path, Cookie=member.cookie).status_code == 401
    finally:
        followed.run(change, usual, member.email)
    assert get(followed, path, Cookie=member.cookie).status_code == 200
