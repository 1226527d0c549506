"""Reads of conversations, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from matricula.kernel.errors import NotFound
from matricula.support.models import Conversation, Message
from matricula.support.rules import MOST_MESSAGES
from matricula.support.states import Author, Channel, ConversationState

PAGE = 20

# For the live edge, which asks without the ORM.
OWNER = "SELECT person_id FROM support_conversation WHERE id = %s"
IS_ACTIVE = "SELECT 1 FROM accounts_person WHERE id = %s AND is_active"
NEWS = (
    "SELECT number, author, content, at FROM support_message"
    " WHERE conversation_id = %s AND number > %s ORDER BY number LIMIT 400"
)


@dataclass(frozen=True)
class ConversationRecord:
    """A conversation. `has_news`: staff wrote what the person has not read."""

    id: UUID
    person_id: UUID
    subject: str
    state: ConversationState
    correlation_id: str
    enrollment_id: UUID | None
    order_id: UUID | None
    last_number: int
    seen_number: int
    opened_at: datetime
    last_at: datetime
    closed_at: datetime | None

    @property
    def has_news(self) -> bool:
        return self.state is ConversationState.WAITING and self.seen_number < self.last_number


@dataclass(frozen=True)
class MessageRecord:
    """One message. Of the system, `content` is what it notes: `closed` or `reopened`."""

    number: int
    author: Author
    channel: Channel
    content: str
    at: datetime


def of_person(person_id: UUID, conversation_id: UUID) -> ConversationRecord:
    """One conversation of this person. Raises NotFound, also for somebody else's."""
    return _one(Q(pk=conversation_id, person=person_id))


def read(conversation_id: UUID) -> ConversationRecord:
    """Any conversation, for who has shown that it is theirs. Raises NotFound."""
    return _one(Q(pk=conversation_id))


def list_of_person(
    person_id: UUID, *, before: UUID | None = None, limit: int = PAGE
) -> list[ConversationRecord]:
    """The person's conversations, newest first, those begun before `before`."""
    rows = _rows().filter(person=person_id).order_by("-pk")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    return [_record(row) for row in rows[:limit]]


def newest_live(person_id: UUID) -> UUID | None:
    """The conversation that the person began last, of those that are not closed."""
    rows = Conversation.objects.filter(person=person_id).exclude(state=ConversationState.CLOSED)
    found: UUID | None = rows.order_by("-pk").values_list("pk", flat=True).first()
    return found


def messages_of(
    conversation_id: UUID, *, after: int = 0, limit: int = 2 * MOST_MESSAGES
) -> list[MessageRecord]:
    """The messages numbered above `after`, in order."""
    rows = Message.objects.filter(conversation=conversation_id, number__gt=after)
    return [
        MessageRecord(row.number, Author(row.author), Channel(row.channel), row.content, row.at)
        for row in rows.order_by("number")[:limit]
    ]


def kept_under(key: str, person_id: UUID) -> Message | None:
    """The message by which this person began a conversation under this key, if any."""
    return _begun_under(key).filter(conversation__person=person_id).first()


def kept_of_guest(key: str, email: str) -> Message | None:
    """The message by which a guest who gave this address began a conversation under this key."""
    return _begun_under(key).filter(conversation__person__guest_email=email).first()


def live_of_person(person_id: UUID) -> int:
    """How many conversations of the person are not closed."""
    return _live().filter(person=person_id).count()


def live_of_guests(email: str) -> int:
    """How many conversations of guests who gave this address are not closed."""
    return _live().filter(person__guest_email=email).count()


def written_lately(conversation_id: UUID) -> int:
    """How many messages the person wrote into it within the last minute."""
    rows = Message.objects.filter(conversation=conversation_id, author=Author.PERSON)
    return rows.filter(at__gt=Now() - timedelta(minutes=1)).count()


def _begun_under(key: str) -> QuerySet[Message]:
    return Message.objects.filter(key=key, number=1) if key else Message.objects.none()


def _live() -> QuerySet[Conversation]:
    return Conversation.objects.exclude(state=ConversationState.CLOSED)


def _one(which: Q) -> ConversationRecord:
    row = _rows().filter(which).first()
    if row is None:
        raise NotFound(_("There is no such conversation."))
    return _record(row)


def _rows() -> QuerySet[Conversation, dict[str, Any]]:
    names = ConversationRecord.__dataclass_fields__
    rows: QuerySet[Conversation, dict[str, Any]] = Conversation.objects.values(*names)
    return rows


def _record(row: dict[str, Any]) -> ConversationRecord:
    return ConversationRecord(**{**row, "state": ConversationState(row["state"])})
