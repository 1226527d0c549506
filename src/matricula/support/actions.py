"""What changes conversations. Each holds the conversation's row, so that messages are numbered one
after the other; whoever begins one holds its owner's lock before.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from matricula.kernel import ids
from matricula.kernel.batches import delete_in_batches
from matricula.kernel.errors import NotFound
from matricula.support import rules
from matricula.support.models import Conversation, Message
from matricula.support.states import (
    CLOSED_NOTE,
    CONVERSATION,
    REOPENED_NOTE,
    Author,
    Channel,
    ConversationState,
)

# Who speaks when a conversation moves.
_AUTHOR_OF = {
    "write": Author.PERSON,
    "answer": Author.STAFF,
    "close": Author.SYSTEM,
    "reopen": Author.SYSTEM,
}
_NOTE_OF = {"close": CLOSED_NOTE, "reopen": REOPENED_NOTE}


@dataclass(frozen=True)
class Draft:
    """A message to be kept. `trigger` moves the conversation. `key` is the sender's own name for
    the message, so that it is kept once; `mail_id` the Message-ID of the mail that carries it."""

    trigger: str
    by: UUID
    channel: Channel
    content: str = ""
    key: str = ""
    mail_id: str = ""


def begin(
    conversation_id: UUID,
    person_id: UUID,
    subject: str,
    *,
    enrollment_id: UUID | None = None,
    order_id: UUID | None = None,
    correlation_id: str = "",
) -> Conversation:
    """A new conversation, with no message yet. The caller has checked whose the enrollment and the
    order are."""
    return Conversation.objects.create(
        id=conversation_id,
        person_id=person_id,
        subject=subject,
        enrollment_id=enrollment_id,
        order_id=order_id,
        correlation_id=correlation_id,
    )


def lock(conversation_id: UUID) -> Conversation:
    """The conversation's row, locked until the transaction ends. Raises NotFound."""
    rows = Conversation.objects.select_for_update(of=("self",))
    found = rows.filter(pk=conversation_id).first()
    if found is None:
        raise NotFound(_("There is no such conversation."))
    return found


def add(conversation: Conversation, draft: Draft) -> Message:
    """Moves a locked conversation and keeps the message under its next number.

    Raises IllegalState when there is no such move, or no room left.
    """
    state = CONVERSATION.transition(ConversationState(conversation.state), draft.trigger)
    if draft.content:
        rules.check_room(conversation.last_number)
    conversation.state = state
    conversation.last_number += 1
    conversation.last_at = Now()
    conversation.closed_at = Now() if state == ConversationState.CLOSED else None
    conversation.save(update_fields=["state", "last_number", "last_at", "closed_at"])
    message = Message.objects.create(
        id=ids.new_id(),
        conversation=conversation,
        number=conversation.last_number,
        author=_AUTHOR_OF[draft.trigger],
        by_id=draft.by,
        channel=draft.channel,
        content=draft.content or _NOTE_OF[draft.trigger],
        key=draft.key,
        mail_id=draft.mail_id,
    )
    message.refresh_from_db(fields=["at"])
    return message


def assign(conversation: Conversation, staff_id: UUID | None) -> None:
    """A locked conversation is this member of staff's from now on, or nobody's."""
    conversation.assignee_id = staff_id
    conversation.save(update_fields=["assignee"])


def mark_seen(conversation_id: UUID, number: int) -> None:
    """The person has read up to this message."""
    rows = Conversation.objects.filter(pk=conversation_id, seen_number__lt=number)
    rows.update(seen_number=number)


def rename(old: UUID, new: UUID) -> None:
    """Everything of one person is another's from now on."""
    Conversation.objects.filter(person=old).update(person=new)


def forget_old() -> int:
    """Deletes conversations closed longer ago than `rules.KEPT_FOR`; returns how many rows went."""
    old = Conversation.objects.filter(
        state=ConversationState.CLOSED, closed_at__lt=Now() - rules.KEPT_FOR
    )
    return delete_in_batches(old)
