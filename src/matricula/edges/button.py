"""The words and the target of the enroll control, the same on pages and in JSON."""

from __future__ import annotations

from urllib.parse import urlencode

from django.utils.translation import gettext_lazy as _

from matricula.flows.offer import ButtonState, CourseOffer
from matricula.kernel import ids

LABELS = {
    ButtonState.AVAILABLE: _("Enroll Now"),
    ButtonState.LOGIN_REQUIRED: _("Login to Enroll"),
    ButtonState.REGISTRATION_CLOSED: _("Registration Closed"),
    ButtonState.COURSE_FULL: _("Course Full"),
    ButtonState.ALREADY_ENROLLED: _("Already Enrolled"),
    ButtonState.NOT_AVAILABLE: _("Not Available"),
}


def label(offer: CourseOffer) -> str:
    """What the control says."""
    if offer.live is not None and offer.live.is_pending:
        return str(_("Continue Enrollment"))
    if offer.takes_tickets and offer.button is ButtonState.AVAILABLE:
        return str(_("Join the Line"))
    return str(LABELS[offer.button])


def target(offer: CourseOffer) -> str:
    """Where the control leads: a path of this site."""
    course_page = f"/courses/{offer.course.slug}/"
    if offer.live is not None and offer.live.is_pending:
        return f"/enrollments/{ids.to_text('enr', offer.live.id)}/"
    match offer.button:
        case ButtonState.AVAILABLE:
            return f"{course_page}enroll/"
        case ButtonState.LOGIN_REQUIRED:
            return "/accounts/login/?" + urlencode({"next": f"{course_page}enroll/"})
        case ButtonState.ALREADY_ENROLLED:
            return f"/learn/{offer.course.slug}/"
        case ButtonState.COURSE_FULL if offer.can_wait or offer.waits_in is not None:
            return f"{course_page}waitlist/"
        case _:
            return course_page
