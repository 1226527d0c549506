"""Conversations with support, their messages, and answers that staff keep ready."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from matricula.kernel import ids
from matricula.kernel.fields import LineField
from matricula.support.rules import LONGEST_KEY, LONGEST_SUBJECT
from matricula.support.states import Author, Channel, ConversationState


class Conversation(models.Model):
    """What a person and staff say to each other about one thing. Somebody without an account is a
    guest (`accounts/guests.py`), who comes back by the link in the mail.
    """

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    person = models.ForeignKey(
        "accounts.Person", on_delete=models.CASCADE, related_name="conversations"
    )
    subject = LineField(max_length=LONGEST_SUBJECT)
    state = models.CharField(
        max_length=10, choices=ConversationState.choices, default=ConversationState.OPEN
    )
    correlation_id = models.CharField(
        max_length=64, blank=True, help_text="The reference quoted from a page that failed."
    )
    enrollment = models.ForeignKey(
        "enrollments.Enrollment", null=True, blank=True, on_delete=models.SET_NULL
    )
    order = models.ForeignKey("orders.Order", null=True, blank=True, on_delete=models.SET_NULL)
    assignee = models.ForeignKey(
        "accounts.Person", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    last_number = models.PositiveIntegerField(default=0)
    seen_number = models.PositiveIntegerField(
        default=0, help_text="Up to which message the person has read."
    )
    opened_at = models.DateTimeField(db_default=Now())
    last_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=ConversationState.values), name="conversation_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state=ConversationState.CLOSED, closed_at__isnull=False)
                | ~Q(state=ConversationState.CLOSED) & Q(closed_at__isnull=True),
                name="closed_conversation_dated",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["person", "id"], name="conversation_by_person"),
            models.Index(fields=["last_at", "id"], name="conversation_by_age"),
            models.Index(
                fields=["state", "last_at", "id"],
                condition=~Q(state=ConversationState.CLOSED),
                name="conversation_live",
            ),
            models.Index(
                fields=["correlation_id"],
                condition=~Q(correlation_id=""),
                name="conversation_by_correlation",
            ),
        ]

    def __str__(self) -> str:
        return ids.to_text("sup", self.pk)


class Message(models.Model):
    """One message. Numbered from 1 without gaps in its conversation, and never changed."""

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="messages"
    )
    number = models.PositiveIntegerField()
    author = models.CharField(max_length=10, choices=Author.choices)
    by = models.ForeignKey(
        "accounts.Person",
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Who wrote it, closed it or reopened it.",
    )
    channel = models.CharField(max_length=10, choices=Channel.choices)
    content = models.TextField(help_text="Of the system: what it notes, like closed.")
    key = models.CharField(
        max_length=LONGEST_KEY,
        blank=True,
        help_text="The sender's own name for it: sent twice, kept once.",
    )
    mail_id = models.CharField(
        max_length=200, blank=True, help_text="The Message-ID of the mail that carries it."
    )
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["conversation", "number"], name="message_numbered_per_conversation"
            ),
            models.UniqueConstraint(
                fields=["conversation", "key"], condition=~Q(key=""), name="message_kept_once"
            ),
            models.CheckConstraint(
                condition=Q(author__in=Author.values), name="message_author_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["key"], condition=~Q(key=""), name="message_by_key")
        ]

    def __str__(self) -> str:
        return f"{self.conversation_id} {self.number}"


class CannedAnswer(models.Model):
    """A text that staff answer with often. It is looked over, and changed, before it is sent."""

    title = LineField(max_length=80, unique=True)
    content = models.TextField(max_length=4_000)

    class Meta:
        verbose_name = "ready answer"

    def __str__(self) -> str:
        return self.title
