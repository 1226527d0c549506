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


class CorequisitesNotMet(PrerequisitesNotMet):
    title = "A course taken at the same time is missing"
    usual_detail = "Enroll in both."


class ScheduleConflict(DomainError):
    code, status, title = "schedule_conflict", 409, "It clashes with another course of yours"
    usual_detail = "Both meet at the same time."


class NotInAudience(DomainError):
    code, status, title = "permission_denied", 403, "This course is not open to everybody"
    usual_detail = "It is for a limited audience."


class ProfileIncomplete(DomainError):
    code, status, title = "permission_denied", 403, "Something is missing in your profile"
    usual_detail = "This course asks for it before you can enroll."


class LimitReached(DomainError):
    code, status, title = "course_not_available", 409, "You have reached the limit"
    usual_detail = "No more of these at the same time."


class PaymentRequired(DomainError):
    code, status, title = "payment_required", 402, "This course has to be paid for"
    usual_detail = "Online payment is not set up on this server yet. Nothing was charged."
