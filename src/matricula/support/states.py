"""The life of a conversation. Its last message says where it stands: the person's opens it, staff's
lets it wait for the person, and a note of the system closes or reopens it.
"""

from __future__ import annotations

from django.db import models

from matricula.kernel.states import Transitions


class ConversationState(models.TextChoices):
    OPEN = "open"  # waits for staff
    WAITING = "waiting"  # waits for the person
    CLOSED = "closed"


class Author(models.TextChoices):
    PERSON = "person"
    STAFF = "staff"
    SYSTEM = "system"


class Channel(models.TextChoices):
    FORM = "form"
    LINK = "link"  # the form, reached by the link in a mail
    CHAT = "chat"
    API = "api"
    CONSOLE = "console"
    MAIL = "mail"  # a reply to a mail of ours


# What the system notes; told in the reader's words by whoever shows it.
CLOSED_NOTE, REOPENED_NOTE = "closed", "reopened"

CONVERSATION = Transitions[ConversationState](
    "the conversation",
    {
        **dict.fromkeys([(state, "write") for state in ConversationState], ConversationState.OPEN),
        **dict.fromkeys(
            [(state, "answer") for state in ConversationState], ConversationState.WAITING
        ),
        (ConversationState.OPEN, "close"): ConversationState.CLOSED,
        (ConversationState.WAITING, "close"): ConversationState.CLOSED,
        (ConversationState.CLOSED, "reopen"): ConversationState.OPEN,
    },
)
