"""What machines are told: alive, ready, and the figures."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from matricula import __version__
from matricula.kernel import clock, failures
from matricula.kernel.models import Effect, FailedWork, Outbox
from matricula.notifications.models import Delivery
from tests.support import databases
from tests.support.crowds import wait_until
from tests.support.sites import Site, running_site, stop

TOKEN = "metrics-token-of-the-tests"


def drop_database(site: Site) -> None:
    databases._drop(urlsplit(site.database_url).path.removeprefix("/"))


def figures(site: Site) -> dict[tuple[str, str, str], float]:
    """How many requests were counted, by method, route and status."""
    with site.client(TOKEN) as client:
        text = client.get("/metrics").raise_for_status().text
    return {
        (sample.labels["method"], sample.labels["route"], sample.labels["status"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "matricula_requests_total"
    }


def test_a_healthy_site_is_alive_and_ready(live_site: str) -> None:
    answers = [httpx.get(f"{live_site}/{path}") for path in ("healthz", "readyz")]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.json()["status"] for answer in answers] == ["ok", "ready"]
    assert {answer.json()["version"] for answer in answers} == {__version__}


@pytest.fixture
def nothing_due(db: None) -> None:
    Outbox.objects.all().delete()
    Effect.objects.all().delete()
    Delivery.objects.all().delete()
    FailedWork.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")


def owe_since(seconds: int) -> None:
    """An event has waited so long to be dispatched."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH happened AS (INSERT INTO kernel_event"
            " (id, type, subject, subject_seq, correlation_id, data, at) VALUES"
            " (gen_random_uuid(), 'tests', gen_random_uuid(), 1, '', '{}',"
            " now() - make_interval(secs => %s)) RETURNING seq)"
            " INSERT INTO kernel_outbox SELECT seq FROM happened",
            [seconds],
        )


def readiness() -> tuple[int, str, dict[str, Any]]:
    answer = Client(HTTP_HOST="127.0.0.1").get("/readyz")
    told = answer.json()
    return answer.status_code, told["status"], told


def test_work_that_keeps_up_leaves_the_site_ready(nothing_due: None) -> None:
    owe_since(5)
    assert readiness()[:2] == (200, "ready")


def test_work_that_lags_degrades_it_and_then_makes_it_not_ready(
    nothing_due: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    owe_since(300)
    status, word, told = readiness()
    assert (status, word) == (200, "degraded")
    assert told["late_seconds"].keys() == {"events"}
    owe_since(1_000)
    assert readiness()[:2] == (503, "stalled")
    never = replace(settings.ENVIRONMENT, not_ready_after_seconds=0)
    monkeypatch.setattr(settings, "ENVIRONMENT", never)
    assert readiness()[:2] == (200, "degraded")


def test_a_large_mailing_degrades_it_and_no_more(nothing_due: None) -> None:
    Delivery.objects.create(
        kind="other",
        address="a@example.org",
        subject="s",
        message_id_header="<a@b>",
        content={},
        due_at=clock.now() - timedelta(hours=2),
    )
    assert readiness()[:2] == (200, "degraded")


def test_work_that_is_set_aside_degrades_it(nothing_due: None) -> None:
    failures.set_aside("events", "4711", "KeyError", 8)
    status, word, told = readiness()
    assert (status, word, told["set_aside"]) == (200, "degraded", {"events": 1})


def test_backlogs_are_among_the_figures(nothing_due: None) -> None:
    owe_since(300)
    failures.set_aside("mail", "dlv", "KeyError", 8)
    page = Client(HTTP_HOST="127.0.0.1").get(
        "/metrics", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    figures = {
        (sample.name, sample.labels["queue"]): sample.value
        for family in text_string_to_metric_families(page.content.decode())
        for sample in family.samples
        if "queue" in sample.labels
    }
    assert figures["matricula_backlog_items", "events"] == 1
    assert figures["matricula_backlog_oldest_seconds", "events"] > 299
    assert figures["matricula_set_aside_items", "mail"] == 1


def test_a_site_whose_database_is_gone_is_alive_but_not_ready() -> None:
    with running_site(workers=1) as site, site.client() as client:
        drop_database(site)
        assert client.get("/healthz").status_code == 200
        not_ready = client.get("/readyz")
        assert (not_ready.status_code, not_ready.json()["status"]) == (503, "database_unavailable")


def test_without_its_database_a_page_says_so_and_when_to_come_back() -> None:
    with running_site(workers=1) as site, site.client() as client:
        drop_database(site)
        page, answer = client.get("/"), client.get("/api/v1/courses")
        assert (page.status_code, answer.status_code) == (503, 503)
        assert page.headers["Retry-After"] == answer.headers["Retry-After"] == "2"
        assert answer.json()["code"] == "overloaded"
        assert "Traceback" not in page.text
        assert page.headers["X-Correlation-Id"] in page.text


def test_a_site_is_ready_again_once_its_database_answers() -> None:
    with running_site(workers=1) as site, site.client() as client:
        name = urlsplit(site.database_url).path.removeprefix("/")
        admin = databases.url_of("postgres")
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
            assert client.get("/readyz").status_code == 503
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        wait_until(lambda: client.get("/readyz").status_code == 200)
        assert client.get("/").status_code == 200


def test_the_figures_are_for_holders_of_the_token(shared_site: Site) -> None:
    offers = (None, b"Bearer", b"Bearer wrong", "Bearer नमस्ते".encode(), TOKEN[:-1].encode())
    for offered in offers:
        headers = {} if offered is None else {b"Authorization": offered}
        refused = httpx.get(f"{shared_site.url}/metrics", headers=headers)
        assert refused.status_code == 401
        assert "matricula_requests_total" not in refused.text


def test_the_figures_are_in_the_format_that_prometheus_reads(shared_site: Site) -> None:
    with shared_site.client(TOKEN) as client:
        answer = client.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    names = {family.name for family in text_string_to_metric_families(answer.text)}
    assert {"matricula_requests", "matricula_request_seconds"} <= names


def test_requests_are_counted_over_all_web_processes(site: Site) -> None:
    before = figures(site).get(("GET", "/courses/<slug:slug>/", "200"), 0)
    for _ in range(12):  # a connection each, so that several processes answer
        assert httpx.get(f"{site.url}/courses/hot-drop/").status_code == 200
    assert figures(site)[("GET", "/courses/<slug:slug>/", "200")] - before == 12


def test_figures_name_routes_and_never_addresses(site: Site) -> None:
    for path in ("/courses/no-such-course/", "/nowhere/123456", "/api/v1/courses/hot-drop"):
        httpx.get(f"{site.url}{path}")
    routes = {route for _method, route, _status in figures(site)}
    assert {"/courses/<slug:slug>/", "(none)", "/api/v1/courses/<course_id>"} <= routes
    assert not [route for route in routes if re.search(r"123456|no-such-course|hot-drop", route)]


def test_a_site_told_to_stop_stops(site: Site) -> None:
    stop(site.web)
    assert site.web.returncode == 0
