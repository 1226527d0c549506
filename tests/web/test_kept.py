"""A guest's page is made once a second, and each guest gets a copy with their own in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event as Signal

import pytest
from django.conf import LazySettings
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from pytest_django import DjangoAssertNumQueries

from matricula.catalog.models import Course
from matricula.edges.web import kept
from matricula.kernel import correlation

PAGE = "/courses/hot-drop/"


@pytest.fixture(autouse=True)
def _kept(settings: LazySettings) -> Iterator[None]:
    settings.PAGES_KEPT_FOR = 600
    kept._pages.clear()
    yield
    kept._pages.clear()


def browser(**options: bool) -> Client:
    return Client(HTTP_HOST="127.0.0.1", **options)


def text(client: Client, path: str = PAGE, **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def rename(title: str) -> None:
    Course.objects.filter(slug="hot-drop").update(title=title)


def test_the_second_guest_gets_a_copy_with_their_own_id(
    guest: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    first = guest.get(PAGE)
    with django_assert_num_queries(0):
        second = browser().get(PAGE)
    ours, theirs = (answer["X-Correlation-Id"] for answer in (first, second))
    assert theirs.encode() in second.content
    assert ours.encode() not in second.content
    assert second.content.replace(theirs.encode(), b"") != first.content
    for header in ("Content-Type", "Content-Language", "Content-Security-Policy"):
        assert second[header] == first[header]
    assert "Cookie" in second["Vary"]


def test_the_forms_of_a_copy_can_be_sent(guest: Client) -> None:
    guest.get(PAGE)
    careful = browser(enforce_csrf_checks=True)
    html = text(careful)
    (token,) = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', html)
    sent = careful.post("/cart/add/", {"course": "hot-drop", "csrfmiddlewaretoken": token})
    assert sent.status_code == 303
    other = browser(enforce_csrf_checks=True)
    other.get(PAGE)
    refused = other.post("/cart/add/", {"course": "hot-drop", "csrfmiddlewaretoken": token})
    assert refused.status_code == 403


def test_each_language_and_address_has_its_own(guest: Client) -> None:
    english = text(guest)
    assert 'lang="hi"' in text(guest, **{"Accept-Language": "hi"})
    assert 'lang="es"' in text(guest, f"{PAGE}?lang=es")
    assert 'lang="en"' in english
    assert 'lang="en"' in text(browser())


def test_a_guest_with_a_cart_sees_the_present(guest: Client) -> None:
    text(guest)
    rename("Renamed meanwhile")
    assert "Renamed meanwhile" not in text(browser())
    with_cart = browser()
    with_cart.post("/cart/add/", {"course": "full-stack-development"})
    assert "Renamed meanwhile" in text(with_cart)


def test_a_part_asked_for_after_an_event_is_new_and_kept(guest: Client) -> None:
    text(guest)
    rename("Renamed meanwhile")
    assert "Renamed meanwhile" in text(browser(), **{"X-Fragment": "panel"})
    assert "Renamed meanwhile" in text(browser())


def test_a_page_grows_old(guest: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    text(guest)
    rename("Renamed meanwhile")
    now = kept.time.monotonic()
    monkeypatch.setattr(kept.time, "monotonic", lambda: now + 601)
    assert "Renamed meanwhile" in text(browser())


def test_no_failure_is_kept(guest: Client) -> None:
    assert guest.get("/courses/not-yet/").status_code == 404
    Course.objects.create(slug="not-yet", title="Not yet", summary="S", status="published")
    assert guest.get("/courses/not-yet/").status_code == 200


def test_an_id_of_the_caller_is_put_nowhere_else(guest: Client) -> None:
    quoted = text(guest, **{"X-Correlation-Id": "a"})
    assert text(browser()).count("<a ") == quoted.count("<a ")


def test_no_more_pages_than_agreed_are_kept(guest: Client) -> None:
    page = kept._Page(b"x", "text/html", b"", None, 0)
    for number in range(kept.MOST + 5):
        kept._keep(kept.Key(str(number), "", "en", signed_in=False), page)
    assert len(kept._pages) == kept.MOST


def test_while_one_makes_the_page_anew_others_have_the_old_one(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, may_end = Signal(), Signal()

    def request() -> HttpRequest:
        return RequestFactory().get("/")

    def slowly(_asked: HttpRequest) -> HttpResponse:
        began.set()
        assert may_end.wait(20)
        return HttpResponse("new")

    def ask(make: kept.Make) -> bytes:
        with correlation.following(correlation.accept_or_make(None)):
            return bytes(kept.answer(request(), make).content)

    assert ask(lambda _asked: HttpResponse("old")) == b"old"
    now = kept.time.monotonic()
    monkeypatch.setattr(kept.time, "monotonic", lambda: now + 601)
    with ThreadPoolExecutor() as pool:
        making = pool.submit(ask, slowly)
        assert began.wait(20)
        assert ask(lambda _asked: HttpResponse("not asked for")) == b"old"
        may_end.set()
        assert making.result() == b"new"
    assert ask(lambda _asked: HttpResponse("not asked for")) == b"new"


def test_a_page_that_could_not_be_made_anew_is_not_shown_for_long(
    guest: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    text(guest)
    now = kept.time.monotonic()
    monkeypatch.setattr(kept.time, "monotonic", lambda: now + 601)
    with monkeypatch.context() as failing:
        failing.setattr("matricula.edges.web.views.course.flow.offer_of", None)
        assert guest.get(PAGE).status_code == 500
    rename("Renamed meanwhile")
    assert "Renamed meanwhile" not in text(browser())
    monkeypatch.setattr(kept.time, "monotonic", lambda: now + 1201)
    assert "Renamed meanwhile" in text(browser())
