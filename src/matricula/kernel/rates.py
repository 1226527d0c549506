"""How often somebody asked lately, counted by all processes together.

Each process counts by itself and tells the others through an unlogged table, many subjects in one
query (`sql/rates.sql`). A crash of the database empties the table: then everybody begins anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models.functions import Now

from matricula.kernel.batches import delete_in_batches
from matricula.kernel.models import RequestCount


@dataclass(frozen=True)
class Counted:
    """Requests of one subject that this process has not told of yet, in the window that ends then.
    `subject` is a digest: no address and no person can be read from it."""

    subject: str
    ends_at: datetime
    requests: int


def add(counted: Sequence[Counted]) -> list[int]:
    """Tells of these, and how many each subject has in all processes now; each subject once."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT total FROM add_requests(%s::text[], %s::timestamptz[], %s::int[])",
            [
                [one.subject for one in counted],
                [one.ends_at for one in counted],
                [one.requests for one in counted],
            ],
        )
        return [total for (total,) in cursor.fetchall()]


def forget_old() -> int:
    """Deletes the counts of windows that have ended; returns how many."""
    return delete_in_batches(RequestCount.objects.filter(ends_at__lt=Now()))
