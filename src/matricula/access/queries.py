"""Reads of access."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from matricula.enrollments import queries as enrollments
from matricula.enrollments.queries import EnrollmentRecord
from matricula.enrollments.states import Status
from matricula.kernel import clock
from matricula.kernel.errors import Words


@dataclass(frozen=True)
class Access:
    """Whether a person may open a course. `reason` says why not, as a code and in words."""

    granted: bool
    enrollment: EnrollmentRecord | None
    reason: str = ""
    detail: Words = ""


def access_to(person_id: UUID, course_id: UUID) -> Access:
    """The person's access to the course, now."""
    enrollment = enrollments.latest_of_course(person_id, course_id)
    if enrollment is None:
        return Access(False, None, "not_enrolled", _("You are not enrolled in this course."))
    if enrollment.status is Status.PENDING:
        return Access(
            False, enrollment, "enrollment_pending", _("The enrollment is not complete yet.")
        )
    if enrollment.status is not Status.ENROLLED:
        return Access(False, enrollment, "enrollment_ended", _("The enrollment has ended."))
    if _has_expired(enrollment.access_expires_at):
        return Access(False, enrollment, "access_expired", _("The time of access is over."))
    return Access(True, enrollment)


def _has_expired(expires_at: datetime | None) -> bool:
    return expires_at is not None and expires_at <= clock.now()
