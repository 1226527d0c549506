"""What the operations on somebody's enrollments cost the database."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from matricula.accounts.models import Person
from matricula.flows.enroll import Application, enroll
from matricula.kernel import ids
from tests.support.factories import make_course
from tests.support.people import client_of, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def who() -> Person:
    return person()


def enrolled(who: Person) -> str:
    """A free enrollment of theirs."""
    receipt = enroll(Application(who.pk, course=make_course().slug))
    return ids.to_text("enr", receipt.enrollment_id)


def statements(who: Person, method: str, path: str) -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        answer = client_of(who.pk).request(method, path)
    assert answer.status_code == 200
    return [query["sql"] for query in queries]


def test_reading_takes_three_queries(who: Person) -> None:
    mine = enrolled(who)
    for path in (f"/enrollments/{mine}", f"/enrollments/{mine}/payment-status", "/enrollments"):
        # Whether the account is open, the enrollment, whether it was bought.
        assert len(statements(who, "GET", path)) == 3, path


def test_a_longer_list_takes_no_more(who: Person) -> None:
    for _ in range(4):
        enrolled(who)
    assert len(statements(who, "GET", "/enrollments")) == 3


def test_cancelling_holds_the_counter_for_three_statements(who: Person) -> None:
    done = statements(who, "POST", f"/enrollments/{enrolled(who)}/cancel")
    assert len(done) <= 11, done  # begin and commit included
    (taken,) = [n for n, sql in enumerate(done) if "release_seats" in sql]
    (free,) = [n for n, sql in enumerate(done) if sql.startswith("RELEASE")]
    assert free - taken == 3, done[taken : free + 1]
