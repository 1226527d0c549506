"""Why a course is recommended, in words: the same on pages and in JSON."""

from __future__ import annotations

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from matricula.flows.recommend import Reason

_WORDS = {
    Reason.TAKEN_NEXT: _("Often taken next"),
    Reason.TAKEN_TOGETHER: _("People who took this also took it"),
    Reason.ALIKE: _("On a similar subject"),
}


def why(reason: Reason) -> str:
    """The reason as a short phrase."""
    return str(_WORDS[reason])


def why_instead(reason: Reason | None, *, same_category: bool) -> str:
    """The same of what could be taken in a course's stead, which may not be recommended beside it:
    then that it is of its category, or at least that it is open."""
    if reason is not None:
        return why(reason)
    return gettext("In the same category") if same_category else gettext("Open for enrollment")
