"""Reads about people."""

from __future__ import annotations

from uuid import UUID

from matricula.accounts.models import Person


def active_person(person_id: UUID) -> Person | None:
    """The person, unless there is none or they may not sign in."""
    return Person.objects.filter(pk=person_id, is_active=True).first()
