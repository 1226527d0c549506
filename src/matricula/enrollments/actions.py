"""What changes enrollments that exist. New ones are made by `enroll_people` of `flows/sql`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from matricula.catalog.models import Cohort
from matricula.enrollments.models import Enrollment, Swap
from matricula.enrollments.states import ENROLLMENT, LIVE, Stage
from matricula.kernel.errors import IllegalState
from matricula.kernel.states import CHANGED

# Locks are taken in every step of a payment, so they are written out, as in `orders.actions` and
# `payments.actions`: Django's query builder takes longer than they do.
_LOCK = "SELECT * FROM enrollments_enrollment WHERE id = ANY (%s::uuid[]) ORDER BY id FOR UPDATE"
_LIVE_OF = """
SELECT * FROM enrollments_enrollment
 WHERE person_id = ANY (%s::uuid[]) AND course_id = ANY (%s::uuid[]) AND stage = ANY (%s::text[])
 ORDER BY id
"""


def lock(enrollment_ids: Sequence[UUID]) -> list[Enrollment]:
    """The rows of these enrollments, locked in id order until the transaction ends.

    Whoever also changes seats has taken their counter rows before.
    """
    return list(Enrollment.objects.raw(_LOCK, [list(enrollment_ids)]))


def await_payment(enrollment_ids: Sequence[UUID]) -> None:
    """These, made in this transaction with a held seat each, now wait for their payment."""
    rows = Enrollment.objects.filter(pk__in=list(enrollment_ids), stage=Stage.VALIDATED)
    if rows.update(stage=ENROLLMENT.transition(Stage.VALIDATED, "await_payment")) < len(
        enrollment_ids
    ):
        raise IllegalState(_("The enrollment is not in the stage in which it is paid for."))


def confirm_paid(rows: Sequence[Enrollment]) -> None:
    """The money for these locked enrollments is there: they are confirmed, and access begins.
    Raises IllegalState when one has no such move; nothing is changed then."""
    for row in rows:
        stage = Stage(row.stage)
        if stage != Stage.VALIDATED:  # free of charge by a coupon: nothing was to be paid
            stage = ENROLLMENT.transition(stage, "complete_payment")
        row.stage = ENROLLMENT.transition(stage, "confirm")
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE enrollments_enrollment e
               SET stage = 'confirmed', confirmed_at = statement_timestamp(), ended_at = NULL,
                   reason = '',
                   access_expires_at = statement_timestamp() + make_interval(days => c.access_days)
              FROM catalog_course c
             WHERE c.id = e.course_id AND e.id = ANY (%s)
            """,
            [[row.pk for row in rows]],
        )


def exchange(
    given_up: Enrollment,
    successor_id: UUID,
    cohort: Cohort,
    *,
    access_expires_at: datetime | None,
    actor_id: UUID,
    reason: str,
) -> Enrollment:
    """A locked, confirmed enrollment ends and another one takes its place, confirmed at once. The
    caller has its seat. Raises IllegalState when it is not confirmed any more."""
    move(given_up, "cancel", reason=reason)
    taken = Enrollment.objects.create(
        id=successor_id,
        person_id=given_up.person_id,
        course_id=cohort.course_id,
        cohort=cohort,
        stage=Stage.CONFIRMED,
        metadata=given_up.metadata,
        confirmed_at=Now(),
        access_expires_at=access_expires_at,
    )
    Swap.objects.create(given_up=given_up, taken=taken, actor_id=actor_id)
    return taken


def live_of(person_ids: Iterable[UUID], course_ids: Iterable[UUID]) -> list[Enrollment]:
    """The live enrollments of these people in these courses. The caller holds their locks."""
    params = [list(person_ids), list(course_ids), [str(stage) for stage in LIVE]]
    return list(Enrollment.objects.raw(_LIVE_OF, params))


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


def end(enrollment_id: UUID, stage: Stage, trigger: str, *, reason: str) -> None:
    """Ends an enrollment that was seen in this stage, in one statement; its row is locked from then
    on. Raises IllegalState when there is no such move, or when somebody else has moved it."""
    ended = ENROLLMENT.transition(stage, trigger)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE enrollments_enrollment SET stage = %s, reason = %s,"
            " ended_at = statement_timestamp() WHERE id = %s AND stage = %s",
            [ended, reason, enrollment_id, stage],
        )
        if not cursor.rowcount:
            raise IllegalState(CHANGED)
