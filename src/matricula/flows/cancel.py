"""A person gives an enrollment up: the seat goes back, access ends."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from matricula.enrollments import actions as enrollments
from matricula.enrollments import queries
from matricula.enrollments.queries import EnrollmentRecord
from matricula.enrollments.states import Stage
from matricula.kernel import events
from matricula.kernel.events import NewEvent
from matricula.seats import actions as seats

LONGEST_REASON = 500


@transaction.atomic
def cancel(
    enrollment_id: UUID, person_id: UUID, *, actor_id: UUID, reason: str = ""
) -> EnrollmentRecord:
    """Cancels the person's enrollment; `actor_id` is who does it, the person or staff.

    Raises NotFound for an enrollment that is not this person's, and IllegalState when it has ended.
    """
    queries.of_person(person_id, enrollment_id)
    seats.release([enrollment_id])  # takes the cohort's counter row before the enrollment's
    (enrollment,) = enrollments.lock([enrollment_id])
    had_access = enrollment.stage == Stage.CONFIRMED
    enrollments.move(enrollment, "cancel", reason=reason[:LONGEST_REASON])
    about = {"subject": enrollment_id, "person": person_id, "actor": actor_id}
    place = {"course": str(enrollment.course_id), "cohort": str(enrollment.cohort_id)}
    told = [NewEvent(type="enrollment.cancelled", data=place, **about)]
    if had_access:
        told.append(NewEvent(type="access.revoked", data=place, **about))
    events.append(told)
    return queries.of_person(person_id, enrollment_id)
