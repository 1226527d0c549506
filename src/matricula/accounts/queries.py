"""Reads about people."""

from __future__ import annotations

from uuid import UUID

from django.db import connection

from matricula.accounts.models import Person


def is_active(person_id: UUID) -> bool:
    """Whether there is this person, and they may sign in."""
    with connection.cursor() as cursor:  # asked by nearly every request of a program: as SQL
        cursor.execute("SELECT 1 FROM accounts_person WHERE id = %s AND is_active", [person_id])
        return cursor.fetchone() is not None


def active_person(person_id: UUID) -> Person | None:
    """The person, unless there is none or they may not sign in."""
    return Person.objects.filter(pk=person_id, is_active=True).first()
