"""Why somebody cannot enroll, or an enrollment cannot do what was asked."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from matricula.kernel.errors import DomainError


class AlreadyEnrolled(DomainError):
    code, status, title = "already_enrolled", 409, _("You are already enrolled in this course")
    usual_detail = _("Open it from your courses.")


class RegistrationClosed(DomainError):
    code, status, title = "registration_closed", 409, _("Registration is closed")
    usual_detail = _("The enrollment window of this course has ended.")


class RegistrationNotOpen(DomainError):
    code, status, title = "registration_not_open", 409, _("Registration has not opened yet")
    usual_detail = _("The enrollment window of this course has not begun.")


class CourseNotAvailable(DomainError):
    code, status, title = "course_not_available", 409, _("This course is not available")
    usual_detail = _("It cannot be enrolled in at the moment.")


class PrerequisitesNotMet(DomainError):
    code, status, title = "prerequisites_not_met", 409, _("A required course is missing")
    usual_detail = _("Complete the required courses first.")


class CorequisitesNotMet(PrerequisitesNotMet):
    title = _("A course taken at the same time is missing")
    usual_detail = _("Enroll in both.")


class ScheduleConflict(DomainError):
    code, status, title = "schedule_conflict", 409, _("It clashes with another course of yours")
    usual_detail = _("Both meet at the same time.")


class NotInAudience(DomainError):
    code, status, title = "permission_denied", 403, _("This course is not open to everybody")
    usual_detail = _("It is for a limited audience.")


class ProfileIncomplete(DomainError):
    code, status, title = "permission_denied", 403, _("Something is missing in your profile")
    usual_detail = _("This course asks for it before you can enroll.")


class LimitReached(DomainError):
    code, status, title = "course_not_available", 409, _("You have reached the limit")
    usual_detail = _("No more of these at the same time.")


class PaymentRequired(DomainError):
    code, status, title = "payment_required", 402, _("This course has to be paid for")
    usual_detail = _("Online payment is not set up on this server yet. Nothing was charged.")
