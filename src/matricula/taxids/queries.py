"""Reads of VAT ids."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.contrib.postgres.functions import TransactionNow

from matricula.kernel.days import day_at
from matricula.taxids import rules
from matricula.taxids.models import TaxId
from matricula.taxids.states import TaxIdState


@dataclass(frozen=True)
class TaxIdRecord:
    """What is known of a VAT id. `evidence` is the proof that it is confirmed, in words for an
    invoice; empty when it is not. `is_due`: it is VIES's turn to be asked about it."""

    id: UUID
    number: str
    state: TaxIdState
    evidence: str
    is_due: bool
    by_staff: bool


def find(number: str, at: datetime) -> TaxIdRecord | None:
    """What is known of this id at this moment; None when nobody has given it yet."""
    row = TaxId.objects.filter(number=number).first()
    return None if row is None else _record(row, at)


def evidence(number: str, at: datetime) -> str:
    """The proof that this id is confirmed; empty when it is not."""
    found = find(number, at) if number else None
    return "" if found is None else found.evidence


def due(limit: int) -> list[UUID]:
    """The ids that VIES is to be asked about now, the longest waiting first."""
    rows = TaxId.objects.filter(next_try_at__lte=TransactionNow())
    return list(rows.order_by("next_try_at").values_list("pk", flat=True)[:limit])


def _record(row: TaxId, at: datetime) -> TaxIdRecord:
    by_staff = row.decided_by_id is not None
    state = TaxIdState(row.state)
    words = ""
    if state is TaxIdState.CONFIRMED:
        if rules.counts(row.checked_at, by_staff=by_staff, at=at):
            words = _words(row)
        else:
            state = TaxIdState.PENDING
    return TaxIdRecord(
        row.pk, row.number, state, words, is_due=row.next_try_at is not None, by_staff=by_staff
    )


def _words(row: TaxId) -> str:
    zone = settings.ENVIRONMENT.time_zone
    day = day_at(row.checked_at, zone).isoformat() if row.checked_at is not None else ""
    if row.decided_by_id is not None:
        return f"confirmed by the seller on {day}"
    number = f", consultation {row.consultation}" if row.consultation else ""
    return f"confirmed by VIES on {day}{number}"
