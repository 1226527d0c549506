"""What the live edge refuses, clearly and without harm."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from matricula.accounts import tokens
from tests.support.live import Follower, LiveSite, close_code, hear, say

PATHS = ["events", "events/poll"]


def refused(answer: Any, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Correlation-Id"]
    assert answer.json()["code"] == code


@pytest.mark.parametrize("path", PATHS)
def test_another_learners_enrollment_is_not_found(followed: LiveSite, path: str) -> None:
    enrollment = followed.enrollment(followed.token(), "basic-programming")
    with followed.site.client(followed.token()) as client:
        refused(client.get(f"/api/v1/enrollments/{enrollment}/{path}"), 404, "not_found")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "enrollment", ["enr_01h455vb4pex5vsknk084sn02q", "enr_!", "crs_1", "1", "%20", "%00"]
)
def test_an_unknown_enrollment_is_not_found(
    followed: LiveSite, path: str, enrollment: str, a_token: str
) -> None:
    with followed.site.client(a_token) as client:
        answer = client.get(f"/api/v1/enrollments/{enrollment}/{path}")
    assert answer.status_code in {400, 404}
    assert answer.json()["code"] in {"malformed_request", "not_found"}


@pytest.mark.parametrize("path", PATHS)
def test_a_page_of_another_origin_is_refused(
    followed: LiveSite, path: str, a_token: str, an_enrollment: str
) -> None:
    with followed.site.client(a_token) as client:
        for origin in ("https://evil.example", "null", f"{followed.site.url}.evil.example"):
            answer = client.get(
                f"/api/v1/enrollments/{an_enrollment}/{path}", headers={"Origin": origin}
            )
            refused(answer, 403, "permission_denied")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("number", ["-1", "x", "99999999999", ""])
def test_a_number_that_is_none_is_named(
    followed: LiveSite, path: str, number: str, a_token: str, an_enrollment: str
) -> None:
    url = f"/api/v1/enrollments/{an_enrollment}/{path}?last_event_id={number}"
    with followed.site.client(a_token) as client:
        answer = client.get(url)
    refused(answer, 422, "validation_failed")
    assert [entry["field"] for entry in answer.json()["errors"]] == ["last_event_id"]


@pytest.mark.parametrize("token", ["expired", "forged", ""])
def test_a_dead_token_is_refused_by_every_transport(
    followed: LiveSite, token: str, a_token: str, an_enrollment: str
) -> None:
    given = {
        "expired": lambda: expired(a_token),
        "forged": lambda: a_token[:-4] + "AAAA",
        "": lambda: "x",
    }[token]()
    for path in PATHS:
        with followed.site.client(given) as client:
            answer = client.get(f"/api/v1/enrollments/{an_enrollment}/{path}")
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"]
    with followed.socket() as socket:
        say(socket, type="subscribe", enrollment_id=an_enrollment, token=given)
        assert hear(socket)["status"] == 401
        assert close_code(socket) == 4401
    with pytest.raises(InvalidStatus) as opened:
        followed.socket(additional_headers={"Authorization": f"Bearer {given}"})
    assert opened.value.response.status_code == 401


def test_a_socket_from_another_origin_is_refused_before_it_opens(followed: LiveSite) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        followed.socket(origin="https://evil.example")
    assert refusal.value.response.status_code == 403
    assert json.loads(refusal.value.response.body or b"")["code"] == "permission_denied"
    assert refusal.value.response.headers["X-Correlation-Id"]


def test_a_socket_from_our_own_origin_opens(followed: LiveSite) -> None:
    with followed.socket(origin=followed.site.url) as socket:
        say(socket, type="ping")
        assert hear(socket) == {"type": "pong"}


def test_a_guest_and_another_learner_cannot_subscribe(
    followed: LiveSite, an_enrollment: str
) -> None:
    with followed.socket() as socket:
        say(socket, type="subscribe", enrollment_id=an_enrollment)
        assert hear(socket)["code"] == "authentication_required"
    with followed.socket() as socket:
        say(socket, type="authenticate", token=followed.token())
        assert hear(socket) == {"type": "authenticated"}
        say(socket, type="subscribe", enrollment_id=an_enrollment, request_id="mine")
        answer = hear(socket)
        assert (answer["type"], answer["code"], answer["request_id"]) == (
            "error",
            "not_found",
            "mine",
        )


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("", "malformed_request"),
        ("[1]", "malformed_request"),
        ("[" * 20_000, "malformed_request"),
        (b"\x00\xff", "malformed_request"),
        ("{}", "validation_failed"),
        ('{"type": ["x"]}', "validation_failed"),
        ('{"type": "subscribe"}', "validation_failed"),
        ('{"type": "seats.subscribe"}', "validation_failed"),
        ('{"type": "seats.subscribe", "courses": ["no-such"]}', "not_found"),
        ('{"type": "seats.subscribe", "courses": ["\\u0000"]}', "not_found"),
    ],
)
def test_a_message_that_makes_no_sense_is_answered_with_a_problem(
    followed: LiveSite, sent: str | bytes, code: str
) -> None:
    with followed.socket() as socket:
        socket.send(sent)
        answer = hear(socket)
        assert answer["code"] == code or answer["code"] == "malformed_request"
        say(socket, type="ping")
        assert hear(socket) == {"type": "pong"}


def test_a_message_of_a_megabyte_closes_the_socket_and_nothing_else(followed: LiveSite) -> None:
    with followed.socket() as other, followed.socket() as socket:
        with suppress(ConnectionClosed):
            socket.send("x" * 1_048_576)
        assert close_code(socket) == 1009
        say(other, type="ping")
        assert hear(other) == {"type": "pong"}


def test_a_flood_of_subscriptions_is_refused_and_closes_the_socket(
    followed: LiveSite, a_token: str
) -> None:
    with followed.socket() as socket:
        say(socket, type="authenticate", token=a_token)
        with suppress(ConnectionClosed):
            for _ in range(300):
                say(socket, type="subscribe", enrollment_id="enr_01h455vb4pex5vsknk084sn02q")
        assert close_code(socket) == 4429
    with followed.site.client(a_token) as client:
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "query", ["", "course=", "&".join(["course=tiny-seminar"] * 51), "course=no-such-course"]
)
def test_seats_of_no_course_or_too_many_are_refused(followed: LiveSite, query: str) -> None:
    with followed.site.client() as client:
        answer = client.get(f"/api/v1/seats/events?{query}")
    assert answer.status_code in {404, 422}


def test_other_methods_are_refused_as_everywhere(followed: LiveSite, an_enrollment: str) -> None:
    with followed.site.client() as client:
        answer = client.delete(f"/api/v1/enrollments/{an_enrollment}/events")
    refused(answer, 405, "method_not_allowed")


def test_a_host_that_is_not_ours_is_refused(followed: LiveSite, an_enrollment: str) -> None:
    with followed.site.client() as client:
        answer = client.get(
            f"/api/v1/enrollments/{an_enrollment}/events", headers={"Host": "evil.example"}
        )
    refused(answer, 400, "malformed_request")


def test_a_closed_account_is_told_so(followed: LiveSite) -> None:
    token = followed.token()
    enrollment = followed.enrollment(token, "basic-programming")
    followed.run(
        "UPDATE accounts_person SET is_active = false WHERE id = %s", tokens.read_access(token)
    )
    follower = Follower(f"{followed.site.url}/api/v1/enrollments/{enrollment}/events", token)
    follower.wait_for_end()
    assert follower.status == 401


def expired(token: str) -> str:
    """A token of the same person that ended a minute ago."""
    return tokens.access_token(tokens.read_access(token), timedelta(seconds=-60))


@pytest.fixture(scope="module")
def a_token(followed: LiveSite) -> str:
    return followed.token()


@pytest.fixture(scope="module")
def an_enrollment(followed: LiveSite, a_token: str) -> str:
    return followed.enrollment(a_token, "basic-programming")


def test_a_request_without_a_token_is_refused(followed: LiveSite, an_enrollment: str) -> None:
    for path in PATHS:
        answer = httpx.get(f"{followed.site.url}/api/v1/enrollments/{an_enrollment}/{path}")
        refused(answer, 401, "authentication_required")
