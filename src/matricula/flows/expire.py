"""Held seats whose time is over go back, and their enrollments end as expired (they can be revived
by starting again). Swept every few seconds by the worker.
"""

from __future__ import annotations

from django.db import transaction

from matricula.enrollments import actions as enrollments
from matricula.enrollments.states import ENROLLMENT, Stage
from matricula.kernel import events
from matricula.kernel.events import NewEvent
from matricula.seats import actions as seats

BATCH = 200


def expire_due() -> int:
    """Releases every hold that is due, in bounded transactions; returns how many."""
    total = 0
    while (released := _expire_batch()) > 0:
        total += released
    return total


@transaction.atomic
def _expire_batch() -> int:
    """One batch. A hold extended or sold meanwhile is passed over: expiry is decided under lock."""
    keys = seats.expire(seats.due(BATCH))
    ended = [
        enrollment
        for enrollment in enrollments.lock(keys)
        if ENROLLMENT.allows(Stage(enrollment.stage), "expire")
    ]
    for enrollment in ended:
        enrollments.move(enrollment, "expire", reason="The time to complete it ran out.")
    events.append(
        [
            NewEvent(
                type="enrollment.expired",
                subject=enrollment.pk,
                person=enrollment.person_id,
                data={"course": str(enrollment.course_id), "cohort": str(enrollment.cohort_id)},
            )
            for enrollment in ended
        ]
    )
    return len(keys)
