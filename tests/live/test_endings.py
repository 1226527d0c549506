"""Who signs out, gets a new password, loses a token or is closed out is cut off: nothing that was
opened before goes on, and it cannot be opened again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import UUID

import httpx
import pytest

from matricula.accounts import tokens
from tests.live.test_transports import poll, stream
from tests.support.crowds import wait_until
from tests.support.live import Follower, LiveSite, close_code, hear, say

PASSWORD = "matricula-demo"


def sign_in_program(live: LiveSite, person_id: UUID) -> dict[str, str]:
    """A pair of tokens, as a program gets it."""
    account = {"email": f"{person_id}@example.com", "password": PASSWORD}
    with live.site.client() as client:
        answer = client.post("/api/v1/auth/token", json=account)
    assert answer.status_code == 200, answer.text
    pair: dict[str, str] = answer.json()
    return pair


@contextmanager
def signed_in_browser(live: LiveSite, person_id: UUID) -> Iterator[httpx.Client]:
    form = {"login": f"{person_id}@example.com", "password": PASSWORD}
    with live.site.client() as browser:
        assert send(browser, "/accounts/login/", form).status_code == 302
        yield browser


def cookie_of(browser: httpx.Client) -> dict[str, str]:
    return {"Cookie": f"matricula_session={browser.cookies['matricula_session']}"}


def send(browser: httpx.Client, path: str, form: dict[str, str]) -> httpx.Response:
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.get(path).text)
    assert token is not None
    return browser.post(path, data={**form, "csrfmiddlewaretoken": token.group(1)})


@pytest.fixture
def person_id(followed: LiveSite) -> UUID:
    return tokens.read_access(followed.token())


def followers(live: LiveSite, pair: dict[str, str], enrollment: str) -> Follower:
    follower = stream(live, pair["access_token"], enrollment)
    follower.wait_for(1)
    return follower


def test_signing_out_ends_what_the_browser_has_open(followed: LiveSite, person_id: UUID) -> None:
    enrollment = followed.enrollment(tokens.access_token(person_id))
    last = followed.log(enrollment)[-1][0]
    with signed_in_browser(followed, person_id) as browser:
        cookie = cookie_of(browser)
        url = f"{followed.site.url}/api/v1/enrollments/{enrollment}/events"
        follower = Follower(url, headers=cookie)
        follower.wait_for(1)
        socket = followed.socket(additional_headers=cookie, origin=followed.site.url)
        with socket, ThreadPoolExecutor(1) as pool:
            say(socket, type="subscribe", enrollment_id=enrollment, last_event_id=last)
            assert hear(socket)["type"] == "subscribed"
            asked = f"{url}/poll?last_event_id={last}&timeout=60"
            waiting = pool.submit(httpx.get, asked, headers=cookie, timeout=90)
            assert send(browser, "/accounts/logout/", {}).status_code == 302
            assert close_code(socket) == 4401
            # One that was asked before signing out ends, one that came after is refused.
            assert waiting.result().status_code in {204, 401}
    follower.wait_for_end()
    assert httpx.get(url, headers=cookie).status_code == 401


def test_revoking_a_token_ends_what_its_sign_in_has_open_and_nothing_else(
    followed: LiveSite, person_id: UUID
) -> None:
    lost, kept = (sign_in_program(followed, person_id) for _ in range(2))
    enrollment = followed.enrollment(kept["access_token"])
    ended, open_ = (followers(followed, pair, enrollment) for pair in (lost, kept))
    with followed.socket() as socket:
        say(socket, type="authenticate", token=lost["access_token"])
        assert hear(socket) == {"type": "authenticated"}
        with followed.site.client() as client:
            given = {"refresh_token": lost["refresh_token"]}
            assert client.post("/api/v1/auth/token/revoke", json=given).status_code == 204
        assert close_code(socket) == 4401
    ended.wait_for_end()
    assert stream(followed, lost["access_token"], enrollment).answered_with() == 401
    assert poll(followed, lost["access_token"], enrollment, 0).status_code == 401
    with followed.socket() as socket:
        say(socket, type="authenticate", token=lost["access_token"])
        assert hear(socket)["status"] == 401
        assert close_code(socket) == 4401
    followed.happen(enrollment, "payment.processing")
    wait_until(lambda: open_.told == followed.log(enrollment))


def test_a_refresh_token_used_twice_ends_the_thiefs_stream_too(
    followed: LiveSite, person_id: UUID
) -> None:
    pair = sign_in_program(followed, person_id)
    follower = followers(followed, pair, followed.enrollment(pair["access_token"]))
    with followed.site.client() as client:
        used = {"refresh_token": pair["refresh_token"]}
        statuses = [client.post("/api/v1/auth/token/refresh", json=used).status_code for _ in "12"]
    assert statuses == [200, 401]
    follower.wait_for_end()


def test_a_new_password_ends_sessions_and_programs(followed: LiveSite, person_id: UUID) -> None:
    pair = sign_in_program(followed, person_id)
    enrollment = followed.enrollment(pair["access_token"])
    program = followers(followed, pair, enrollment)
    signing_in = signed_in_browser
    with signing_in(followed, person_id) as other, signing_in(followed, person_id) as own:
        cookie = cookie_of(other)
        url = f"{followed.site.url}/api/v1/enrollments/{enrollment}/events"
        browser = Follower(url, headers=cookie)
        browser.wait_for(1)
        new = "another-horse-battery-7"
        form = {"oldpassword": PASSWORD, "password1": new, "password2": new}
        assert send(own, "/accounts/password/change/", form).status_code == 302
    program.wait_for_end()
    browser.wait_for_end()
    assert httpx.get(url, headers=cookie).status_code == 401


def test_a_closed_account_is_cut_off(followed: LiveSite, person_id: UUID) -> None:
    token = tokens.access_token(person_id)
    enrollment = followed.enrollment(token)
    follower = stream(followed, token, enrollment)
    follower.wait_for(1)
    followed.run("UPDATE accounts_person SET is_active = false WHERE id = %s", person_id)
    follower.wait_for_end()
    assert stream(followed, token, enrollment).answered_with() == 401
