"""Whatever is sent to whatever route: the answer is never a failure of ours."""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import transaction
from django.test import Client

from matricula.accounts import tokens
from matricula.accounts.models import Person
from tests.support.factories import make_person
from tests.support.routes import every_address

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(300)]

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
# Names that forms and views of ours read, so that a wrong value gets as far as it can.
FIELDS = (
    "course",
    "cohort",
    "reason",
    "email",
    "next",
    "language",
    "key",
    "post",
    "content",
    "url",
)


def _form(value: str) -> bytes:
    return urlencode(dict.fromkeys(FIELDS, value)).encode()


def _part(name: str, value: str) -> bytes:
    return f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode()


# Content type and body of each.
BODIES: dict[str, tuple[str, bytes]] = {
    "empty": (JSON, b""),
    "no JSON": (JSON, b"{"),
    "JSON of another type": (JSON, json.dumps([{name: [] for name in FIELDS}]).encode()),
    "deep nesting": (JSON, b"[" * 50_000),
    "huge numbers": (JSON, json.dumps(dict.fromkeys(FIELDS, 10**400)).encode()),
    "NUL in a form": (FORM, _form("a\x00b")),
    "half a surrogate in JSON": (JSON, json.dumps(dict.fromkeys(FIELDS, "\ud800")).encode()),
    "half a surrogate in UTF-7": (
        "multipart/form-data; boundary=x; charset=utf-7",
        b"\r\n".join(_part(name, "+2AA-") for name in FIELDS) + b"\r\n--x--\r\n",
    ),
    "multipart without a boundary": ("multipart/form-data", _part("course", "x")),
    "multipart cut off": ("multipart/form-data; boundary=x", _part("course", "x")[:-20]),
    "multipart of a wrong transfer encoding": (
        "multipart/form-data; boundary=x",
        (
            b'--x\r\nContent-Disposition: form-data; name="course"\r\nContent-Transfer-Encoding: '
            b"base64\r\n\r\n!!!\r\n--x--\r\n"
        ),
    ),
    "a charset that is no text": (
        "multipart/form-data; boundary=x; charset=rot13",
        _part("course", "x") + b"\r\n--x--\r\n",
    ),
    "Latin-1": (FORM, "course=ü&cohort=é".encode("latin-1")),
    "gzip cut off": (JSON, gzip.compress(b'{"course": "x"}')[:-6]),
    "a number where a reference stands": (FORM, _form("1" * 400)),
}
METHODS = ("PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
QUERIES = (
    urlencode(dict.fromkeys((*FIELDS, "q", "p", "cursor", "o", "e", "_to_field"), "9" * 60)),
    "q=" + "x" * 9_000,
    "q=%ED%A0%80&cursor=%FF",
)


@contextmanager
def undone() -> Iterator[None]:
    """Takes back what the request did, and frees the connection of an error that it left."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


class Sender:
    """A browser, or a program with a token, of one person. Collects the answers that are 5xx."""

    def __init__(self, person: Person | None) -> None:
        self._client = Client(HTTP_HOST="127.0.0.1", raise_request_exception=False)
        self._token = tokens.access_token(person.pk) if person is not None else None
        if person is not None:
            self._client.force_login(person)
        self._cookies = self._client.cookies.copy()
        self.failed: list[str] = []

    def send(self, method: str, path: str, what: str = "", **extra: Any) -> None:
        self._client.cookies.clear()
        self._client.cookies.update(self._cookies)
        content_type, body = BODIES.get(what, ("", b""))
        headers = {"Idempotency-Key": "a"}
        if self._token is not None and path.startswith("/api/"):
            headers["Authorization"] = f"Bearer {self._token}"
        with undone():
            answer = self._client.generic(
                method, path, body, content_type=content_type, headers=headers, **extra
            )
            status = answer.status_code
        if status >= 500 and not path.startswith(MAY_BE_AWAY):
            self.failed.append(f"{status} {method} {path} {what} {extra}"[:240])


# Ready or not is an answer of its own.
MAY_BE_AWAY = ("/readyz",)
PROGRAMS = ("/api/", "/webhooks/")
IN_JSON = [what for what, (content_type, _) in BODIES.items() if content_type == JSON]
IN_FORMS = [what for what in BODIES if what not in IN_JSON]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of requests are not worth a log line each."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def guest() -> None:
    return None


def staff() -> Person:
    return make_person(is_staff=True, is_superuser=True)


def assert_none_fails(sender: Sender, starts: tuple[str, ...], *, others: bool = False) -> None:
    """Sends every body to the routes whose address starts so, or to all the others; those of forms
    to what reads forms, one of the rest by turns."""
    for place, path in enumerate(every_address()):
        if path.startswith(starts) is others:
            continue
        rest = IN_FORMS if path.startswith(PROGRAMS) else IN_JSON
        for what in IN_JSON if rest is IN_FORMS else IN_FORMS:
            sender.send("POST", path, what)
        sender.send("POST", path, rest[place % len(rest)])
    assert not sender.failed, "\n".join(sender.failed[:40])


def test_no_body_sent_by_staff_makes_the_console_fail() -> None:
    assert_none_fails(Sender(staff()), ("/console/",))


def test_no_body_sent_by_a_learner_makes_a_page_or_the_api_fail() -> None:
    assert_none_fails(Sender(make_person()), ("/console/",), others=True)


def test_no_body_sent_by_a_guest_makes_a_page_or_the_api_fail() -> None:
    assert_none_fails(Sender(None), ("/console/", "/api/"), others=True)


@pytest.mark.parametrize("who", [guest, make_person, staff])
def test_no_method_makes_a_route_fail(who: Callable[[], Person | None]) -> None:
    """Each route is asked with two of the methods by turns, and with a body."""
    sender, bodies = Sender(who()), list(BODIES)
    for place, path in enumerate(every_address()):
        for shift in range(2):
            method = METHODS[(place + shift * 2) % len(METHODS)]
            sender.send(method, path, bodies[(place + shift) % len(bodies)])
    assert not sender.failed, "\n".join(sender.failed[:40])


def test_no_query_makes_a_route_fail() -> None:
    sender = Sender(staff())
    for place, path in enumerate(every_address()):
        sender.send("GET", path, QUERY_STRING=QUERIES[place % len(QUERIES)])
    assert not sender.failed, "\n".join(sender.failed[:40])
