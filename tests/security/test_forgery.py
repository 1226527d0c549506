"""No other site can act in somebody's name: every form wants this browser's token, and no page of
ours can be framed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from matricula.accounts.models import Person
from matricula.flows.enroll import Application, enroll
from matricula.kernel import ids
from tests.security.conftest import browser
from tests.support.people import person

pytestmark = pytest.mark.django_db
# Each has another proof: the provider's signature, a signed link, or what the gateway signed.
OTHER_PROOF = {
    "webhooks/<str:provider>",
    "webhooks/<str:provider>/",
    "unsubscribe/<str:token>/",
    "pay/<str:reference>/return/",
}
EXAMPLES = {
    "slug": "hot-drop",
    "str": "x_01h455vb4pex5vsknk084sn02q",
    "uuid": "01920000-0000-7000-8000-000000000001",
    "int": "1",
    "path": "1",
}


def routes(patterns: list[Any], before: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = before + str(pattern.pattern).lstrip("^").rstrip("$").replace("\\Z", "")
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route


ROUTES = [
    route
    for route in routes(get_resolver().url_patterns)
    if not route.startswith(("api/", "healthz", "readyz", "metrics"))
    and route not in OTHER_PROOF
    and "(?P" not in route
]


def filled(route: str) -> str:
    kinds = re.sub(r"<(\w+):\w+>", lambda found: EXAMPLES[found[1]], route)
    return "/" + re.sub(r"<\w+>", "1", kinds)


@pytest.fixture
def signed_in() -> Client:
    """Somebody with every right, whose browser follows another site's form."""
    everything = person(is_staff=True, is_superuser=True, full_name="Rosa Root")
    return browser(everything, careful=True)


def test_every_address_refuses_a_form_without_its_token(signed_in: Client) -> None:
    assert len(ROUTES) > 100
    for route in ROUTES:
        response = signed_in.post(filled(route), {"confirm": "1", "course": "hot-drop"})
        assert response.status_code in {403, 404, 405}, (route, response.status_code)


def test_a_guests_forms_want_it_too() -> None:
    careful = browser(careful=True)
    for path in ("/accounts/login/", "/accounts/signup/", "/cart/add/", "/support/"):
        assert careful.post(path, {"course": "hot-drop"}).status_code == 403, path


def test_every_form_that_is_shown_carries_it(signed_in: Client, learner: Person) -> None:
    member = browser(learner)
    receipt = enroll(Application(learner.pk, "hot-drop"))
    status = f"/enrollments/{ids.to_text('enr', receipt.enrollment_id)}/"
    for path in (
        "/courses/evening-lab/",
        "/courses/evening-lab/enroll/",
        "/me/messages/settings/",
        "/me/profile/",
        "/support/",
        "/accounts/logout/",
        f"{status}cancel/",
    ):
        html = member.get(path).content.decode()
        forms = re.findall(r"<form[^>]*method=\"post\".*?</form>", html, re.DOTALL)
        assert forms, path
        assert all("csrfmiddlewaretoken" in form for form in forms), path


def test_a_cookie_alone_moves_nothing_in_the_api(learner: Person) -> None:
    careful = browser(learner, careful=True)
    for path in ("enrollments/initialize", "orders/initialize", "support/conversations"):
        response = careful.post(
            f"/api/v1/{path}",
            json.dumps({"course_id": "hot-drop"}),
            content_type="application/json",
        )
        assert response.status_code in {401, 403}, (path, response.status_code)


def test_a_token_of_another_site_is_none(learner: Person) -> None:
    careful = browser(learner, careful=True)
    careful.get("/support/")
    token = careful.cookies["matricula_csrf"].value
    response = careful.post(
        "/cart/add/",
        {"course": "hot-drop", "csrfmiddlewaretoken": token},
        headers={"origin": "https://evil.example"},
    )
    assert response.status_code == 403


def test_no_page_can_be_framed(signed_in: Client) -> None:
    for route in ROUTES:
        response = signed_in.get(filled(route))
        assert response["X-Frame-Options"] == "DENY", route
        assert "frame-ancestors 'none'" in response["Content-Security-Policy"], route
