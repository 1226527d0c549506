"""What every answer tells browsers: policies, cookies, and who else may read it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.cookies import Morsel, SimpleCookie

import httpx
import pytest
from django.test import Client

from matricula.accounts.models import Person
from matricula.flows.enroll import Application, enroll
from matricula.kernel import ids
from tests.support.people import ApiClient, client_of, person
from tests.support.sites import Site, running_site

PUBLIC = ("/courses", "/courses/hot-drop")
PAGES = [
    "/",
    "/?search=nothing-like-it",
    "/courses/hot-drop/",
    "/courses/no-such-course/",
    "/courses/hot-drop/enroll/",
    "/enrollments/{enrollment}/",
    "/enrollments/enr_wrong/",
    "/me/",
    "/learn/hot-drop/",
    "/demo/mail/",
    "/nowhere/",
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/logout/",
    "/accounts/email/",
    "/accounts/password/reset/",
    "/accounts/password/change/",
    "/accounts/password/reset/key/1-wrong/",
    "/accounts/confirm-email/wrong/",
    "/api/v1/docs",
    "/api/v1/me",
    "/api/v1/courses",
    "/healthz",
    "/readyz",
    "/metrics",
    "/console/",
    "/console/accounts/person/",
]
# Refused before a view is chosen.
EARLY = ["/?search=%00", "/courses/%00/"]


@pytest.fixture
def staff(db: None) -> Person:
    return person(is_staff=True, is_superuser=True, full_name="Meera")


@pytest.fixture
def enrollment(staff: Person) -> str:
    receipt = enroll(Application(staff.pk, course="hot-drop"))
    return ids.to_text("enr", receipt.enrollment_id)


@pytest.fixture
def browser(staff: Person) -> Client:
    client = Client(HTTP_HOST="127.0.0.1", raise_request_exception=False)
    client.force_login(staff)
    return client


@pytest.fixture
def guest(db: None) -> Client:
    return Client(HTTP_HOST="127.0.0.1", raise_request_exception=False)


def policy_of(response: object) -> dict[str, str]:
    """The Content-Security-Policy, by directive."""
    text = str(response.headers.get("Content-Security-Policy", ""))  # type: ignore[attr-defined]
    parts = [part.strip().partition(" ") for part in text.split(";") if part.strip()]
    return {name: sources for name, _, sources in parts}


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_has_the_plain_protections(
    browser: Client, enrollment: str, path: str
) -> None:
    headers = browser.get(path.format(enrollment=enrollment)).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_has_a_policy_that_lets_in_nothing_foreign(
    browser: Client, enrollment: str, path: str
) -> None:
    policy = policy_of(browser.get(path.format(enrollment=enrollment)))
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["object-src"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert not re.search(r"\*|https?:", " ".join(policy.values()))


@pytest.mark.parametrize("path", [path for path in PAGES if not path.startswith("/console/")])
def test_outside_the_console_nothing_inline_runs(
    browser: Client, enrollment: str, path: str
) -> None:
    assert "unsafe" not in " ".join(
        policy_of(browser.get(path.format(enrollment=enrollment))).values()
    )


def test_the_console_allows_no_inline_script_either(browser: Client) -> None:
    policy = policy_of(browser.get("/console/"))
    assert "'unsafe-inline'" not in policy["script-src"]


@pytest.mark.parametrize("path", EARLY)
def test_what_is_refused_early_is_protected_too(guest: Client, path: str) -> None:
    response = guest.get(path)
    assert response.status_code == 400
    assert policy_of(response)["default-src"] == "'self'"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["X-Frame-Options"] == "DENY"


def test_a_foreign_host_is_refused_with_the_same_protections(guest: Client) -> None:
    response = guest.get("/", headers={"host": "evil.example"})
    assert response.status_code == 400
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "evil.example" not in response.content.decode()


@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/nowhere/", "/api/v1/docs"])
def test_a_page_asks_for_nothing_that_its_policy_forbids(guest: Client, path: str) -> None:
    html = guest.get(path).content.decode()
    assert not re.findall(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>|<style", html)
    assert not re.findall(r"(?:src|href)=\"(?:https?:)?//[^\"]*\.(?:js|css)", html)


def test_pages_for_a_person_are_kept_by_no_cache(browser: Client, enrollment: str) -> None:
    for path in ("/", "/me/", "/courses/hot-drop/", f"/enrollments/{enrollment}/"):
        assert "no-store" in browser.get(path).headers["Cache-Control"]


def cookies_of(site: Site) -> dict[str, Morsel[str]]:
    """The cookies of a browser that has signed in, with what they are marked with."""
    kept: SimpleCookie = SimpleCookie()
    host = {"Host": "127.0.0.1"}
    with site.client() as client:
        page = client.get("/accounts/login/", headers=host)
        kept.load(page.headers["Set-Cookie"])
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert found
        answer = client.post(
            "/accounts/login/",
            data={
                "login": "learner@example.com",
                "password": "matricula-demo",
                "csrfmiddlewaretoken": found[1],
            },
            headers={
                **host,
                "Cookie": f"matricula_csrf={kept['matricula_csrf'].value}",
                "Origin": "https://enroll.example.org",
            },
        )
    assert answer.status_code == 302
    for line in answer.headers.get_list("Set-Cookie"):
        kept.load(line)
    return dict(kept)


@pytest.fixture(scope="module")
def https_site() -> Iterator[Site]:
    """A site behind a proxy on this machine that ends TLS."""
    own = "https://enroll.example.org"
    with running_site(workers=1, MATRICULA_BASE_URL=own, TRUSTED_PROXIES="127.0.0.1") as site:
        yield site


def test_over_https_cookies_never_travel_in_the_clear(https_site: Site) -> None:
    cookies = cookies_of(https_site)
    assert {name for name, cookie in cookies.items() if cookie["secure"]} >= {
        "matricula_session",
        "matricula_csrf",
    }


def test_scripts_never_see_the_session_and_others_never_send_it(https_site: Site) -> None:
    cookies = cookies_of(https_site)
    assert cookies["matricula_session"]["httponly"] is True
    assert cookies["matricula_session"]["samesite"] == "Lax"
    assert cookies["matricula_csrf"]["samesite"] == "Lax"


def test_over_https_browsers_are_told_to_stay_there(https_site: Site) -> None:
    with https_site.client() as client:
        answer = client.get("/", headers={"X-Forwarded-Proto": "https"})
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_only_a_trusted_proxy_tells_that_a_request_came_over_https(live_site: str) -> None:
    answer = httpx.get(f"{live_site}/", headers={"X-Forwarded-Proto": "https"})
    assert "Strict-Transport-Security" not in answer.headers


def test_over_http_the_session_is_still_hidden_from_scripts(db: None, guest: Client) -> None:
    guest.post("/accounts/login/", {"login": "learner@example.com", "password": "matricula-demo"})
    cookie = guest.cookies["matricula_session"]
    assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "Lax", "")


def test_signing_in_changes_the_session(guest: Client) -> None:
    session = guest.session
    session["planted"] = True
    session.save()
    before = session.session_key
    guest.cookies["matricula_session"] = before
    guest.post("/accounts/login/", {"login": "learner@example.com", "password": "matricula-demo"})
    assert guest.cookies["matricula_session"].value != before


@pytest.mark.parametrize("path", PUBLIC)
def test_public_reads_answer_any_origin_without_credentials(db: None, path: str) -> None:
    answer = ApiClient().get(path, Origin="https://anywhere.example")
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/me"),
        ("GET", "/enrollments"),
        ("GET", "/courses/hot-drop/access"),
        ("POST", "/auth/token"),
        ("POST", "/auth/signup"),
        ("POST", "/auth/token/refresh"),
        ("POST", "/enrollments/initialize"),
        ("OPTIONS", "/enrollments/initialize"),
        ("OPTIONS", "/me"),
        ("POST", "/courses"),
    ],
)
def test_nothing_else_answers_other_origins(staff: Person, method: str, path: str) -> None:
    answer = client_of(staff.pk).request(method, path, {}, Origin="https://anywhere.example")
    assert not [name for name in answer.headers if name.startswith("Access-Control-")]


def test_pages_answer_no_other_origin(guest: Client) -> None:
    answer = guest.get("/", headers={"origin": "https://anywhere.example"})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_personal_answers_are_told_apart_by_caches(db: None) -> None:
    vary = ApiClient().get("/courses/hot-drop")["Vary"]
    assert {"Authorization", "Cookie"} <= {name.strip() for name in vary.split(",")}


def test_static_files_cannot_be_taken_for_something_else(live_site: str) -> None:
    page = httpx.get(f"{live_site}/").text
    found = re.search(r'href="(/static/[^"]+\.css)"', page)
    assert found
    answer = httpx.get(f"{live_site}{found[1]}")
    assert answer.headers["Content-Type"].startswith("text/css")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_site_does_not_tell_what_it_runs_on(live_site: str) -> None:
    headers = httpx.get(f"{live_site}/").headers
    assert "Server" not in headers
    assert "X-Powered-By" not in headers
