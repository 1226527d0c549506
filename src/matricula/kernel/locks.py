"""The lock of a person: whoever decides by what a person has (enrollments, keys, tokens) takes it
first, so that such decisions follow each other. Always before any other lock.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db import connection


def lock_person(person_id: UUID) -> None:
    """Waits for the person's lock and keeps it until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT lock_person(%s)", [person_id])


def lock_people(person_ids: Collection[UUID]) -> None:
    """Waits for the locks of all these people, in the order of the house, and keeps them until the
    transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(p.hash) FROM ("
            "SELECT DISTINCT uuid_hash_extended(person, 0) AS hash"
            " FROM unnest(%s::uuid[]) AS person ORDER BY 1) p",
            [list(person_ids)],
        )
