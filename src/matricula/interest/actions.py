"""What is written about interests."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from matricula.interest.models import Interest
from matricula.kernel import clock, events
from matricula.kernel.events import NewEvent


@transaction.atomic
def ask(person_id: UUID, course_id: UUID) -> bool:
    """The person wants to be told when the course opens; False when they asked already."""
    wish = Interest(person_id=person_id, course_id=course_id)
    made = Interest.objects.bulk_create([wish], ignore_conflicts=True)
    if not Interest.objects.filter(pk=made[0].pk).exists():
        return False
    events.append([_event("asked", wish)])
    return True


@transaction.atomic
def withdraw(person_id: UUID, course_id: UUID) -> bool:
    """They do not want to be told any more; False when nothing was asked."""
    rows = Interest.objects.select_for_update().filter(
        person=person_id, course=course_id, told_at=None
    )
    wish = rows.first()
    if wish is None:
        return False
    events.append([_event("withdrawn", wish)])
    wish.delete()
    return True


def close(wishes: Sequence[Interest]) -> None:
    """They were told, in the transaction that told them."""
    Interest.objects.filter(pk__in=[wish.pk for wish in wishes]).update(told_at=clock.now())
    events.append([_event("told", wish) for wish in wishes])


def _event(what: str, wish: Interest) -> NewEvent:
    return NewEvent(
        f"interest.{what}",
        wish.pk,
        person=wish.person_id,
        data={"course": str(wish.course_id)},
    )
