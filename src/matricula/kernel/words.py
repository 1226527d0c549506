"""Values as every page and every letter says them, in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any, Literal, TypeVar, cast

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from django.conf import settings
from django.utils.functional import lazy
from django.utils.translation import get_language, gettext, gettext_lazy, ngettext

from matricula.kernel.errors import Words
from matricula.kernel.money import Money, minor_digits

# English is that of India: days before months, and rupees in lakhs.
_LOCALES = {"en": "en-IN", "hi": "hi-IN"}


def said(template: str, **values: object) -> Words:
    """Words with values in them, put into the reader's language when they are read."""
    return cast("Words", _said(template, values))


def counted(one: str, many: str, count: int, **values: object) -> Words:
    """As `said`, with the plural that `count` has; the templates may print it as `%(count)d`."""
    return cast("Words", _counted(one, many, count, {"count": count, **values}))


def listed(parts: Iterable[Words]) -> Words:
    """The parts with commas between them, put into the reader's language when they are read."""
    return cast("Words", _listed(tuple(parts)))


def marked(words: str) -> str:
    """Words that are written down as they are, in English, and read through `stored`."""
    return words


def stored(words: str) -> str:
    """What we wrote down in English, in the reader's language; what people wrote, as it is."""
    return gettext(words) if words else ""


def money(amount: Money) -> str:
    """The amount for a person, grouped as their language does it: ₹2,99,900.50."""
    return _money(amount, get_language() or "en")


@lru_cache(4096)  # a page says the same few again and again, and Babel takes its time
def _money(amount: Money, language: str) -> str:
    locale = _locale(language)
    if amount.currency != "INR" and locale.language == "en":
        locale = Locale("en")
    digits = minor_digits(amount.currency)
    # Babel knows how to group, not how many decimals a payment has: those come from the kernel.
    pattern = copy(locale.currency_formats["standard"])
    pattern.frac_prec = (digits, digits)
    return str(pattern.apply(amount.major, locale, currency=amount.currency, currency_digits=False))


def day(at: date) -> str:
    """A day: 2 March 2027. Of a moment, the day it has where the installation is."""
    return _day(_plain(_here(at)), "long", get_language() or "en")


def weekday(at: date) -> str:
    """A day with its name: Tuesday 2 March 2027."""
    return _day(_plain(at), "full", get_language() or "en")


def _plain(at: date) -> date:
    """Without a time: moments of two zones can be equal, and their days not."""
    return at.date() if isinstance(at, datetime) else at


@lru_cache(4096)
def _day(at: date, form: Literal["long", "full"], language: str) -> str:
    return format_date(at, form, locale=_locale(language))


def clock_time(at: time | datetime) -> str:
    """A time of day, of 24 hours: 18:30."""
    bare = at.timetz() if isinstance(at, datetime) else at
    return format_time(bare.replace(tzinfo=None), "HH:mm", locale=reader_locale())


def moment(at: datetime) -> str:
    """A moment as it is where the installation is (`MATRICULA_TIME_ZONE`), and that zone's name."""
    local = _here(at)
    name = local.tzname() or ""
    # Zones without letters of their own are called by their distance: UTC+04.
    zone = name if name.isalpha() else f"UTC{name}"
    return f"{day(local)}{gettext(', ')}{clock_time(local)} {zone}"


def reader_locale() -> Locale:
    """The locale of the language that is active."""
    return _locale(get_language() or "en")


At = TypeVar("At", bound=date)


def _here(at: At) -> At:
    """The moment on the clock of the installation; a day is what it is."""
    if isinstance(at, datetime) and at.tzinfo is not None:
        return cast("At", at.astimezone(settings.ENVIRONMENT.time_zone))
    return at


@lru_cache(maxsize=32)
def _locale(language: str) -> Locale:
    try:
        return Locale.parse(_LOCALES.get(language, language), sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale("en", "IN")


def _in_words(template: str, values: dict[str, object]) -> str:
    return gettext(template) % values


def _in_counted_words(one: str, many: str, count: int, values: dict[str, object]) -> str:
    return ngettext(one, many, count) % values


def _in_a_row(parts: tuple[Words, ...]) -> str:
    # Translators: what stands between the entries of a list.
    return gettext(", ").join(map(str, parts))


_listed = lazy(_in_a_row, str)
_said = lazy(_in_words, str)
_counted = lazy(_in_counted_words, str)
weekday_of = lazy(weekday, str)  # as `weekday` and `clock_time`, when it is read
clock_time_of = lazy(clock_time, str)

# The ways of saying something that can be written down and said again (`kept_words.py`). What is
# written down names them: a name is never used for anything else.
WAYS: dict[str, Callable[..., Any]] = {
    "text": gettext_lazy,
    "said": _said,
    "counted": _counted,
    "listed": _listed,
    "weekday": weekday_of,
    "clock_time": clock_time_of,
}
