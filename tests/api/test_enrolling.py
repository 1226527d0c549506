"""Enrolling by API: the answers, repeated requests, what it costs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection

from matricula.accounts.models import Person
from matricula.enrollments.models import Enrollment
from matricula.flows.enroll import Application, enroll
from matricula.kernel.models import Event
from tests.support.people import ApiClient, client_of, person

pytestmark = pytest.mark.django_db

INITIALIZE = "/enrollments/initialize"


def test_a_free_course_is_enrolled_in_one_request(api: ApiClient, learner: Person) -> None:
    response = api.post(INITIALIZE, {"course_id": "hot-drop", "metadata": {"source": "app"}})

    assert response.status_code == 201
    made = response.json()
    assert made["status"] == "enrolled"
    assert made["stage"] == "confirmed"
    assert made["payment_required"] is False
    assert made["payment_session"] is None
    assert made["course"]["title"] == "Hot Drop"
    assert api.get(f"/enrollments/{made['enrollment_id']}").json()["metadata"] == {"source": "app"}
    access = api.get("/courses/hot-drop/access").json()
    assert access["has_access"] is True
    assert access["next_lesson_url"] == "/learn/hot-drop/"
    types = Event.objects.filter(person=learner.pk).order_by("seq").values_list("type", flat=True)
    assert list(types) == ["enrollment.requested", "enrollment.confirmed", "access.granted"]


def test_amounts_are_exact_decimals_in_the_text(api: ApiClient) -> None:
    text = api.get("/courses/full-stack-development").content.decode()
    assert '"price": 4999.00, "price_minor": 499900' in text
    assert '"discount_price": 2999.00' in text


def test_the_same_key_gives_the_first_answer_again(api: ApiClient, learner: Person) -> None:
    body = {"course_id": "hot-drop"}
    first = api.post(INITIALIZE, body, key="k1")
    again = api.post(INITIALIZE, body, key="k1")

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert Enrollment.objects.filter(person=learner).count() == 1


def test_the_first_answer_stands_after_the_world_has_moved_on(api: ApiClient) -> None:
    first = api.post(INITIALIZE, {"course_id": "tiny-seminar"}, key="k1").json()
    api.post(f"/enrollments/{first['enrollment_id']}/cancel")
    assert api.post(INITIALIZE, {"course_id": "tiny-seminar"}, key="k1").json() == first


def test_a_refusal_is_remembered_too(api: ApiClient) -> None:
    enroll(Application(person().pk, "tiny-seminar"))
    first = api.post(INITIALIZE, {"course_id": "tiny-seminar"}, key="k1")
    Enrollment.objects.all().update(reason="")
    again = api.post(INITIALIZE, {"course_id": "tiny-seminar"}, key="k1")
    assert first.status_code == again.status_code == 409
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_key_of_another_request_is_refused(api: ApiClient) -> None:
    api.post(INITIALIZE, {"course_id": "hot-drop"}, key="k1")
    other = api.post(INITIALIZE, {"course_id": "basic-programming"}, key="k1")
    assert other.status_code == 422
    assert other.json()["code"] == "idempotency_mismatch"


def test_keys_belong_to_their_person(api: ApiClient) -> None:
    api.post(INITIALIZE, {"course_id": "hot-drop"}, key="k1")
    response = client_of(person().pk).post(INITIALIZE, {"course_id": "hot-drop"}, key="k1")
    assert response.status_code == 201
    assert "Idempotent-Replayed" not in response.headers


def test_another_key_when_enrolled_is_refused_with_the_way_in(api: ApiClient) -> None:
    api.post(INITIALIZE, {"course_id": "hot-drop"}, key="k1")
    members = api.post(INITIALIZE, {"course_id": "hot-drop"}, key="k2").json()
    assert members["code"] == "already_enrolled"
    assert members["actions"] == [{"label": "Open the course", "url": "/learn/hot-drop/"}]


def test_a_full_course_offers_alternatives(api: ApiClient) -> None:
    enroll(Application(person().pk, "tiny-seminar"))
    members = api.post(INITIALIZE, {"course_id": "tiny-seminar"}).json()
    assert members["code"] == "course_full"
    slugs = {other["slug"] for other in members["alternatives"]}
    assert slugs <= {"basic-programming", "hot-drop", "evening-lab", "full-stack-development"}
    assert len(members["alternatives"]) == 2


@pytest.mark.parametrize(
    ("course", "status", "code"),
    [
        ("last-spring", 409, "registration_closed"),
        ("coming-soon", 409, "course_not_available"),
        ("advanced-data-engineering", 409, "prerequisites_not_met"),
    ],
)
def test_each_refusal_has_its_code(api: ApiClient, course: str, status: int, code: str) -> None:
    response = api.post(INITIALIZE, {"course_id": course})
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_a_paid_course_cannot_be_had_where_nobody_can_pay(
    api: ApiClient, without_payment: None
) -> None:
    response = api.post(INITIALIZE, {"course_id": "full-stack-development"})
    assert (response.status_code, response.json()["code"]) == (402, "payment_required")


def test_cancelling_frees_the_seat_and_ends_access(api: ApiClient) -> None:
    made = api.post(INITIALIZE, {"course_id": "tiny-seminar"}).json()
    other = client_of(person().pk)
    assert other.get("/courses/tiny-seminar").json()["course"]["button"]["state"] == "course_full"

    ended = api.post(f"/enrollments/{made['enrollment_id']}/cancel", {"reason": "No time"}, key="c")

    assert ended.json()["status"] == "cancelled"
    assert ended.json()["reason"] == "No time"
    assert api.get("/courses/tiny-seminar/access").json()["has_access"] is False
    assert other.post(INITIALIZE, {"course_id": "tiny-seminar"}).status_code == 201
    again = api.post(f"/enrollments/{made['enrollment_id']}/cancel", {"reason": "No time"}, key="c")
    assert again.content == ended.content
    refused = api.post(f"/enrollments/{made['enrollment_id']}/cancel", {"reason": "No time"})
    assert refused.json()["code"] == "illegal_state"


def test_the_list_is_paged_newest_first(api: ApiClient) -> None:
    for course in ("hot-drop", "basic-programming", "tiny-seminar"):
        api.post(INITIALIZE, {"course_id": course})
    first = api.get("/enrollments?limit=2").json()
    second = api.get(f"/enrollments?limit=2&cursor={first['next_cursor']}").json()
    slugs = [item["course_slug"] for item in [*first["items"], *second["items"]]]
    assert slugs == ["tiny-seminar", "basic-programming", "hot-drop"]
    assert second["next_cursor"] is None
    assert api.get("/enrollments?status=cancelled").json()["items"] == []


def round_trips(trace: str) -> int:
    """Answers of the server in a libpq trace: each ends with ReadyForQuery."""
    return sum(1 for line in trace.splitlines() if "\tReadyForQuery\t" in line)


@pytest.mark.parametrize("key", [None, "a-key"])
def test_an_enrollment_costs_at_most_four_round_trips(
    api: ApiClient, tmp_path: Any, key: str | None
) -> None:
    """Counted in the traffic itself, so that BEGIN, COMMIT and hidden queries count too. The plan
    of a course is read once by a process, and again after a change of it."""
    client_of(person().pk).post(INITIALIZE, {"course_id": "hot-drop"})
    connection.ensure_connection()
    trace = tmp_path / "trace"
    with trace.open("wb") as out:
        connection.connection.pgconn.trace(out.fileno())
        try:
            response = api.post(INITIALIZE, {"course_id": "hot-drop"}, key=key)
        finally:
            connection.connection.pgconn.untrace()

    assert response.status_code == 201
    assert 1 <= round_trips(trace.read_text()) <= 4


def test_cookies_need_the_csrf_token(db: None) -> None:
    from django.test import Client

    browser = Client(enforce_csrf_checks=True, HTTP_HOST="127.0.0.1")
    browser.force_login(person(), backend="allauth.account.auth_backends.AuthenticationBackend")
    body = json.dumps({"course_id": "hot-drop"})
    path = f"/api/v1{INITIALIZE}"
    refused = browser.post(path, body, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")

    browser.get("/accounts/login/")
    token = browser.cookies["matricula_csrf"].value if "matricula_csrf" in browser.cookies else ""
    if not token:
        browser.get("/courses/hot-drop/enroll/")
        token = browser.cookies["matricula_csrf"].value
    allowed = browser.post(path, body, content_type="application/json", HTTP_X_CSRFTOKEN=token)
    assert allowed.status_code == 201
