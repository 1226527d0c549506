"""Support as a chat: kept before it is answered for, told at once, and its owner's alone."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import DjangoDbBlocker
from websockets.sync.client import ClientConnection

from matricula.accounts.models import Person
from matricula.flows import support
from matricula.kernel import ids
from matricula.support.models import Message
from tests.support.crowds import django_on
from tests.support.live import LiveSite, close_code, hear, say

SIGN_IN_AGAIN = 4401


def hear_only(socket: ClientConnection, type_: str) -> dict[str, Any]:
    """The next message, which is of this type."""
    message = hear(socket)
    assert message["type"] == type_, message
    return dict(message)


def as_person(live: LiveSite) -> tuple[str, dict[str, Any]]:
    token = live.token()
    return token, {"additional_headers": {"Authorization": f"Bearer {token}"}}


@pytest.fixture
def answering(followed: LiveSite, django_db_blocker: DjangoDbBlocker) -> Any:
    """Staff answers in a conversation of the site."""
    with django_db_blocker.unblock(), django_on(followed.site.database_url):
        staff = Person.objects.get(email="staff@example.com").pk
        yield lambda talk, content: support.answer(ids.from_text("sup", talk), staff, content)


def test_a_message_is_kept_answered_for_and_staffs_answer_arrives(
    followed: LiveSite, answering: Any
) -> None:
    _, options = as_person(followed)
    with followed.socket(**options) as socket:
        say(socket, type="support.message", content="Hello?", request_id="r1")
        kept = hear_only(socket, "support.kept")
        assert (kept["number"], kept["request_id"]) == (1, "r1")
        answering(kept["conversation_id"], "Hello. What happened?")
        heard = hear_only(socket, "support.message")
        assert heard["conversation_id"] == kept["conversation_id"]
        assert (heard["number"], heard["author"]) == (2, "staff")
        assert heard["content"] == "Hello. What happened?"
        say(socket, type="support.message", content="The page is empty.")
        hear_numbers = {hear(socket)["number"], hear(socket)["number"]}
        assert hear_numbers == {3}  # kept, and told as part of the conversation


def test_what_was_said_meanwhile_is_told_on_the_next_visit(
    followed: LiveSite, answering: Any
) -> None:
    _, options = as_person(followed)
    with followed.socket(**options) as socket:
        say(socket, type="support.message", content="Hello?")
        talk = hear_only(socket, "support.kept")["conversation_id"]
    answering(talk, "We are here.")
    with followed.socket(**options) as socket:
        say(socket, type="support.subscribe", conversation_id=talk, after=1)
        hear_only(socket, "support.subscribed")
        assert hear_only(socket, "support.message")["content"] == "We are here."


def test_sent_again_after_a_break_it_is_kept_once(followed: LiveSite) -> None:
    _, options = as_person(followed)
    numbers = []
    for _ in range(2):
        with followed.socket(**options) as socket:
            say(socket, type="support.message", content="Hello?", key="draft")
            numbers.append(hear_only(socket, "support.kept")["number"])
    assert numbers == [1, 1]


def test_somebody_elses_conversation_is_not_found(followed: LiveSite) -> None:
    _, owner = as_person(followed)
    with followed.socket(**owner) as socket:
        say(socket, type="support.message", content="private words")
        talk = hear_only(socket, "support.kept")["conversation_id"]
    _, other = as_person(followed)
    with followed.socket(**other) as socket:
        for type_, members in (
            ("support.subscribe", {}),
            ("support.message", {"content": "Let me in"}),
        ):
            say(socket, type=type_, conversation_id=talk, **members)
            assert hear_only(socket, "error")["code"] == "not_found"


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({}, "validation_failed"),
        ({"content": "  \n "}, "validation_failed"),
        ({"content": "x" * 4001}, "validation_failed"),
        ({"content": 7}, "validation_failed"),
        ({"content": "a\x00b"}, "malformed_request"),
        ({"content": "a\ud800b"}, "validation_failed"),
        ({"content": "x", "key": "k" * 65}, "validation_failed"),
        ({"content": "x", "conversation_id": "nonsense"}, "not_found"),
        ({"content": "x", "conversation_id": 7}, "validation_failed"),
    ],
)
def test_bad_input_is_an_error_and_leaves_nothing(
    followed: LiveSite, members: dict[str, Any], code: str, django_db_blocker: DjangoDbBlocker
) -> None:
    _, options = as_person(followed)
    with django_db_blocker.unblock(), django_on(followed.site.database_url):
        before = Message.objects.count()
        with followed.socket(**options) as socket:
            say(socket, type="support.message", **members)
            assert hear_only(socket, "error")["code"] == code
            say(socket, type="ping")
            hear_only(socket, "pong")
        assert Message.objects.count() == before


def test_a_guest_is_told_to_sign_in(followed: LiveSite) -> None:
    with followed.socket() as socket:
        say(socket, type="support.message", content="Hello?")
        assert hear_only(socket, "error")["code"] == "authentication_required"


def test_a_closed_account_says_nothing_more(followed: LiveSite) -> None:
    token, options = as_person(followed)
    with followed.socket(**options) as socket:
        say(socket, type="ping")
        hear_only(socket, "pong")
        with followed.site.client(token) as client:
            me = ids.from_text("usr", client.get("/api/v1/me").json()["id"])
        followed.run("UPDATE accounts_person SET is_active = false WHERE id = %s", me)
        assert close_code(socket) == SIGN_IN_AGAIN
