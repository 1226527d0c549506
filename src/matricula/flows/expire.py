"""Held seats whose time is over go back, and their enrollments end as expired (they can be revived
by starting again). Swept every few seconds by the worker.

Before a seat that is being paid for goes back, the gateway is asked, since the money may have
arrived unnoticed. A silent gateway does not keep the seat: money that arrives later is settled by
`flows/settle.py` then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction

from matricula.enrollments import actions as enrollments
from matricula.enrollments.models import Enrollment
from matricula.enrollments.states import ENROLLMENT, Stage
from matricula.flows import reconcile, waitlist
from matricula.kernel import clock, events, failures
from matricula.kernel.events import NewEvent
from matricula.kernel.failures import WorkQueue
from matricula.kernel.words import marked
from matricula.orders import actions as order_actions
from matricula.orders.models import Order
from matricula.orders.states import OrderState
from matricula.payments.models import Payment
from matricula.pricing import actions as pricing
from matricula.seats import actions as seats

BATCH = 200
ASKED_TOGETHER = 4
# So that no hold outlives its time by a minute, however long the gateway takes.
LONGEST_ASKING = timedelta(seconds=20)

log = structlog.get_logger(__name__)
HOLDS = failures.register(
    WorkQueue(
        name="expired_holds",
        title="Release of expired holds",
        backlog="SELECT count(*), min(expires_at) FROM (SELECT expires_at FROM seats_hold"
        " WHERE state = 'held' AND expires_at <= now() ORDER BY expires_at LIMIT 1000) due",
        is_vital=True,
    )
)


def expire_due() -> int:
    """Releases every hold that is due, in bounded transactions; returns how many. A hold that
    cannot be released holds up no other."""
    total = 0
    asking_ends = clock.now() + LONGEST_ASKING
    while due := seats.due(BATCH, apart_from=map(UUID, failures.held_back(HOLDS.name))):
        _ask_gateway(due, asking_ends)
        released = _release(due)
        total += released
        if not released:
            break
    return total


def _ask_gateway(keys: Sequence[UUID], ends_at: datetime) -> None:
    """Settles what has been paid for, as long as there is time and the gateway answers."""
    rows = Payment.objects.filter(
        order__lines__enrollment__in=list(keys), order__state=OrderState.OPEN
    )
    payments = list(rows.distinct().values_list("pk", flat=True))
    for start in range(0, len(payments), ASKED_TOGETHER):
        if clock.now() >= ends_at:
            return
        asked = payments[start : start + ASKED_TOGETHER]
        if reconcile.is_silent(asked, reconcile.check_all(asked)):
            return


def _release(due: Sequence[UUID]) -> int:
    """Together or, where that fails, each alone."""
    try:
        return _expire_batch(due)
    except Exception as error:
        if failures.is_outage(error):
            raise
        log.warning("holds_released_one_by_one", count=len(due), error=repr(error))
    return sum(failures.run_each(HOLDS.name, due, lambda key: _expire_batch([key])))


@transaction.atomic
def _expire_batch(due: Sequence[UUID]) -> int:
    """One batch. A hold extended or sold meanwhile is passed over: expiry is decided under lock."""
    keys = seats.expire(_with_siblings(due))
    ended = [
        enrollment
        for enrollment in enrollments.lock(keys)
        if ENROLLMENT.allows(Stage(enrollment.stage), "expire")
    ]
    for enrollment in ended:
        enrollments.move(enrollment, "expire", reason=marked("The time to complete it ran out."))
    _expire_orders(enrollment.pk for enrollment in ended)
    events.append([_expired(enrollment) for enrollment in ended])
    waitlist.lapse(keys)
    return len(keys)


def _with_siblings(keys: Sequence[UUID]) -> list[UUID]:
    """With the other seats of the same checkouts, so that a checkout expires as a whole."""
    rows = Enrollment.objects.filter(
        order_lines__order__lines__enrollment__in=list(keys),
        order_lines__order__state=OrderState.OPEN,
    )
    return list({*keys, *rows.values_list("pk", flat=True)})


def _expire_orders(enrollment_ids: Iterable[UUID]) -> None:
    """Their payments stay watched: money may still arrive."""
    rows = Order.objects.filter(lines__enrollment__in=list(enrollment_ids), state=OrderState.OPEN)
    expired = []
    for order in order_actions.lock(list(rows.values_list("pk", flat=True))):
        if order.state == OrderState.OPEN:
            order_actions.move(order, "expire")
            expired.append(order.pk)
    pricing.release_coupons(expired)


def _expired(enrollment: Enrollment) -> NewEvent:
    return NewEvent(
        type="enrollment.expired",
        subject=enrollment.pk,
        person=enrollment.person_id,
        data={"course": str(enrollment.course_id), "cohort": str(enrollment.cohort_id)},
    )
