"""Why a course is recommended, in words: the same on pages and in JSON."""

from __future__ import annotations

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
