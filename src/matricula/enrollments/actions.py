"""What changes enrollments that exist. New ones are made by `enroll_people` of `flows/sql`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
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


def confirm_paid(enrollment: Enrollment) -> None:
    """The money for a locked enrollment is there: it is confirmed, and access begins."""
    if enrollment.stage != Stage.VALIDATED:  # free of charge by a coupon: nothing was to be paid
        move(enrollment, "complete_payment")
    days = enrollment.course.access_days
    enrollment.access_expires_at = None if days is None else Now() + timedelta(days=days)
    enrollment.save(update_fields=["access_expires_at"])
    move(enrollment, "confirm")


def live_of(person_id: UUID, course_ids: Iterable[UUID]) -> list[Enrollment]:
    """The person's live enrollments in these courses. The caller holds the person's lock."""
    rows = Enrollment.objects.filter(person=person_id, course__in=set(course_ids), stage__in=LIVE)
    return list(rows.order_by("pk"))


def hold_until(enrollment_ids: Sequence[UUID], until: datetime) -> None:
    """Notes when the seats held for these enrollments now end."""
    Enrollment.objects.filter(pk__in=list(enrollment_ids)).update(hold_expires_at=until)


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
