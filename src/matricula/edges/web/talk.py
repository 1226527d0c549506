"""A conversation in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from matricula.kernel import ids
from matricula.support.queries import ConversationRecord, MessageRecord
from matricula.support.states import CLOSED_NOTE, Author, ConversationState


@dataclass(frozen=True)
class Summary:
    """A conversation as pages print it: its state in a word, and what happens next."""

    reference: str
    record: ConversationRecord
    state: str
    lead: str
    is_closed: bool
    has_news: bool


@dataclass(frozen=True)
class Line:
    """A message as pages print it. `side` is the author: person, staff or system."""

    number: int
    side: str
    who: str
    content: str
    at: datetime


def summary_of(record: ConversationRecord) -> Summary:
    state, lead = _state_words(record.state)
    return Summary(
        reference=ids.to_text("sup", record.id),
        record=record,
        state=state,
        lead=lead,
        is_closed=record.state is ConversationState.CLOSED,
        has_news=record.has_news,
    )


def thread_of(messages: Sequence[MessageRecord]) -> list[Line]:
    """The messages in order, each with who wrote it."""
    return [
        Line(message.number, message.author, _who(message.author), _content(message), message.at)
        for message in messages
    ]


def _who(author: Author) -> str:
    return {
        Author.PERSON: _("You"),
        Author.STAFF: _("Support"),
        Author.SYSTEM: _("Note"),
    }[author]


def _content(message: MessageRecord) -> str:
    if message.author is not Author.SYSTEM:
        return message.content
    if message.content == CLOSED_NOTE:
        return _("The conversation was closed.")
    return _("The conversation was opened again.")


def _state_words(state: ConversationState) -> tuple[str, str]:
    """A short word, and what happens next."""
    return {
        ConversationState.OPEN: (
            _("With us"),
            _("We read it and answer here. The answer comes by mail too."),
        ),
        ConversationState.WAITING: (
            _("Answered"),
            _("Write again if something is still open."),
        ),
        ConversationState.CLOSED: (
            _("Closed"),
            _("Write again at any time, and it is open again."),
        ),
    }[state]
