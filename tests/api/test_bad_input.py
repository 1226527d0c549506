"""Bad input gets a clear problem with a code, never a 500, and leaves nothing behind."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.conf import settings

from matricula.accounts import tokens
from matricula.accounts.models import Person
from matricula.enrollments.models import Enrollment
from matricula.kernel import clock, ids
from tests.support.people import ApiClient

pytestmark = pytest.mark.django_db

INITIALIZE = "/enrollments/initialize"


def problem(response: Any, status: int, code: str) -> dict[str, Any]:
    """Checks that the answer is this problem; returns its members."""
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"] == "application/problem+json"
    members: dict[str, Any] = response.json()
    assert members["code"] == code
    assert members["status"] == status
    assert members["correlation_id"] == response.headers["X-Correlation-Id"]
    assert "Traceback" not in response.content.decode()
    return members


@pytest.mark.parametrize(
    "course",
    [
        "no-such-course",
        "crs_",
        "crs_01h455vb4pex5vsknk084sn02q",
        "crs_01H455VB4PEX5VSKNK084SN02Q",
        "enr_01h455vb4pex5vsknk084sn02q",
        "crs_zzzzzzzzzzzzzzzzzzzzzzzzzz",
        "../../etc/passwd",
        "' OR 1=1 --",
        "курс",
    ],
)
def test_an_unknown_course_is_not_found(api: ApiClient, course: str) -> None:
    problem(api.post(INITIALIZE, {"course_id": course}), 404, "not_found")


@pytest.mark.parametrize("cohort", ["coh_01h455vb4pex5vsknk084sn02q", "coh_x", "hot-drop", "💥"])
def test_an_unknown_cohort_is_not_found(api: ApiClient, cohort: str) -> None:
    problem(api.post(INITIALIZE, {"cohort_id": cohort}), 404, "not_found")


@pytest.mark.parametrize("path", ["/enrollments/{}", "/enrollments/{}/payment-status"])
@pytest.mark.parametrize(
    "enrollment",
    ["enr_01h455vb4pex5vsknk084sn02q", "enr_!", "crs_01h455vb4pex5vsknk084sn02q", "1", "%20"],
)
def test_an_unknown_enrollment_is_not_found(api: ApiClient, path: str, enrollment: str) -> None:
    problem(api.get(path.format(enrollment)), 404, "not_found")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"course_id": 5}, "course_id"),
        ({"course_id": ["hot-drop"]}, "course_id"),
        ({"course_id": {"a": 1}}, "course_id"),
        ({"course_id": ""}, "course_id"),
        ({"course_id": "x" * 5000}, "course_id"),
        ({}, "course_id"),
        ({"course_id": "hot-drop", "cohort_id": "coh_1"}, "course_id"),
        ({"course_id": "hot-drop", "metadata": "no"}, "metadata"),
        ({"course_id": "hot-drop", "metadata": {"a": {"b": 1}}}, "metadata.a"),
        ({"course_id": "hot-drop", "metadata": {str(n): "x" for n in range(21)}}, "metadata"),
        ({"course_id": "hot-drop", "success_url": "https://evil.example/x"}, "success_url"),
        ({"course_id": "hot-drop", "cancel_url": "javascript:alert(1)"}, "cancel_url"),
        ({"course_id": "hot-drop", "success_url": "https://[::1"}, "success_url"),
        ({"course_id": "hot-drop", "success_url": "//evil.example"}, "success_url"),
    ],
)
def test_a_wrong_field_is_named(api: ApiClient, body: dict[str, Any], field: str) -> None:
    members = problem(api.post(INITIALIZE, body), 422, "validation_failed")
    assert [entry["field"] for entry in members["errors"]] == [field]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe",
        b'{"course_id": NaN}',
        b"{'course_id': 1}",
        b'{"course_id": "a\\u0000b"}',
        b'{"course_id": "\\ud800"}',
        b'{"metadata": {"\\u0000": "x"}}',
        b"[" * 100_000,
        b'{"a":' * 40 + b"1" + b"}" * 40,
    ],
)
def test_a_body_that_is_no_json_text_is_malformed(api: ApiClient, body: bytes) -> None:
    problem(api.request("POST", INITIALIZE, body), 400, "malformed_request")


def test_a_missing_body_is_named(api: ApiClient) -> None:
    members = problem(api.request("POST", INITIALIZE, b""), 422, "validation_failed")
    assert members["errors"] == [{"field": "body", "message": "Field required"}]


def test_a_body_that_is_no_object_is_refused(api: ApiClient) -> None:
    for body in (b"[]", b'"text"', b"5", b"null", b"true"):
        problem(api.request("POST", INITIALIZE, body), 422, "validation_failed")
        problem(api.request("PATCH", "/me", body), 422, "validation_failed")


def test_a_number_is_no_date(api: ApiClient) -> None:
    for value in (0, 1.5, 2.2e-309, True, [2001]):
        body = json.dumps({"birth_date": value}).encode()
        problem(api.request("PATCH", "/me", body), 422, "validation_failed")


@pytest.mark.parametrize(
    "path", ["/courses?search=%00", "/courses/a%00b", "/enrollments?cursor=%00"]
)
def test_nul_in_an_address_is_malformed(api: ApiClient, path: str) -> None:
    problem(api.get(path), 400, "malformed_request")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=many",
        "limit=9" + "9" * 40,
        "price=cheap",
        "search=" + "x" * 201,
    ],
)
def test_wrong_filters_are_refused(guest: ApiClient, query: str) -> None:
    problem(guest.get(f"/courses?{query}"), 422, "validation_failed")


@pytest.mark.parametrize(
    "cursor", ["x", "%F0%9F%92%A5", "W10", "WzFd", "W251bGxd", "bnVsbA", "=", "'"]
)
def test_a_cursor_we_never_gave_is_not_found(api: ApiClient, cursor: str) -> None:
    problem(api.get(f"/courses?cursor={cursor}"), 404, "not_found")
    problem(api.get(f"/courses?search=a&cursor={cursor}x"), 404, "not_found")
    problem(api.get(f"/enrollments?cursor={cursor}"), 404, "not_found")


def forged(**changes: Any) -> str:
    moment = clock.now()
    claims = {
        "iss": "matricula",
        "aud": "matricula-api",
        "sub": ids.to_text("usr", ids.new_id()),
        "exp": moment + timedelta(minutes=5),
        **changes,
    }
    return jwt.encode(claims, settings.SECRET_KEY, algorithm="HS256")


@pytest.mark.parametrize(
    "header",
    [
        "Bearer nonsense",
        "Bearer a.b.c",
        "Bearer ",
        "Basic bGVhcm5lcjpwYXNz",
        "Token x",
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c3JfMSJ9.",
        "Bearer " + "x" * 5000,
    ],
)
@pytest.mark.parametrize("path", ["/me", "/courses", "/enrollments"])
def test_a_bad_token_is_refused(guest: ApiClient, header: str, path: str) -> None:
    problem(guest.get(path, Authorization=header), 401, "authentication_required")


def test_tokens_for_others_or_without_a_person_are_refused(guest: ApiClient) -> None:
    for changes in (
        {"aud": "somebody-else"},
        {"iss": "somebody-else"},
        {"sub": "usr_1"},
        {"sub": None},
    ):
        guest.token = forged(**changes)
        problem(guest.get("/me"), 401, "authentication_required")
    guest.token = forged()  # well signed, but of nobody
    problem(guest.get("/me"), 401, "authentication_required")
    problem(guest.post(INITIALIZE, {"course_id": "hot-drop"}), 401, "authentication_required")


def test_an_expired_token_says_so(guest: ApiClient, learner: Person) -> None:
    guest.token = tokens.access_token(learner.pk, timedelta(minutes=-1))
    problem(guest.get("/me"), 401, "token_expired")


def test_a_closed_account_cannot_enroll(api: ApiClient, learner: Person) -> None:
    Person.objects.filter(pk=learner.pk).update(is_active=False)
    problem(api.post(INITIALIZE, {"course_id": "hot-drop"}), 401, "authentication_required")
    problem(api.get("/me"), 401, "authentication_required")


def test_an_unknown_coupon_is_refused_and_nothing_is_made(api: ApiClient, learner: Person) -> None:
    response = api.post(INITIALIZE, {"course_id": "hot-drop", "coupon_code": "NOPE"})
    problem(response, 422, "coupon_invalid")
    assert not Enrollment.objects.filter(person=learner).exists()


@pytest.mark.parametrize("key", [" ", "x" * 256, "ключ", "a\tb"])
def test_an_unusable_idempotency_key_is_refused(api: ApiClient, key: str) -> None:
    response = api.post(INITIALIZE, {"course_id": "hot-drop"}, key=key)
    members = problem(response, 422, "validation_failed")
    assert members["errors"][0]["field"] == "Idempotency-Key"


@pytest.mark.parametrize("path", ["/nothing", "/courses/hot-drop/nothing", "/"])
def test_an_unknown_address_is_a_problem_too(guest: ApiClient, path: str) -> None:
    problem(guest.get(path), 404, "not_found")


def test_a_wrong_method_is_a_problem_that_names_the_right_ones(api: ApiClient) -> None:
    response = api.request("DELETE", "/me")
    problem(response, 405, "method_not_allowed")
    assert set(response.headers["Allow"].split(", ")) == {"GET", "PATCH"}


def test_an_offered_correlation_id_comes_back_unless_it_is_harmful(guest: ApiClient) -> None:
    offered = {"X-Correlation-Id": "order-77.retry"}
    assert guest.get("/courses", **offered).headers["X-Correlation-Id"] == "order-77.retry"
    for harmful in ("x" * 65, "a b", "a\nb", "<script>"):
        answered = guest.get("/courses", **{"X-Correlation-Id": harmful})
        assert answered.headers["X-Correlation-Id"] != harmful
