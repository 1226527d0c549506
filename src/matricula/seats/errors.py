"""What can go wrong with seats."""

from __future__ import annotations

from matricula.kernel.errors import DomainError


class CourseFull(DomainError):
    code, status, title = "course_full", 409, "This course is full"
    usual_detail = "Every seat is taken at the moment."


class HoldEnded(DomainError):
    code, status, title = "enrollment_expired", 409, "The seat is no longer held"
    usual_detail = "The time to complete this enrollment ran out. Start it again."


class CapacityTooSmall(DomainError):
    code, status, title = "illegal_state", 409, "More seats are taken than that"
