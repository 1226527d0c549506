"""Waiting in line by API: the place, what comes of it, leaving."""

from __future__ import annotations

from uuid import UUID

import pytest

from matricula.accounts.models import Person
from matricula.catalog.models import Cohort
from matricula.flows import admit, doctor, rooms
from matricula.kernel import events, ids
from tests.support.factories import make_course
from tests.support.people import ApiClient, client_of, person

pytestmark = pytest.mark.django_db
INITIALIZE = "/enrollments/initialize"


def drop(slug: str = "hot-drop") -> UUID:
    cohort = Cohort.objects.get(course__slug=slug)
    rooms.set_room(cohort.pk, is_drop=True, opens_above=None)
    return cohort.pk


def test_a_drop_answers_with_a_place_in_line(api: ApiClient) -> None:
    drop()
    client_of(person().pk).post(INITIALIZE, {"course_id": "hot-drop"})
    answer = api.post(INITIALIZE, {"course_id": "hot-drop"}, key="k1")
    made = answer.json()
    assert answer.status_code == 202
    assert (made["status"], made["stage"], made["position"]) == ("pending", "requested", 2)
    assert made["expected_wait"] is None
    assert made["poll_after"] > 0
    assert made["events_url"].endswith(f"/enrollments/{made['enrollment_id']}/events")
    found = api.get(f"/enrollments/{made['enrollment_id']}").json()
    assert (found["stage"], found["position"]) == ("requested", 2)


def test_asking_again_answers_with_the_same_place(api: ApiClient) -> None:
    drop()
    first = api.post(INITIALIZE, {"course_id": "hot-drop"}, key="k1")
    again = api.post(INITIALIZE, {"course_id": "hot-drop"}, key="k1")
    other = api.post(INITIALIZE, {"course_id": "hot-drop"}, key="k2")
    assert [first.status_code, again.status_code, other.status_code] == [202, 202, 202]
    assert "Idempotent-Replayed" not in again.headers
    assert {answer.json()["enrollment_id"] for answer in (first, again, other)} == {
        first.json()["enrollment_id"]
    }


def test_the_result_arrives_as_an_event(api: ApiClient) -> None:
    cohort = drop()
    made = api.post(INITIALIZE, {"course_id": "hot-drop"}).json()
    admit.serve(cohort)
    subject = ids.from_text("enr", made["enrollment_id"])
    assert [event.type for event in events.of_subject(subject)] == [
        "enrollment.requested",
        "enrollment.queued",
        "enrollment.confirmed",
        "access.granted",
    ]
    found = api.get(f"/enrollments/{made['enrollment_id']}").json()
    assert (found["status"], found["position"]) == ("enrolled", None)
    assert api.get("/courses/hot-drop/access").json()["has_access"] is True


def test_the_same_key_after_the_turn_answers_with_the_seat(api: ApiClient) -> None:
    cohort = drop()
    made = api.post(INITIALIZE, {"course_id": "hot-drop"}, key="k1").json()
    admit.serve(cohort)
    again = api.post(INITIALIZE, {"course_id": "hot-drop"}, key="k1")
    assert (again.status_code, again.json()["status"]) == (200, "enrolled")
    assert again.json()["enrollment_id"] == made["enrollment_id"]
    other = api.post(INITIALIZE, {"course_id": "hot-drop"}, key="k2")
    assert (other.status_code, other.json()["code"]) == (409, "already_enrolled")


def test_who_comes_too_late_reads_why(api: ApiClient) -> None:
    course = make_course(capacity=1)
    cohort = drop(course.slug)
    client_of(person().pk).post(INITIALIZE, {"course_id": course.slug})
    made = api.post(INITIALIZE, {"course_id": course.slug}).json()
    admit.serve(cohort)
    found = api.get(f"/enrollments/{made['enrollment_id']}").json()
    assert (found["status"], found["reason"]) == ("failed", admit.FULL)
    standing = api.get(f"/enrollments/{made['enrollment_id']}/payment-status").json()
    assert standing["failure"]["code"] == "course_full"


def test_cancelling_leaves_the_line(api: ApiClient) -> None:
    cohort = drop()
    made = api.post(INITIALIZE, {"course_id": "hot-drop"}).json()
    answer = api.post(f"/enrollments/{made['enrollment_id']}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert admit.serve(cohort) == 0
    assert doctor.examine() == []


def test_nobody_stands_in_somebody_elses_place(api: ApiClient, learner: Person) -> None:
    drop()
    stranger = client_of(person().pk)
    made = stranger.post(INITIALIZE, {"course_id": "hot-drop"}).json()
    assert api.get(f"/enrollments/{made['enrollment_id']}").status_code == 404
    assert api.post(f"/enrollments/{made['enrollment_id']}/cancel").status_code == 404


def test_a_cart_is_no_way_around_the_line(api: ApiClient) -> None:
    drop("full-stack-development")
    answer = api.post("/orders/initialize", {"items": [{"course_id": "full-stack-development"}]})
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_state")


def test_a_paid_drop_asks_for_the_money_after_the_turn(api: ApiClient) -> None:
    cohort = drop("full-stack-development")
    body = {"course_id": "full-stack-development", "coupon_code": "SAVE50"}
    made = api.post(INITIALIZE, body)
    assert made.status_code == 202
    admit.serve(cohort)
    found = api.get(f"/enrollments/{made.json()['enrollment_id']}").json()
    assert (found["stage"], found["hold_expires_at"] is not None) == ("validated", True)
    answer = api.post(INITIALIZE, body)
    assert (answer.status_code, answer.json()["stage"]) == (200, "payment_pending")
    assert answer.json()["total_payable_minor"] == 176_942
    assert doctor.examine() == []
