"""Every endpoint for every kind of asker: one table of expected answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from matricula.accounts.models import Person
from matricula.edges.api.app import api as the_api
from matricula.flows.enroll import Application, enroll
from matricula.flows.support import Question, ask
from matricula.kernel import ids
from matricula.support.states import Channel
from tests.support.people import ApiClient, client_of, person
from tests.support.sites import Site

pytestmark = pytest.mark.django_db

ROLES = ("guest", "learner", "other", "instructor", "staff")

# The enrollment in the path is the learner's, in a course with one seat: nobody else may know it.
# One answer stands for all roles that are signed in and not the owner: being staff opens the
# console, not other people's enrollments in the learner's API.
TABLE: dict[tuple[str, str], dict[str, int]] = {
    ("POST", "/auth/signup"): dict.fromkeys(ROLES, 201),
    ("POST", "/auth/token"): dict.fromkeys(ROLES, 200),
    ("POST", "/auth/token/refresh"): dict.fromkeys(ROLES, 401),
    ("POST", "/auth/token/revoke"): dict.fromkeys(ROLES, 204),
    ("GET", "/me"): {"guest": 401, "learner": 200, "other": 200, "instructor": 200, "staff": 200},
    ("PATCH", "/me"): {
        "guest": 401,
        "learner": 200,
        "other": 200,
        "instructor": 200,
        "staff": 200,
    },
    ("GET", "/courses"): dict.fromkeys(ROLES, 200),
    ("GET", "/courses/{course_id}"): dict.fromkeys(ROLES, 200),
    ("GET", "/courses/{course_id}/button"): dict.fromkeys(ROLES, 200),
    ("GET", "/courses/{course_id}/recommendations"): dict.fromkeys(ROLES, 200),
    ("GET", "/courses/{course_id}/access"): {
        "guest": 401,
        "learner": 200,
        "other": 200,
        "instructor": 200,
        "staff": 200,
    },
    ("POST", "/enrollments/initialize"): {
        "guest": 401,
        "learner": 409,  # enrolled already
        "other": 409,  # full
        "instructor": 409,
        "staff": 409,
    },
    ("GET", "/enrollments"): {
        "guest": 401,
        "learner": 200,
        "other": 200,
        "instructor": 200,
        "staff": 200,
    },
    ("GET", "/enrollments/{enrollment_id}"): {
        "guest": 401,
        "learner": 200,
        "other": 404,
        "instructor": 404,
        "staff": 404,
    },
    ("GET", "/enrollments/{enrollment_id}/payment-status"): {
        "guest": 401,
        "learner": 200,
        "other": 404,
        "instructor": 404,
        "staff": 404,
    },
    ("POST", "/enrollments/{enrollment_id}/extend-hold"): {
        "guest": 401,
        "learner": 409,  # nothing is held
        "other": 404,
        "instructor": 404,
        "staff": 404,
    },
    ("POST", "/courses/{course_id}/quote"): dict.fromkeys(ROLES, 200),
    ("POST", "/enrollments/{enrollment_id}/verify-payment"): {
        "guest": 401,
        "learner": 409,  # free: nothing is to be paid
        "other": 404,
        "instructor": 404,
        "staff": 404,
    },
    ("POST", "/enrollments/{enrollment_id}/retry-payment"): {
        "guest": 401,
        "learner": 409,
        "other": 404,
        "instructor": 404,
        "staff": 404,
    },
    ("POST", "/enrollments/{enrollment_id}/refund"): {
        "guest": 401,
        "learner": 409,
        "other": 404,
        "instructor": 404,
        "staff": 404,
    },
    ("POST", "/enrollments/{enrollment_id}/withdraw"): {
        "guest": 401,
        "learner": 409,  # no consumer in Europe
        "other": 404,
        "instructor": 404,
        "staff": 404,
    },
    ("POST", "/courses/{course_id}/waitlist"): {
        "guest": 401,
        "learner": 409,  # enrolled already
        "other": 201,
        "instructor": 201,
        "staff": 201,
    },
    ("GET", "/courses/{course_id}/waitlist"): {
        "guest": 401,
        "learner": 404,
        "other": 404,
        "instructor": 404,
        "staff": 404,
    },
    ("PATCH", "/courses/{course_id}/waitlist"): {
        "guest": 401,
        "learner": 404,
        "other": 404,
        "instructor": 404,
        "staff": 404,
    },
    ("DELETE", "/courses/{course_id}/waitlist"): {
        "guest": 401,
        "learner": 404,
        "other": 404,
        "instructor": 404,
        "staff": 404,
    },
    ("POST", "/waitlist/offers/{offer_id}/accept"): {
        "guest": 401,
        "learner": 404,
        "other": 404,
        "instructor": 404,
        "staff": 404,
    },
    ("POST", "/orders/initialize"): {
        "guest": 401,
        "learner": 409,  # enrolled already
        "other": 409,  # full
        "instructor": 409,
        "staff": 409,
    },
    ("GET", "/orders"): {
        "guest": 401,
        "learner": 200,
        "other": 200,
        "instructor": 200,
        "staff": 200,
    },
    ("GET", "/orders/{order_id}"): {
        "guest": 401,
        "learner": 200,
        "other": 404,
        "instructor": 404,
        "staff": 404,
    },
    ("GET", "/support/conversations"): {
        "guest": 401,
        "learner": 200,
        "other": 200,
        "instructor": 200,
        "staff": 200,
    },
    ("POST", "/support/conversations"): {
        "guest": 401,
        "learner": 201,
        "other": 201,
        "instructor": 201,
        "staff": 201,
    },
    ("GET", "/support/conversations/{conversation_id}"): {
        "guest": 401,
        "learner": 200,
        "other": 404,
        "instructor": 404,
        "staff": 404,
    },
    ("POST", "/support/conversations/{conversation_id}/messages"): {
        "guest": 401,
        "learner": 201,
        "other": 404,
        "instructor": 404,
        "staff": 404,
    },
    ("POST", "/support/conversations/{conversation_id}/close"): {
        "guest": 401,
        "learner": 200,
        "other": 404,
        "instructor": 404,
        "staff": 404,
    },
    ("POST", "/enrollments/{enrollment_id}/swap"): {
        "guest": 401,
        "learner": 404,  # no such cohort
        "other": 404,
        "instructor": 404,
        "staff": 404,
    },
    ("POST", "/enrollments/{enrollment_id}/cancel"): {
        "guest": 401,
        "learner": 200,
        "other": 404,
        "instructor": 404,
        "staff": 404,
    },
}


# What the live edge answers, over a running site.
LIVE: dict[tuple[str, str], dict[str, int]] = {
    ("GET", "/enrollments/{enrollment_id}/events"): {
        "guest": 401,
        "learner": 200,
        "other": 404,
        "instructor": 404,
        "staff": 404,
    },
    ("GET", "/enrollments/{enrollment_id}/events/poll"): {
        "guest": 401,
        "learner": 200,
        "other": 404,
        "instructor": 404,
        "staff": 404,
    },
    ("GET", "/waitlist/{entry_id}/events"): dict.fromkeys(ROLES, 404) | {"guest": 401},
    ("GET", "/waitlist/{entry_id}/events/poll"): dict.fromkeys(ROLES, 404) | {"guest": 401},
    ("GET", "/seats/events"): dict.fromkeys(ROLES, 200),
    ("GET", "/messages/events"): dict.fromkeys(ROLES, 200) | {"guest": 401},
}
ACCOUNTS = {
    "learner": "learner@example.com",
    "other": "second@example.com",
    "instructor": "instructor@example.com",
    "staff": "staff@example.com",
}


@dataclass(frozen=True)
class Stage:
    clients: dict[str, ApiClient]
    enrollment_id: str
    order_id: str
    conversation_id: str


@pytest.fixture
def stage() -> Stage:
    """The learner has the only seat of the tiny seminar."""
    learner = person(full_name="Owner")
    people = {
        "learner": learner,
        "other": person(),
        "instructor": Person.objects.get(email="instructor@example.com"),
        "staff": Person.objects.get(email="staff@example.com"),
    }
    receipt = enroll(Application(learner.pk, "tiny-seminar"))
    clients = {role: client_of(someone.pk) for role, someone in people.items()}
    order = enroll(Application(learner.pk, "evening-lab")).order_id
    assert order is not None
    return Stage(
        {"guest": ApiClient(), **clients},
        ids.to_text("enr", receipt.enrollment_id),
        ids.to_text("ord", order),
        ids.to_text("sup", ask(learner.pk, Question("Hello", Channel.API)).conversation_id),
    )


def body_for(path: str, role: str) -> dict[str, Any]:
    bodies: dict[str, dict[str, Any]] = {
        "/auth/signup": {
            "email": f"signup-{role}@example.com",
            "password": "long-enough-97-words",
            "full_name": "New Person",
        },
        "/auth/token": {"email": "learner@example.com", "password": "matricula-demo"},
        "/auth/token/refresh": {"refresh_token": "unknown"},
        "/auth/token/revoke": {"refresh_token": "unknown"},
        "/enrollments/{enrollment_id}/swap": {"cohort_id": ids.to_text("coh", ids.new_id())},
        "/me": {"phone": "+91 80 1234"},
        "/enrollments/initialize": {"course_id": "tiny-seminar"},
        "/support/conversations": {"content": "Something is wrong."},
        "/support/conversations/{conversation_id}/messages": {"content": "And more."},
        "/orders/initialize": {"items": [{"course_id": "tiny-seminar"}]},
        "/enrollments/{enrollment_id}/verify-payment": {
            "razorpay_payment_id": "pay_1",
            "razorpay_order_id": "order_1",
            "razorpay_signature": "0" * 64,
        },
    }
    return bodies.get(path, {})


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("method", "path"), TABLE)
def test_each_endpoint_answers_each_role_as_expected(
    method: str, path: str, role: str, stage: Stage
) -> None:
    url = path.format(
        course_id="tiny-seminar",
        enrollment_id=stage.enrollment_id,
        order_id=stage.order_id,
        conversation_id=stage.conversation_id,
        offer_id=ids.to_text("off", ids.new_id()),
    )
    body = body_for(path, role) if method in {"POST", "PATCH"} else None

    response = stage.clients[role].request(method, url, body)

    assert response.status_code == TABLE[method, path][role]
    assert response.headers["X-Correlation-Id"]
    if response.status_code >= 400:
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.json()["status"] == response.status_code


def test_the_table_holds_every_endpoint_of_the_document() -> None:
    document = the_api.get_openapi_schema(path_prefix="")
    endpoints = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method in operations
    }
    assert endpoints == set(TABLE) | set(LIVE)


@pytest.fixture(scope="session")
def live_clients(shared_site: Site) -> Iterator[dict[str, httpx.Client]]:
    """Clients of the demo accounts, and of a guest."""
    with ExitStack() as stack:
        guest = stack.enter_context(shared_site.client())
        clients = {"guest": guest}
        for role, email in ACCOUNTS.items():
            account = {"email": email, "password": "matricula-demo"}
            token = guest.post("/api/v1/auth/token", json=account).json()["access_token"]
            clients[role] = stack.enter_context(shared_site.client(token))
        yield clients


@pytest.fixture(scope="session")
def learners_enrollment(live_clients: dict[str, httpx.Client]) -> str:
    course = {"course_id": "basic-programming"}
    answer = live_clients["learner"].post("/api/v1/enrollments/initialize", json=course)
    return str(answer.json()["enrollment_id"])


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("method", "path"), LIVE)
def test_each_live_endpoint_answers_each_role_as_expected(
    method: str,
    path: str,
    role: str,
    live_clients: dict[str, httpx.Client],
    learners_enrollment: str,
) -> None:
    # An id that never was: whose place it is, tests/api/test_waiting.py asks.
    entry_id = ids.to_text("wtl", ids.new_id())
    url = path.format(enrollment_id=learners_enrollment, entry_id=entry_id)
    url += "?course=basic-programming"
    with live_clients[role].stream(method, f"/api/v1{url}") as response:
        assert response.status_code == LIVE[method, path][role]
        assert response.headers["X-Correlation-Id"]
        if response.status_code >= 400:
            assert response.headers["Content-Type"] == "application/problem+json"
            assert json.loads(response.read())["status"] == response.status_code
