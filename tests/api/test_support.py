"""Support for programs."""

from __future__ import annotations

from typing import Any

import pytest

from matricula.accounts.models import Person
from matricula.flows import support
from matricula.flows.enroll import Application, enroll
from matricula.kernel import ids
from matricula.support.models import Conversation, Message
from tests.support.people import ApiClient, client_of, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def learner() -> Person:
    return person(full_name="Lea Learner")


@pytest.fixture
def api(learner: Person) -> ApiClient:
    return client_of(learner.pk)


def opened(api: ApiClient, content: str = "It is broken.", **more: Any) -> dict[str, Any]:
    response = api.post("/support/conversations", {"content": content, **more})
    assert response.status_code == 201, response.content
    made: dict[str, Any] = response.json()
    return made


def test_a_conversation_from_beginning_to_end(api: ApiClient) -> None:
    made = opened(api, subject="Broken", correlation_id="trace-7")
    path = f"/support/conversations/{made['id']}"
    assert (made["subject"], made["status"], made["last_number"]) == ("Broken", "open", 1)
    support.answer(ids.from_text("sup", made["id"]), person(is_staff=True).pk, "Mended.")
    found = api.get(f"{path}?after=1").json()
    assert [(one["number"], one["author"]) for one in found["messages"]] == [(2, "staff")]
    assert (found["status"], found["has_news"]) == ("waiting", True)
    said = api.post(f"{path}/messages", {"content": "Thank you."})
    assert (said.status_code, said.json()["number"]) == (201, 3)
    closed = api.post(f"{path}/close")
    assert (closed.status_code, closed.json()["status"]) == (200, "closed")
    assert api.post(f"{path}/close").json()["code"] == "illegal_state"


def test_the_list_is_given_by_pages(api: ApiClient) -> None:
    made = [opened(api)["id"] for _ in range(3)]
    first = api.get("/support/conversations?limit=2").json()
    rest = api.get(f"/support/conversations?limit=2&cursor={first['next_cursor']}").json()
    assert [one["id"] for one in first["items"] + rest["items"]] == made[::-1]
    assert rest["next_cursor"] is None


def test_one_key_begins_one_conversation_and_says_one_thing(
    api: ApiClient, learner: Person
) -> None:
    first, again = (
        api.post("/support/conversations", {"content": "Help"}, key="k") for _ in range(2)
    )
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    path = f"/support/conversations/{first.json()['id']}/messages"
    numbers = {api.post(path, {"content": "More"}, key="m").json()["number"] for _ in range(2)}
    assert numbers == {2}
    other = api.post(path, {"content": "Something else"}, key="m")
    assert other.json()["code"] == "idempotency_mismatch"
    assert Message.objects.filter(conversation__person=learner).count() == 2


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "validation_failed"),
        ({"content": "   "}, 422, "validation_failed"),
        ({"content": "x" * 4001}, 422, "validation_failed"),
        ({"content": 7}, 422, "validation_failed"),
        ({"content": "x", "correlation_id": "<b>"}, 422, "validation_failed"),
        ({"content": "x", "enrollment_id": "nonsense"}, 404, "not_found"),
        ({"content": "x", "order_id": "ord_01h455vb4pex5vsknk084sn02q"}, 404, "not_found"),
        (b'{"content": "a\\u0000b"}', 400, "malformed_request"),
        (b"no json", 400, "malformed_request"),
    ],
)
def test_bad_input_is_named_and_leaves_nothing(
    api: ApiClient, learner: Person, body: Any, status: int, code: str
) -> None:
    response = api.post("/support/conversations", body)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert not Conversation.objects.filter(person=learner).exists()


def test_somebody_elses_is_not_found(api: ApiClient) -> None:
    other = person()
    theirs = opened(client_of(other.pk))["id"]
    for method, path in (("GET", ""), ("POST", "/messages"), ("POST", "/close")):
        body = {"content": "x"} if path == "/messages" else {}
        response = api.request(method, f"/support/conversations/{theirs}{path}", body)
        assert response.status_code == 404
    enrollment = enroll(Application(other.pk, "hot-drop")).enrollment_id
    about = {"content": "x", "enrollment_id": ids.to_text("enr", enrollment)}
    assert api.post("/support/conversations", about).status_code == 404
