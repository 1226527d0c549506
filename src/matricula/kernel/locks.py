"""The lock of a person: whoever decides by what a person has (enrollments, keys, tokens) takes it
first, so that such decisions follow each other. Always before any other lock.
"""

from __future__ import annotations

from uuid import UUID

from django.db import connection


def lock_person(person_id: UUID) -> None:
    """Waits for the person's lock and keeps it until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT lock_person(%s)", [person_id])
