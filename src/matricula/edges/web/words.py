"""Values in words: money, languages, seats, durations."""

from __future__ import annotations

from copy import copy
from datetime import datetime

from babel import Locale, UnknownLocaleError
from django.utils.formats import date_format
from django.utils.translation import get_language, gettext, ngettext

from matricula.kernel.money import Money, minor_digits
from matricula.seats.queries import Availability

# Below this many, the seats left are said with weight.
FEW_SEATS = 5


def money(amount: Money) -> str:
    """The amount for a person, grouped as their language does it: ₹2,99,900.50."""
    locale = _locale(amount.currency)
    digits = minor_digits(amount.currency)
    # Babel knows how to group, not how many decimals a payment has: those come from the kernel.
    pattern = copy(locale.currency_formats["standard"])
    pattern.frac_prec = (digits, digits)
    return str(pattern.apply(amount.major, locale, currency=amount.currency, currency_digits=False))


def language(code: str) -> str:
    """The language's name in the reader's language; the code itself when nobody knows it."""
    try:
        name = Locale.parse(code, sep="-").get_display_name(_locale())
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


def _locale(currency: str = "") -> Locale:
    """The reader's locale; rupees are grouped the Indian way in English too."""
    reader = get_language() or "en"
    if reader.startswith("en") and currency == "INR":
        reader = "en-IN"
    try:
        return Locale.parse(reader, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale("en")


def day(at: datetime) -> str:
    """A day, as every page says it."""
    return date_format(at, "j F Y")


def moment(at: datetime) -> str:
    """A moment, as every page says it."""
    return date_format(at, "j F Y, H:i") + " UTC"
