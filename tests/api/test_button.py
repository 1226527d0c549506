"""What the enroll button on other sites is told, and whom."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest
from django.conf import settings
from pytest_django import DjangoAssertNumQueries

from matricula.flows.enroll import Application, enroll
from matricula.seats.models import SeatCount
from tests.security.conftest import browser
from tests.support.factories import make_course
from tests.support.people import ApiClient, client_of, person

pytestmark = pytest.mark.django_db
ALLOWED = "https://app.example.com"
SITE = settings.ENVIRONMENT.base_url


def button(slug: str, query: str = "", **headers: str) -> Any:
    return ApiClient().get(f"/courses/{slug}/button{query}", **headers)


def test_it_says_price_seats_and_where_to_go() -> None:
    found = button("full-stack-development").json()
    assert found["label"] == "Enroll Now"
    assert found["state"] == "login_required"
    assert found["url"] == f"{SITE}/courses/full-stack-development/enroll/"
    assert (found["price"], found["regular_price"]) == ("₹2,999.00", "₹4,999.00")
    assert (found["seats_left"], found["seats"]) == (30, "30 seats left")
    assert found["seat_words"]["one"] == "%(count)d seat left"
    assert (found["language"], found["direction"]) == ("en", "ltr")


@pytest.mark.parametrize(
    ("slug", "state", "label"),
    [
        ("last-spring", "registration_closed", "Registration Closed"),
        ("coming-soon", "not_available", "Not Available"),
    ],
)
def test_what_is_closed_leads_to_the_reason(slug: str, state: str, label: str) -> None:
    found = button(slug).json()
    assert (found["state"], found["label"]) == (state, label)
    assert found["url"] == f"{SITE}/courses/{slug}/"
    assert found["seats"] == ""


def test_what_is_full_says_so() -> None:
    course = make_course()
    SeatCount.objects.filter(cohort__course=course).update(capacity=0)
    found = button(course.slug).json()
    assert (found["state"], found["seats"]) == ("course_full", "No seats left")


def test_it_is_the_same_for_everybody() -> None:
    somebody = person()
    enroll(Application(somebody.pk, "hot-drop"))
    theirs = client_of(somebody.pk).get("/courses/hot-drop/button").json()
    assert theirs == button("hot-drop").json()


@pytest.mark.parametrize("language", ["ar", "ar-EG"])
def test_its_language_is_the_one_asked_for(language: str) -> None:
    found = button("hot-drop", f"?language={language}").json()
    assert (found["language"], found["direction"]) == ("ar", "rtl")


@pytest.mark.parametrize("language", ["tlh", "", "x", "en-GB", "../..", "zh-Hant-x-private"])
def test_an_unknown_language_is_the_sites_own(language: str) -> None:
    assert button("hot-drop", f"?language={language}").json()["language"] == "en"


def test_an_allowed_site_may_read_it_and_a_cache_keeps_sites_apart() -> None:
    response = button("hot-drop", Origin=ALLOWED)
    assert response["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in response.headers
    assert "Origin" in response["Vary"]
    assert "s-maxage=2" in response["Cache-Control"]
    assert not response.cookies


@pytest.mark.parametrize("origin", ["https://evil.example", "null", f"{ALLOWED}.evil.example", ""])
def test_any_other_site_is_told_that_it_may_not(origin: str) -> None:
    response = button("hot-drop", Origin=origin)
    assert response.status_code == 403
    assert response.json()["code"] == "permission_denied"
    assert "MATRICULA_ALLOWED_ORIGINS" in response.json()["detail"]
    assert response["Access-Control-Allow-Origin"] == "*"  # or the page could not say why


def test_a_draft_is_not_there() -> None:
    response = button(make_course(status="draft").slug, Origin=ALLOWED)
    assert response.status_code == 404
    assert response["Access-Control-Allow-Origin"] == "*"


def test_it_takes_few_queries(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(2):
        button("hot-drop")


def test_the_script_is_small_kept_and_for_everybody(live_site: str) -> None:
    answer = httpx.get(f"{live_site}/embed/v1/embed.js")
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "max-age=3600" in answer.headers["Cache-Control"]
    assert "Set-Cookie" not in answer.headers
    again = {"If-None-Match": answer.headers["ETag"]}
    assert httpx.get(f"{live_site}/embed/v1/embed.js", headers=again).status_code == 304


def test_the_guide_names_the_lines_to_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = replace(settings.ENVIRONMENT, base_url="https://enroll.example.org")
    monkeypatch.setattr(settings, "ENVIRONMENT", bare)
    html = browser().get("/embed/?course=hot-drop").content.decode()
    assert 'script src="https://enroll.example.org/embed/v1/embed.js" async' in html
    assert "&lt;matricula-enroll course=&quot;hot-drop&quot;&gt;".replace("&quot;", '"') in html
    assert browser().get("/embed/?course=nothing").status_code == 404
