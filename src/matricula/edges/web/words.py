"""Values in words for pages: what `kernel.words` says, which letters say too, and languages, seats,
durations.
"""

from __future__ import annotations

from babel import Locale, UnknownLocaleError
from django.utils.translation import gettext, ngettext

from matricula.kernel.words import day, moment, money, reader_locale, stored
from matricula.seats.queries import Availability

__all__ = ["FEW_SEATS", "day", "days", "language", "moment", "money", "seats", "stored", "weeks"]

# Below this many, the seats left are said with weight.
FEW_SEATS = 5


def language(code: str) -> str:
    """The language's name in the reader's language; the code itself when nobody knows it."""
    try:
        name = Locale.parse(code, sep="-").get_display_name(reader_locale())
    except (UnknownLocaleError, ValueError):
        name = None
    return name.capitalize() if name else code


def seats(counts: Availability) -> str:
    """How many seats are left."""
    if counts.left is None:
        return gettext("Unlimited seats")
    if counts.left == 0:
        return gettext("No seats left")
    return ngettext("%(count)d seat left", "%(count)d seats left", counts.left) % {
        "count": counts.left
    }


# A number of each plural category that any language of ours has
# (https://cldr.unicode.org/index/cldr-spec/plural-rules).
_SAMPLES = {"one": 1, "two": 2, "few": 3, "many": 11, "other": 100}


def seat_words() -> dict[str, str]:
    """The words of `seats` by plural category, for a script that puts other numbers into them;
    and below how many they get weight."""
    said = {
        category: ngettext("%(count)d seat left", "%(count)d seats left", count)
        for category, count in _SAMPLES.items()
    }
    return {**said, "none": gettext("No seats left"), "low": str(FEW_SEATS)}


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
