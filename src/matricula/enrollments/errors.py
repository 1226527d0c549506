"""Why somebody cannot enroll, or an enrollment cannot do what was asked."""

from __future__ import annotations

from matricula.kernel.errors import DomainError


class AlreadyEnrolled(DomainError):
    code, status, title = "already_enrolled", 409, "You are already enrolled in this course"
    usual_detail = "Open it from your courses."


class RegistrationClosed(DomainError):
    code, status, title = "registration_closed", 409, "Registration is closed"
    usual_detail = "The enrollment window of this course has ended."


class RegistrationNotOpen(DomainError):
    code, status, title = "registration_not_open", 409, "Registration has not opened yet"
    usual_detail = "The enrollment window of this course has not begun."


class CourseNotAvailable(DomainError):
    code, status, title = "course_not_available", 409, "This course is not available"
    usual_detail = "It cannot be enrolled in at the moment."


class PrerequisitesNotMet(DomainError):
    code, status, title = "prerequisites_not_met", 409, "A required course is missing"
    usual_detail = "Complete the required courses first."


class PaymentRequired(DomainError):
    code, status, title = "payment_required", 402, "This course has to be paid for"
    usual_detail = "Online payment is not set up on this server yet. Nothing was charged."
