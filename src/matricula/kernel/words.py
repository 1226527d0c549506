"""Values as every page and every letter says them, in the reader's language."""

from __future__ import annotations

from copy import copy
from datetime import datetime

from babel import Locale, UnknownLocaleError
from django.utils.formats import date_format
from django.utils.translation import get_language

from matricula.kernel.money import Money, minor_digits


def money(amount: Money) -> str:
    """The amount for a person, grouped as their language does it: ₹2,99,900.50."""
    locale = reader_locale(amount.currency)
    digits = minor_digits(amount.currency)
    # Babel knows how to group, not how many decimals a payment has: those come from the kernel.
    pattern = copy(locale.currency_formats["standard"])
    pattern.frac_prec = (digits, digits)
    return str(pattern.apply(amount.major, locale, currency=amount.currency, currency_digits=False))


def day(at: datetime) -> str:
    """A day."""
    return date_format(at, "j F Y")


def moment(at: datetime) -> str:
    """A moment."""
    return date_format(at, "j F Y, H:i") + " UTC"


def reader_locale(currency: str = "") -> Locale:
    """The reader's locale; rupees are grouped the Indian way in English too."""
    reader = get_language() or "en"
    if reader.startswith("en") and currency == "INR":
        reader = "en-IN"
    try:
        return Locale.parse(reader, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale("en")
