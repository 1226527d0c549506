"""Messages that come at once are numbered one after the other."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
from django.conf import LazySettings

from matricula.flows import support
from matricula.flows.support import Question
from matricula.support import actions, queries
from matricula.support.models import Conversation
from matricula.support.states import Channel
from tests.races.conftest import Track
from tests.support.crowds import all_at_once

AT_ONCE = 8


@pytest.fixture(autouse=True)
def queued_mail(settings: LazySettings) -> None:
    """Mail is queued as in earnest, where Django's test runner would keep it in memory."""
    settings.EMAIL_BACKEND = "matricula.notifications.mail.Backend"


def begun(track: Track) -> tuple[UUID, UUID]:
    (person,) = track.crowd(1)
    return person, support.ask(person, Question("Hello", Channel.FORM)).conversation_id


def writing(talk: UUID, person: UUID, number: int, key: str = "") -> Callable[[], int]:
    return lambda: support.write(talk, person, f"Message {number}", Channel.CHAT, key=key).number


def test_replies_at_once_are_numbered_without_gaps(track: Track) -> None:
    person, talk = begun(track)
    (staff,) = track.crowd(1)
    answers = [
        lambda number=number: support.answer(talk, staff, f"Answer {number}").number
        for number in range(2)
    ]
    works = [*answers, *[writing(talk, person, number) for number in range(AT_ONCE)]]
    numbers = all_at_once(track.url, works)
    assert sorted(numbers) == list(range(2, AT_ONCE + 4))  # type: ignore[type-var]
    assert track.broken_promises() == []


def test_without_the_lock_replies_collide(track: Track, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(conversation_id: UUID) -> Conversation:
        return Conversation.objects.get(pk=conversation_id)

    monkeypatch.setattr(actions, "lock", read)
    person, talk = begun(track)
    works = [writing(talk, person, number) for number in range(AT_ONCE)]
    outcomes = all_at_once(track.url, works)
    assert any(isinstance(outcome, Exception) for outcome in outcomes)


def test_one_key_at_once_is_kept_once(track: Track) -> None:
    person, talk = begun(track)
    works = [writing(talk, person, 1, key="draft") for _ in range(AT_ONCE)]
    assert set(all_at_once(track.url, works)) == {2}
    assert queries.read(talk).last_number == 2


def test_a_chat_begun_many_times_at_once_is_one_conversation(track: Track) -> None:
    (person,) = track.crowd(1)
    works = [lambda: support.chat(person, "Hello?").conversation_id for _ in range(AT_ONCE)]
    assert len(set(all_at_once(track.url, works))) == 1
    assert track.broken_promises() == []
