"""Large changes in small transactions, so that none meets the statement's time limit."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

SIZE = 5_000


def delete_in_batches(rows: QuerySet[Any]) -> int:
    """Deletes the rows, some thousand at a time; returns how many."""
    total = 0
    while keys := list(rows.values_list("pk", flat=True)[:SIZE]):
        total += rows.model._default_manager.filter(pk__in=keys).delete()[0]  # noqa: SLF001 - Django's name
    return total
