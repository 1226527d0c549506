"""Values in words for pages: what `kernel.words` says, which letters say too, and languages, seats,
durations.
"""

from __future__ import annotations

from babel import Locale, UnknownLocaleError
from django.utils.translation import gettext, ngettext

from matricula.edges.seat_words import FEW_SEATS, seat_words, seats
from matricula.kernel.words import day, moment, money, reader_locale, stored

__all__ = [
    "FEW_SEATS",
    "day",
    "days",
    "language",
    "moment",
    "money",
    "seat_words",
    "seats",
    "stored",
    "weeks",
]


def language(code: str) -> str:
    """The language's name in the reader's language; the code itself when nobody knows it."""
    try:
        name = Locale.parse(code, sep="-").get_display_name(reader_locale())
    except (UnknownLocaleError, ValueError):
        name = None
    return name.capitalize() if name else code


def weeks(count: int | None) -> str:
    """A duration in weeks; empty when it is not known."""
    if count is None:
        return ""
    return ngettext("%(count)d week", "%(count)d weeks", count) % {"count": count}


def days(count: int | None) -> str:
    """How long access lasts."""
    if count is None:
        return gettext("Access without end")
    return ngettext("Access for %(count)d day", "Access for %(count)d days", count) % {
        "count": count
    }
