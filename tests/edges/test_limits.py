"""Who asks too often is told when to come again, whichever process they asked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoDbBlocker

from matricula.accounts import tokens
from matricula.edges import limits
from matricula.edges.front import LIMITED, Front
from matricula.edges.limits import Limit, Limits, Standing
from matricula.kernel import ids, rates
from matricula.kernel.models import RequestCount
from tests.support.crowds import django_on

ENROLL = "/api/v1/enrollments/initialize"


def scope(
    path: str = ENROLL, method: str = "POST", host: str = "192.0.2.1", **headers: str
) -> dict[str, Any]:
    sent = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"path": path, "method": method, "headers": sent, "client": (host, 1)}


def bearer() -> str:
    return f"Bearer {tokens.access_token(ids.new_id())}"


def asked(gate: Limits, **sent: Any) -> Standing:
    standing = gate.ask(scope(**sent))
    assert standing is not None
    return standing


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Limits:
    """Of three requests a person, and five an address. Nobody's window ends during a test."""
    monkeypatch.setattr(limits, "PERSON_ENROLLS", Limit("person", 3, 10**9))
    monkeypatch.setattr(limits, "ADDRESS_ENROLLS", Limit("address", 5, 10**9))
    return Limits(count_loopback=False)


def test_a_person_may_ask_so_often_from_wherever(gate: Limits) -> None:
    token = bearer()
    hosts = [f"192.0.2.{number}" for number in range(4)]
    over = [asked(gate, host=host, authorization=token).is_over for host in hosts]
    assert over == [False, False, False, True]


def test_an_address_may_ask_so_often_for_whomever(gate: Limits) -> None:
    over = [asked(gate, authorization=bearer()).is_over for _ in range(6)]
    assert over == [False] * 5 + [True]


def test_a_session_is_limited_as_a_person_is(gate: Limits) -> None:
    cookie = "theme=dark; matricula_session=abc"
    over = [asked(gate, host=f"192.0.2.{n}", cookie=cookie).is_over for n in range(4)]
    assert over == [False, False, False, True]


def test_a_token_that_names_nobody_counts_for_its_address(gate: Limits) -> None:
    over = [asked(gate, authorization=f"Bearer nonsense{n}").is_over for n in range(6)]
    assert over == [False] * 5 + [True]


def test_neighbours_in_one_ipv6_network_are_one_address(gate: Limits) -> None:
    over = [asked(gate, host=f"2001:db8::{n}", authorization=bearer()).is_over for n in range(6)]
    assert over[-1]
    assert not asked(gate, host="2001:db8:0:1::1", authorization=bearer()).is_over


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "testclient", ""])
def test_this_machine_is_no_address_in_demo_mode(gate: Limits, host: str) -> None:
    for _ in range(9):
        assert not asked(gate, host=host, authorization=bearer()).is_over


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/courses/x/enroll/"), ("GET", "/static/a.css"), ("POST", "/support/")],
)
def test_pages_and_assets_are_not_limited_here(gate: Limits, method: str, path: str) -> None:
    assert gate.ask(scope(path, method, authorization=bearer())) is None


def test_the_headers_say_what_is_left(gate: Limits) -> None:
    token = bearer()
    named = [dict(asked(gate, authorization=token).headers) for _ in range(4)]
    assert [headers[b"ratelimit-remaining"] for headers in named] == [b"2", b"1", b"0", b"0"]
    assert {headers[b"ratelimit-limit"] for headers in named} == {b"3"}


@pytest.fixture
def shared(fresh_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    with django_db_blocker.unblock(), django_on(fresh_database):
        yield fresh_database


def test_processes_tell_each_other(gate: Limits, shared: str) -> None:
    other, token = Limits(count_loopback=False), bearer()
    for process in (gate, other):
        asked(process, authorization=token)
        with django_on(shared):
            process._tell(list(process._news()))
    asked(other, authorization=token)
    assert asked(other, authorization=token).is_over


def test_what_was_told_is_not_told_again(gate: Limits, shared: str) -> None:
    asked(gate, authorization=bearer())
    for _ in range(2):
        with django_on(shared):
            gate._tell(list(gate._news()))
    assert set(RequestCount.objects.values_list("requests", flat=True)) == {1}


def test_nobody_can_be_read_from_what_is_kept(gate: Limits, shared: str) -> None:
    asked(gate, authorization=bearer())
    with django_on(shared):
        gate._tell(list(gate._news()))
    kept = list(RequestCount.objects.values_list("subject", flat=True))
    assert len(kept) == 2
    assert all(len(subject) == 32 and int(subject, 16) for subject in kept)


def test_counts_of_windows_that_ended_are_forgotten(db: None) -> None:
    RequestCount.objects.create(subject="a", ends_at="2020-01-01T00:00:00Z", requests=1)
    RequestCount.objects.create(subject="a", ends_at="2200-01-01T00:00:00Z", requests=1)
    assert rates.forget_old() == 1


def test_a_new_window_begins_anew(gate: Limits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PERSON_ENROLLS", replace(limits.PERSON_ENROLLS, seconds=10))
    monkeypatch.setattr(limits.time, "time", lambda: 1000.0)
    token = bearer()
    assert [asked(gate, host=f"192.0.2.{n}", authorization=token).is_over for n in range(4)][-1]
    monkeypatch.setattr(limits.time, "time", lambda: 1010.0)
    standing = asked(gate, host="192.0.2.9", authorization=token)
    assert (standing.is_over, standing.resets_in) == (False, 11)


class Django:
    """Stands where Django stands, and remembers the headers it is given."""

    def __init__(self) -> None:
        self.headers: list[dict[bytes, bytes]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG002
        self.headers.append(dict(scope["headers"]))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


class NothingLive:
    """Leaves every request to Django."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def serve(self, *_request: Any) -> bool:
        return False

    async def converse(self, *_connection: Any) -> None: ...


def answers(gate: Limits, django: Django, **sent: Any) -> list[dict[str, Any]]:
    """The beginnings of the answers to four requests of one person."""
    begun: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            begun.append({"status": message["status"], **dict(message["headers"])})

    front = Front(django, NothingLive(), gate)
    for _ in range(4):
        asyncio.run(front({"type": "http", **scope(**sent)}, receive, send))
    return begun


def test_the_api_is_refused_by_the_front_alone(gate: Limits) -> None:
    django = Django()
    begun = answers(gate, django, authorization=bearer())
    assert [answer["status"] for answer in begun] == [200, 200, 200, 429]
    assert [answer[b"ratelimit-remaining"] for answer in begun] == [b"2", b"1", b"0", b"0"]
    assert begun[-1][b"retry-after"] == begun[-1][b"ratelimit-reset"]
    assert begun[-1][b"content-type"] == b"application/problem+json"
    assert len(django.headers) == 3


def test_a_page_that_enrolls_is_refused_by_a_page(gate: Limits) -> None:
    django = Django()
    answers(gate, django, path="/courses/x/enroll/", cookie="matricula_session=abc")
    assert [LIMITED in headers for headers in django.headers] == [False, False, False, True]


def test_the_refusing_page_says_when_to_come_again(client: Client, db: None) -> None:
    page = client.get("/", headers={"X-Matricula-Limited": "7"})
    assert (page.status_code, page["Retry-After"]) == (429, "7")
    assert page["Content-Type"].startswith("text/html")


def test_nobody_but_the_front_can_say_that_somebody_is_limited(gate: Limits) -> None:
    django = Django()
    sent = {LIMITED.decode(): "60"}
    answers(gate, django, path="/", method="GET", **sent)
    assert not any(LIMITED in headers for headers in django.headers)
