"""What writes VAT ids. All of it in the caller's transaction, under the row's lock."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Q

from matricula.kernel.errors import NotFound
from matricula.taxids import rules
from matricula.taxids.models import TaxId
from matricula.taxids.states import TAX_ID, TaxIdState
from matricula.taxids.vies import Answer

# Nobody may have us ask VIES without end: beyond so many that wait, further ids wait for staff.
MOST_WAITING = 500
LONGEST_REASON = 500


def submit(number: str, at: datetime) -> TaxId | None:
    """Has VIES asked about this id, unless what is known still counts or it waits already; the row
    if it is to be asked."""
    row, is_new = TaxId.objects.get_or_create(number=number)
    row = lock(row.pk)
    if not is_new and not _is_to_be_asked(row, at):
        return None
    if TaxId.objects.filter(next_try_at__isnull=False).count() >= MOST_WAITING:
        return None
    row.next_try_at, row.tries, row.submitted_at = at, 0, at
    row.save(update_fields=["next_try_at", "tries", "submitted_at"])
    return row


def _is_to_be_asked(row: TaxId, at: datetime) -> bool:
    if row.next_try_at is not None or row.decided_by_id is not None:
        return False
    if row.state == TaxIdState.CONFIRMED:
        return not rules.counts(row.checked_at, by_staff=False, at=at)
    return row.checked_at is None or at >= row.checked_at + rules.REFUSED_FOR


def lock(tax_id: UUID) -> TaxId:
    """The row, locked until the transaction ends. Raises NotFound."""
    row = TaxId.objects.select_for_update().filter(Q(pk=tax_id)).first()
    if row is None:
        raise NotFound
    return row


def lease(row: TaxId, at: datetime) -> None:
    """The next try is planned before this one is made, so that others pass it over meanwhile."""
    row.tries = min(row.tries + 1, 1000)
    row.next_try_at = at + rules.pause_before_retry(row.tries)
    if at > row.submitted_at + rules.GIVEN_UP_AFTER:
        row.next_try_at = None
    row.save(update_fields=["tries", "next_try_at"])


def record_answer(row: TaxId, answer: Answer, at: datetime) -> TaxIdState:
    """VIES has answered: the state afterwards. What staff decided meanwhile stays."""
    row.next_try_at, row.trouble = None, ""
    if row.decided_by_id is None:
        trigger = "confirm" if answer.is_valid else "refuse"
        row.state = TAX_ID.transition(TaxIdState(row.state), trigger)
        row.consultation, row.checked_at = answer.consultation[:40], at
        row.name, row.address = answer.name[:200], answer.address[:500]
    row.save()
    return TaxIdState(row.state)


def put_off(row: TaxId, trouble: str) -> None:
    """VIES did not answer: what was known stays, and it is asked again as planned."""
    row.trouble = trouble[:80]
    row.save(update_fields=["trouble"])


def decide(row: TaxId, *, confirmed: bool, actor_id: UUID, reason: str, at: datetime) -> None:
    """Staff has looked into it; VIES is not asked about it any more."""
    row.state = TAX_ID.transition(TaxIdState(row.state), "confirm" if confirmed else "refuse")
    row.decided_by_id, row.reason = actor_id, reason[:LONGEST_REASON]
    row.checked_at, row.next_try_at = at, None
    row.save()
