"""What changes seats. All of it runs in the caller's transaction and takes the cohort's counter row
first, so that two changes of one cohort follow each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.contrib.postgres.functions import TransactionNow
from django.db import connection, transaction

from matricula.seats.errors import CapacityTooSmall, HoldEnded
from matricula.seats.models import Hold, SeatCount
from matricula.seats.states import HoldState


@transaction.atomic
def set_capacity(cohort_id: UUID, capacity: int | None) -> None:
    """Gives the cohort this many seats; None is no limit. Makes its counter when there is none.

    Raises CapacityTooSmall when more seats are held and sold already.
    """
    SeatCount.objects.get_or_create(cohort_id=cohort_id, defaults={"capacity": capacity})
    count = SeatCount.objects.select_for_update(no_key=True).get(cohort_id=cohort_id)
    taken = count.held + count.sold
    if capacity is not None and capacity < taken:
        raise CapacityTooSmall(
            f"{count.sold} seats are sold and {count.held} are held. "
            f"The smallest possible capacity is {taken}."
        )
    SeatCount.objects.filter(cohort_id=cohort_id).update(capacity=capacity)


def remove_unused(cohort_id: UUID) -> None:
    """Takes the seats of a cohort that nobody ever had a seat in away, so that it can be deleted.

    A cohort with any hold keeps them: Django's ProtectedError.
    """
    SeatCount.objects.filter(cohort_id=cohort_id).delete()


def release(keys: Sequence[UUID]) -> list[UUID]:
    """Gives back the seats of these keys, held or sold; returns the keys that had one."""
    return _change("SELECT release_seats(%s::uuid[], 'released')", keys)


def expire(keys: Sequence[UUID]) -> list[UUID]:
    """Gives back those of these held seats whose time is over; returns their keys."""
    return _change("SELECT release_seats(%s::uuid[], 'expired')", keys)


def sell(keys: Sequence[UUID]) -> list[UUID]:
    """Turns the held seats of these keys into sold ones; returns the keys that had one."""
    return _change("SELECT sell_seats(%s::uuid[])", keys)


def due(limit: int) -> list[UUID]:
    """Keys of held seats whose time is over, the longest overdue first."""
    return list(
        Hold.objects.filter(state=HoldState.HELD, expires_at__lte=TransactionNow())
        .order_by("expires_at")
        .values_list("key", flat=True)[:limit]
    )


@transaction.atomic
def extend(key: UUID, until: datetime) -> datetime:
    """Holds the seat at least until then; returns when the hold now ends.

    Raises HoldEnded when the seat is not held any more.
    """
    held = Hold.objects.filter(key=key, state=HoldState.HELD)
    counters = SeatCount.objects.filter(pk__in=held.values("seats"))
    list(counters.select_for_update(no_key=True))
    hold = held.select_for_update().first()
    if hold is None or hold.expires_at is None:
        raise HoldEnded
    if hold.expires_at < until:
        hold.expires_at = until
        hold.save(update_fields=["expires_at"])
    return hold.expires_at


def _change(statement: str, keys: Sequence[UUID]) -> list[UUID]:
    if not keys:
        return []
    with connection.cursor() as cursor:
        cursor.execute(statement, [list(keys)])
        return [row[0] for row in cursor.fetchall()]
