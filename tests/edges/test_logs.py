"""The log of a running site: one JSON object a line, each request once, and no secret ever."""

from __future__ import annotations

import json
import re
import secrets
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from matricula.config.logs import hide_secrets
from tests.support.sites import Site

PASSWORD = "recognisable-horse-42"


def lines_of(log: Path, correlation_id: str) -> list[dict[str, Any]]:
    """What was logged of one request."""
    objects = [json.loads(line) for line in log.read_text().splitlines() if line[:1] == "{"]
    return [entry for entry in objects if entry.get("correlation_id") == correlation_id]


def new_address() -> str:
    return f"{secrets.token_hex(8)}@example.org"


def sign_up(client: httpx.Client, address: str) -> dict[str, Any]:
    body = {"email": address, "password": PASSWORD, "full_name": "Recognisable Name"}
    answer = client.post("/api/v1/auth/signup", json=body)
    assert answer.status_code == 201
    return dict(answer.json())


def csrf_of(client: httpx.Client, path: str) -> str:
    """The token in the page's form."""
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get(path).text)
    assert found
    return found[1]


def mailed_link(site: Site, address: str) -> str:
    """The path of the link in the newest mail that waits for the address."""
    with psycopg.connect(site.database_url) as connection:
        row = connection.execute(
            "SELECT content->>'text' FROM notifications_delivery WHERE address = %s"
            " ORDER BY id DESC LIMIT 1",
            [address],
        ).fetchone()
    assert row is not None
    found = re.search(r"https?://[^/]+(/\S+)", row[0])
    assert found
    return found[1]


@pytest.mark.parametrize(
    ("path", "route", "status"),
    [
        ("/courses/hot-drop/?utm=secret-query", "/courses/<slug:slug>/", 200),
        ("/nowhere/", "(none)", 404),
        ("/api/v1/me", "/api/v1/me", 401),
    ],
)
def test_a_request_is_one_line_with_its_id_route_and_status(
    shared_site: Site, path: str, route: str, status: int
) -> None:
    correlation_id = secrets.token_hex(8)
    httpx.get(f"{shared_site.url}{path}", headers={"X-Correlation-Id": correlation_id})
    (line,) = lines_of(shared_site.log, correlation_id)
    assert (line["event"], line["route"], line["status"]) == ("request", route, status)
    assert (line["method"], line["level"]) == ("GET", "info")
    assert line["milliseconds"] >= 0
    assert line["timestamp"].endswith("Z")


def test_every_line_of_the_log_is_an_object_of_its_own(site: Site) -> None:
    with site.client() as client:
        client.get("/")
        client.get("/nowhere/")
        client.get("/", headers={"Host": "evil.example"})
        client.post("/courses/hot-drop/enroll/")
        client.post("/api/v1/auth/token", content=b"\xff{")
    lines = [line for line in site.log.read_text().splitlines() if '"event"' in line]
    assert len(lines) >= 5
    assert all(isinstance(json.loads(line), dict) for line in lines)
    assert "Traceback" not in site.log.read_text()


def test_query_strings_are_not_logged(shared_site: Site) -> None:
    mark = secrets.token_hex(8)
    httpx.get(f"{shared_site.url}/", params={"search": mark})
    assert mark not in shared_site.log.read_text()


@pytest.mark.parametrize("offered", ["two\twords", "a" * 65, "é", '"}{"', ""])
def test_an_id_that_could_forge_a_line_is_replaced(shared_site: Site, offered: str) -> None:
    headers = {b"X-Correlation-Id": offered.encode("latin-1")}
    given = httpx.get(f"{shared_site.url}/healthz", headers=headers).headers["X-Correlation-Id"]
    assert re.fullmatch(r"[0-9a-f]{24}", given)
    assert lines_of(shared_site.log, given)


def test_no_secret_of_a_program_is_logged(shared_site: Site) -> None:
    address = new_address()
    with shared_site.client() as client:
        first = sign_up(client, address)
        credentials = {"email": address, "password": PASSWORD}
        second = client.post("/api/v1/auth/token", json=credentials).json()
        client.post("/api/v1/auth/token", json={**credentials, "password": f"{PASSWORD}-wrong"})
        spend = {"refresh_token": first["refresh_token"]}
        third = client.post("/api/v1/auth/token/refresh", json=spend).json()
        assert client.post("/api/v1/auth/token/refresh", json=spend).status_code == 401
        client.post("/api/v1/auth/token/revoke", json={"refresh_token": third["refresh_token"]})
        bearer = {"Authorization": f"Bearer {second['access_token']}"}
        assert client.get("/api/v1/me", headers=bearer).status_code == 200
        client.get("/api/v1/me", headers={"Authorization": "Bearer recognisable-nonsense"})
    names = ("access_token", "refresh_token")
    hidden = [pair[name] for pair in (first, second, third) for name in names]
    log = shared_site.log.read_text()
    told = (PASSWORD, address, "Recognisable Name", "recognisable-nonsense", *hidden)
    assert [text for text in told if text in log] == []


def test_no_secret_of_a_browser_is_logged(shared_site: Site) -> None:
    address = new_address()
    with shared_site.client() as client:
        form = {"email": address, "password1": PASSWORD, "full_name": "Recognisable Name"}
        token = csrf_of(client, "/accounts/signup/")
        form["csrfmiddlewaretoken"] = token
        assert client.post("/accounts/signup/", data=form).status_code == 302
        assert client.get("/me/").status_code == 200
        cookies = dict(client.cookies)
    assert {"matricula_session", "matricula_csrf"} <= set(cookies)
    log = shared_site.log.read_text()
    told = (PASSWORD, address, token, "Recognisable Name", *cookies.values())
    assert [text for text in told if text in log] == []


def test_a_link_that_replaces_a_password_is_not_logged(shared_site: Site) -> None:
    address = new_address()
    with shared_site.client() as client:
        sign_up(client, address)
        token = csrf_of(client, "/accounts/password/reset/")
        form = {"email": address, "csrfmiddlewaretoken": token}
        assert client.post("/accounts/password/reset/", data=form).status_code == 302
        link = mailed_link(shared_site, address)
        assert client.get(link, follow_redirects=True).status_code == 200
    assert link.strip("/").rpartition("/")[2] not in shared_site.log.read_text()


def test_a_link_that_confirms_an_address_is_not_logged(shared_site: Site) -> None:
    address = new_address()
    with shared_site.client() as client:
        form = {"email": address, "password1": PASSWORD, "full_name": "Lea"}
        form["csrfmiddlewaretoken"] = csrf_of(client, "/accounts/signup/")
        client.post("/accounts/signup/", data=form)
        link = mailed_link(shared_site, address)
        assert client.get(link).status_code == 200
    assert link.strip("/").rpartition("/")[2] not in shared_site.log.read_text()


@pytest.mark.parametrize(
    "name", ["password", "new_password1", "API_SECRET", "refresh_token", "Authorization", "cookies"]
)
def test_a_value_named_like_a_secret_is_hidden(name: str) -> None:
    assert hide_secrets(None, "info", {name: "x", "event": "kept"}) == {
        name: "[hidden]",
        "event": "kept",
    }
