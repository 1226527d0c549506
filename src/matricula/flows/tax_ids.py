"""A business gives its VAT id: VIES is asked about it, and until it is confirmed VAT is charged.

The call stands between two transactions. A register that is away says nothing about the id: it is
asked again, from seconds to an hour later, for three days. Staff can decide by hand.
"""

from __future__ import annotations

from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction

from matricula.kernel import clock, events, failures
from matricula.kernel.connections import release_connection
from matricula.kernel.events import NewEvent
from matricula.kernel.failures import WorkQueue
from matricula.pricing import queries as pricing
from matricula.pricing.tax import EU
from matricula.pricing.values import Place
from matricula.taxids import actions, queries, vies
from matricula.taxids.queries import TaxIdRecord
from matricula.taxids.states import TaxIdState

BATCH = 20
_EVENTS = {TaxIdState.CONFIRMED: "tax_id.confirmed", TaxIdState.REFUSED: "tax_id.refused"}
log = structlog.get_logger(__name__)


def matters(place: Place) -> bool:
    """Whether a confirmed VAT id would change who owes the tax: a business elsewhere in the
    Union buys from a seller in it."""
    if not place.tax_id or place.country not in EU:
        return False
    seller = pricing.seller().country
    return seller in EU and place.country != seller


def submit(place: Place) -> TaxIdRecord | None:
    """What is known of the buyer's VAT id; VIES is asked unless that still counts. None where no
    VAT id matters."""
    if not matters(place):
        return None
    with transaction.atomic():
        asked = actions.submit(place.tax_id, clock.now())
        if asked is not None:
            events.append([NewEvent(type="tax_id.submitted", subject=asked.pk)])
    return queries.find(place.tax_id, clock.now())


def check(tax_id: UUID) -> None:
    """Asks VIES about the id, if it is its turn. Repeating it is harmless."""
    address = settings.ENVIRONMENT.vies_url
    with transaction.atomic():
        row = actions.lock(tax_id)
        if row.next_try_at is None or row.next_try_at > clock.now() or not address:
            return
        actions.lease(row, clock.now())
    seller = pricing.seller().vat_id
    release_connection()
    try:
        answer = vies.ask(address, row.number, seller)
    except vies.ViesSilent as error:
        log.warning("vies_silent", tax_id=str(tax_id), reason=str(error))
        with transaction.atomic():
            actions.put_off(actions.lock(tax_id), str(error))
        return
    with transaction.atomic():
        state = actions.record_answer(actions.lock(tax_id), answer, clock.now())
        events.append([NewEvent(type=_EVENTS[state], subject=tax_id)])


def check_due() -> int:
    """Asks about every id whose turn it is; returns how many."""
    due = queries.due(BATCH) if settings.ENVIRONMENT.vies_url else []
    failures.run_each(CHECKS.name, due, check)
    return len(due)


CHECKS = failures.register(WorkQueue(name="vat_ids", title="VAT id checks"))


@transaction.atomic
def decide(tax_id: UUID, *, confirmed: bool, actor_id: UUID, reason: str) -> None:
    """Staff says whether the id is a business's, whatever VIES says."""
    row = actions.lock(tax_id)
    actions.decide(row, confirmed=confirmed, actor_id=actor_id, reason=reason, at=clock.now())
    type_ = _EVENTS[TaxIdState(row.state)]
    events.append([NewEvent(type=type_, subject=tax_id, actor=actor_id)])
