"""One id follows a request: into the answer, its events, and the jobs they owe."""

from __future__ import annotations

from collections import defaultdict

import pytest
from django.db import connection
from procrastinate.contrib.django import app

from matricula.kernel import ids, outbox
from matricula.kernel.models import Event
from tests.support.factories import make_course
from tests.support.people import ApiClient, client_of, person

pytestmark = pytest.mark.django_db
HEADER = "X-Correlation-Id"


@app.task(name="tests.edges.follow")
def follow(event_seq: int, correlation_id: str) -> None:
    """Stands for any effect."""


@pytest.fixture
def enrolled() -> str:
    """The id of an enrollment that was asked for with the correlation id `the-request`."""
    body = {"course_id": make_course().slug}
    answer = client_of(person().pk).post("/enrollments/initialize", body, **{HEADER: "the-request"})
    assert answer.status_code == 201
    return str(answer.json()["enrollment_id"])


def test_an_answer_carries_the_id_it_was_asked_with() -> None:
    assert ApiClient().get("/courses", **{HEADER: "mine"})[HEADER] == "mine"


def test_an_answer_without_an_id_gets_one_of_its_own() -> None:
    given = {ApiClient().get("/courses")[HEADER] for _ in range(3)}
    assert len(given) == 3


@pytest.mark.parametrize("path", ["/me", "/courses/no-such-course", "/nowhere"])
def test_a_problem_names_the_id(path: str) -> None:
    answer = ApiClient().get(path, **{HEADER: "mine"})
    assert answer.json()["correlation_id"] == answer[HEADER] == "mine"


def test_every_event_of_a_request_carries_its_id(enrolled: str) -> None:
    rows = Event.objects.filter(subject=ids.from_text("enr", enrolled))
    assert {row.correlation_id for row in rows} == {"the-request"}
    assert len(rows) == 3


def test_the_job_that_an_event_owes_carries_the_id_too(
    enrolled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_owed", defaultdict(list))
    outbox.owe(follow, "enrollment.confirmed")
    while outbox.dispatch_batch():
        pass
    seq = Event.objects.get(subject=ids.from_text("enr", enrolled), type="enrollment.confirmed").seq
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT args->>'correlation_id' FROM procrastinate_jobs"
            " WHERE task_name = 'tests.edges.follow' AND (args->>'event_seq')::bigint = %s",
            [seq],
        )
        assert cursor.fetchall() == [("the-request",)]
