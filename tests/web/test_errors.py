"""Failures as pages."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver

from matricula.catalog import queries
from matricula.edges.web import urls
from matricula.edges.web.views import errors
from matricula.kernel.errors import Guidance, Overloaded


def test_an_unknown_page_has_a_way_on(guest: Client) -> None:
    response = guest.get("/nothing/of/the/kind")
    assert response.status_code == HTTPStatus.NOT_FOUND
    assert "Browse all courses" in response.content.decode()


def test_under_api_an_unknown_page_is_a_problem(guest: Client) -> None:
    request = RequestFactory().get("/api/v1/nothing")
    response = errors.not_found(request, Exception())
    assert response.headers["Content-Type"] == "application/problem+json"
    assert errors.csrf_failed(request).status_code == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize("pattern", urls.urlpatterns, ids=lambda pattern: pattern.name)
def test_every_page_refuses_other_methods_with_a_page(guest: Client, pattern: Any) -> None:
    values = {
        "slug": "hot-drop",
        "reference": "enr_01h455vb4pex5vsknk084sn02q",
        "paper": "inv_01h455vb4pex5vsknk084sn02q",
        "token": "x",
        "build": "0123456789ab",
        "name": "x",
        "message_id": "01920000-0000-7000-8000-000000000001",
        "number": 0,
        "kind": "receipt",
        "part": "html",
    }
    names = re.findall(r"\w+:(\w+)", str(pattern.pattern))
    path = get_resolver().reverse(pattern.name, **{name: values[name] for name in names})
    response = guest.delete(f"/{path}")
    assert response.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    assert response.headers["Allow"] in {"GET, HEAD", "GET, HEAD, POST", "POST"}
    assert "This method is not allowed here" in response.content.decode()


def test_a_page_is_shown_when_the_database_is_away(
    guest: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_args: object, **_kwargs: object) -> None:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(queries, "find_course", away)
    response = guest.get("/courses/hot-drop/", headers={"X-Correlation-Id": "quote-me"})
    html = response.content.decode()
    assert response.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert response.headers["Retry-After"] == "2"
    assert "Try again in 2 seconds." in html
    assert "quote-me" in html
    assert "the server closed" not in html


def test_an_unforeseen_failure_says_nothing_of_itself(
    guest: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(queries, "find_course", broken)
    response = guest.get("/courses/hot-drop/")
    assert response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    assert "secret inside" not in response.content.decode()


def test_an_error_page_asks_the_database_nothing(db: None) -> None:
    request = RequestFactory().get("/courses/hot-drop/")
    with CaptureQueriesContext(connection) as asked:
        response = errors.error_page(request, Overloaded(guidance=Guidance(retry_after=3)))
    assert len(asked) == 0
    assert response.headers["Retry-After"] == "3"


def test_the_handlers_of_django_answer_with_their_status() -> None:
    request = RequestFactory().get("/somewhere")
    assert errors.bad_request(request, Exception()).status_code == HTTPStatus.BAD_REQUEST
    assert errors.permission_denied(request, Exception()).status_code == HTTPStatus.FORBIDDEN
    assert errors.server_error(request).status_code == HTTPStatus.INTERNAL_SERVER_ERROR


@pytest.mark.parametrize("path", ["/", "/courses/hot-drop/", "/accounts/signup/", "/nothing"])
def test_no_page_needs_inline_script_or_style(guest: Client, path: str) -> None:
    response = guest.get(path)
    html = response.content.decode()
    # What search engines read is data: a browser runs none of it.
    code = re.sub(r'<script type="application/ld\+json">', "", html)
    assert not re.search(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son\w+=", code)
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]
    assert "unsafe" not in response.headers["Content-Security-Policy"]
