"""What can go wrong with a waitlist."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from matricula.kernel.errors import DomainError


class NoWaitlist(DomainError):
    code, status, title = "course_full", 409, _("This course has no waitlist")
    usual_detail = _("Every seat is taken, and nobody can queue for this course.")


class WaitlistFull(DomainError):
    code, status, title = "course_full", 409, _("The waitlist is full")
    usual_detail = _("Every seat is taken, and as many people wait as the list takes.")


class SeatsLeft(DomainError):
    code, status, title = "illegal_state", 409, _("There are seats left")
    usual_detail = _("You don't need to wait: enroll now.")


class OfferEnded(DomainError):
    code, status, title = "enrollment_expired", 409, _("This offer is over")
    usual_detail = _("The seat was held until the time of the offer ran out. It went to the next.")
