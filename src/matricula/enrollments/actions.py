"""What changes enrollments that exist. New ones are made by `enroll_people` of `flows/sql`."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db.models.functions import Now

from matricula.enrollments.models import Enrollment
from matricula.enrollments.states import ENROLLMENT, LIVE, Stage


def lock(enrollment_ids: Sequence[UUID]) -> list[Enrollment]:
    """The rows of these enrollments, locked in id order until the transaction ends.

    Whoever also changes seats has taken their counter rows before.
    """
    rows = Enrollment.objects.select_for_update(of=("self",)).filter(pk__in=list(enrollment_ids))
    return list(rows.order_by("pk"))


def move(enrollment: Enrollment, trigger: str, *, reason: str = "") -> Stage:
    """Moves a locked enrollment and saves it. Raises IllegalState when there is no such move."""
    enrollment.stage = ENROLLMENT.transition(Stage(enrollment.stage), trigger)
    is_live = enrollment.stage in LIVE
    enrollment.ended_at = None if is_live else Now()
    enrollment.reason = "" if is_live else reason
    if enrollment.stage == Stage.CONFIRMED:
        enrollment.confirmed_at = Now()
    enrollment.save(update_fields=["stage", "confirmed_at", "ended_at", "reason"])
    return Stage(enrollment.stage)
