"""What changes seats. All of it runs in the caller's transaction and takes the cohort's counter row
first, so that two changes of one cohort follow each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from django.contrib.postgres.functions import TransactionNow
from django.db import connection, transaction

from matricula.seats.errors import CapacityTooSmall, HoldEnded
from matricula.seats.models import Hold, SeatCount
from matricula.seats.states import HoldState

_LOCK_COUNTERS = """
SELECT FROM seats_seatcount WHERE cohort_id = ANY (%s::uuid[])
 ORDER BY cohort_id FOR NO KEY UPDATE
"""


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
    if count.queued:
        with connection.cursor() as cursor:
            cursor.execute("SELECT tell_seats_freed(%s::uuid[])", [[cohort_id]])


def give_by_turn(cohort_id: UUID, by_turn: bool) -> None:
    """From now on the cohort's seats are given in the order of its waiting room, or freely again.
    Claims that were decided before have ended when this returns."""
    SeatCount.objects.filter(cohort_id=cohort_id).update(by_turn=by_turn)


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


def lock_counters(cohort_ids: Iterable[UUID]) -> None:
    """Locks the counter rows of these cohorts, in cohort order, until the transaction ends: for
    whoever must know what is free before deciding, or will change several of them."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_COUNTERS, [list(cohort_ids)])


@transaction.atomic
def take(person_id: UUID, cohort_id: UUID, key: UUID) -> bool:
    """Sells a free seat to the person at once, before anybody who queues; False when there is
    none."""
    with ahead_of_queue(cohort_id):
        return claim([(person_id, key)], cohort_id, None) == [key]


def claim(
    persons_and_keys: Sequence[tuple[UUID, UUID]], cohort_id: UUID, hold_seconds: int | None
) -> list[UUID]:
    """Takes a seat for each, in order, held so long or sold at once; returns the keys that have
    one."""
    persons, keys = [list(column) for column in zip(*persons_and_keys, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ord FROM claim_seats(%s::uuid[], %s::uuid[], %s::uuid[], %s::int[])"
            " WHERE outcome = 'claimed'",
            [persons, [cohort_id] * len(keys), keys, [hold_seconds] * len(keys)],
        )
        return [keys[row[0] - 1] for row in cursor.fetchall()]


@contextmanager
def ahead_of_queue(cohort_id: UUID) -> Iterator[None]:
    """Inside the block, in the caller's transaction, claims in this cohort don't stand behind its
    queue. Nobody else sees it: the counter row is locked until the transaction ends."""
    lock_counters([cohort_id])
    stood = SeatCount.objects.filter(pk=cohort_id, queued=True).update(queued=False)
    yield
    if stood:
        SeatCount.objects.filter(pk=cohort_id).update(queued=True)


def set_queued(cohort_id: UUID, queued: bool) -> None:
    """Says whether people queue for the cohort. The caller holds its counter row."""
    SeatCount.objects.filter(pk=cohort_id).exclude(queued=queued).update(queued=queued)


def rename(person_id: UUID, new_person_id: UUID) -> None:
    """Puts one person's seats in another's name."""
    Hold.objects.filter(person=person_id).update(person=new_person_id)


def due(limit: int, apart_from: Iterable[UUID] = ()) -> list[UUID]:
    """Keys of held seats whose time is over, the longest overdue first."""
    return list(
        Hold.objects.filter(state=HoldState.HELD, expires_at__lte=TransactionNow())
        .exclude(key__in=list(apart_from))
        .order_by("expires_at")
        .values_list("key", flat=True)[:limit]
    )


@transaction.atomic
def extend(keys: Sequence[UUID], until: datetime) -> datetime:
    """Holds the seats of these keys at least until then, all of them or none; returns when the
    first of the holds now ends.

    Raises HoldEnded when one of the seats is not held any more.
    """
    held = Hold.objects.filter(key__in=list(keys), state=HoldState.HELD)
    lock_counters(held.values_list("seats", flat=True))
    held.filter(expires_at__lt=until).update(expires_at=until)
    ends = list(held.values_list("expires_at", flat=True))
    if len(ends) < len(keys):
        raise HoldEnded
    return min(end for end in ends if end is not None)


def _change(statement: str, keys: Sequence[UUID]) -> list[UUID]:
    if not keys:
        return []
    with connection.cursor() as cursor:
        cursor.execute(statement, [list(keys)])
        return [row[0] for row in cursor.fetchall()]
