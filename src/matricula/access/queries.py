"""Reads of access."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from matricula.enrollments import queries as enrollments
from matricula.enrollments.queries import EnrollmentRecord
from matricula.enrollments.states import Status
from matricula.kernel import clock


@dataclass(frozen=True)
class Access:
    """Whether a person may open a course. `reason` says why not, as a code and in words."""

    granted: bool
    enrollment: EnrollmentRecord | None
    reason: str = ""
    detail: str = ""


def access_to(person_id: UUID, course_id: UUID) -> Access:
    """The person's access to the course, now."""
    enrollment = enrollments.latest_of_course(person_id, course_id)
    if enrollment is None:
        return Access(False, None, "not_enrolled", "You are not enrolled in this course.")
    if enrollment.status is Status.PENDING:
        return Access(
            False, enrollment, "enrollment_pending", "The enrollment is not complete yet."
        )
    if enrollment.status is not Status.ENROLLED:
        return Access(
            False, enrollment, "enrollment_ended", f"The enrollment is {enrollment.status}."
        )
    if _has_expired(enrollment.access_expires_at):
        return Access(False, enrollment, "access_expired", "The time of access is over.")
    return Access(True, enrollment)


def _has_expired(expires_at: datetime | None) -> bool:
    return expires_at is not None and expires_at <= clock.now()
