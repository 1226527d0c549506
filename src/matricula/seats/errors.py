"""What can go wrong with seats."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from matricula.kernel.errors import DomainError


class CourseFull(DomainError):
    code, status, title = "course_full", 409, _("This course is full")
    usual_detail = _("Every seat is taken at the moment.")


class HoldEnded(DomainError):
    code, status, title = "enrollment_expired", 409, _("The seat is no longer held")
    usual_detail = _("The time to complete this enrollment ran out. Start it again.")


class CapacityTooSmall(DomainError):
    code, status, title = "illegal_state", 409, _("More seats are taken than that")
