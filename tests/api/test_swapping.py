"""Swapping over the API: one answer however often it is asked for."""

from __future__ import annotations

import pytest

from matricula.accounts.models import Person
from matricula.catalog.models import Cohort, Course
from matricula.enrollments.models import Enrollment
from matricula.flows.enroll import Application, enroll
from matricula.kernel import ids
from tests.api.test_bad_input import problem
from tests.support.factories import make_cohort, make_course, only_cohort
from tests.support.people import ApiClient, client_of, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def course(db: None) -> Course:
    return make_course()


@pytest.fixture
def mine(learner: Person, course: Course) -> str:
    receipt = enroll(Application(learner.pk, cohort_id=only_cohort(course)))
    return f"/enrollments/{ids.to_text('enr', receipt.enrollment_id)}"


def body(cohort: Cohort) -> dict[str, str]:
    return {"cohort_id": ids.to_text("coh", cohort.pk)}


def test_the_answer_is_the_new_enrollment_and_both_name_each_other(
    api: ApiClient, course: Course, mine: str
) -> None:
    other = make_cohort(course)
    found = api.post(f"{mine}/swap", body(other)).json()
    assert (found["status"], found["cohort_id"]) == ("enrolled", body(other)["cohort_id"])
    assert mine.endswith(found["swapped_from"])
    old = api.get(mine).json()
    assert (old["status"], old["swapped_to"]) == ("cancelled", found["enrollment_id"])


@pytest.mark.parametrize("key", [None, "the key"])
def test_sent_twice_it_is_answered_twice_and_done_once(
    api: ApiClient, course: Course, mine: str, key: str | None
) -> None:
    other = make_cohort(course)
    first, second = (api.post(f"{mine}/swap", body(other), key=key) for _ in range(2))
    assert first.json()["enrollment_id"] == second.json()["enrollment_id"]
    assert (second.headers.get("Idempotent-Replayed") == "true") is (key is not None)
    assert Enrollment.objects.filter(course=course).count() == 2


def test_a_full_cohort_is_refused_and_the_seat_stays(
    api: ApiClient, course: Course, mine: str
) -> None:
    full = make_cohort(course, capacity=0)
    problem(api.post(f"{mine}/swap", body(full)), 409, "course_full")
    assert api.get(mine).json()["status"] == "enrolled"


def test_anothers_enrollment_is_not_found(course: Course, mine: str) -> None:
    stranger = client_of(person().pk)
    problem(stranger.post(f"{mine}/swap", body(make_cohort(course))), 404, "not_found")


@pytest.mark.parametrize("cohort_id", ["", "coh_1", "crs_01h455vb4pex5vsknk084sn02q", "x" * 100])
def test_a_cohort_that_is_none_is_not_found(api: ApiClient, mine: str, cohort_id: str) -> None:
    problem(api.post(f"{mine}/swap", {"cohort_id": cohort_id}), 404, "not_found")


def test_no_cohort_is_a_validation_failure(api: ApiClient, mine: str) -> None:
    problem(api.post(f"{mine}/swap", {}), 422, "validation_failed")
