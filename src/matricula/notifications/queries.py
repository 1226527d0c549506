"""Reads of messages and preferences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from matricula.notifications.kinds import ALWAYS, Category
from matricula.notifications.models import Message, Preference

PAGE = 30
MOST_COUNTED = 99

# How many messages each of these people has not read, counted no further than a bound.
UNREAD = """
SELECT p.id, (SELECT count(*) FROM (
              SELECT 1 FROM notifications_message m
               WHERE m.person_id = p.id AND m.read_at IS NULL LIMIT %s) unread)
  FROM unnest(%s::uuid[]) AS p(id)
"""


@dataclass(frozen=True)
class Told:
    """A message as its reader sees it."""

    id: UUID
    kind: str
    heading: str
    summary: str
    url: str
    at: datetime
    is_read: bool


def unread_count(person_id: UUID) -> int:
    """How many messages the person has not read; counts no further than `MOST_COUNTED` + 1."""
    rows = Message.objects.filter(person=person_id, read_at__isnull=True)
    return rows.values("pk")[: MOST_COUNTED + 1].count()


def messages_of(
    person_id: UUID, *, before: datetime | None = None, limit: int = PAGE
) -> list[Told]:
    """The person's messages, newest first, older than `before`."""
    rows = Message.objects.filter(person=person_id)
    if before is not None:
        rows = rows.filter(created_at__lt=before)
    return [
        Told(row.pk, row.kind, row.heading, row.summary, row.url, row.created_at, bool(row.read_at))
        for row in rows.order_by("-created_at")[:limit]
    ]


def message_of(person_id: UUID, message_id: UUID) -> Told | None:
    """One message, if it is this person's."""
    row = Message.objects.filter(person=person_id, pk=message_id).first()
    if row is None:
        return None
    return Told(
        row.pk, row.kind, row.heading, row.summary, row.url, row.created_at, bool(row.read_at)
    )


def has_decided(person_id: UUID, category: Category) -> bool:
    """Whether the person has said if they want mail of this category."""
    return Preference.objects.filter(person=person_id, category=category).exists()


def preferences_of(person_id: UUID) -> Mapping[Category, bool]:
    """For each category that can be turned off, whether the person gets its mail."""
    chosen = dict(Preference.objects.filter(person=person_id).values_list("category", "wants_mail"))
    return {
        category: chosen.get(category.value, True)
        for category in Category
        if category not in ALWAYS
    }
