"""Legal numbers: consecutive and without gaps, per series and financial year."""

from __future__ import annotations

from datetime import datetime

from matricula.kernel.days import day_at
from matricula.orders.models import Document, DocumentSeries

APRIL = 4
# A serial has at most 16 characters: letters, digits, hyphens and slashes (CGST Rules, rule 46(b)).
LONGEST_SERIAL = 16
USUAL_DIGITS = 5
# Credit notes are a series of their own.
SUFFIXES = {Document.Kind.INVOICE: "", Document.Kind.CREDIT_NOTE: "C"}


class SerialTooLong(Exception):
    """A number does not fit into the characters that the law allows. Staff has to decide."""


def financial_year(at: datetime, country: str, time_zone: str) -> str:
    """The financial year of a moment, in the seller's time: April to March in India ("26-27"), the
    calendar year elsewhere ("2026")."""
    day = day_at(at, time_zone)
    if country != "IN":
        return str(day.year)
    first = day.year if day.month >= APRIL else day.year - 1
    return f"{first % 100:02d}-{(first + 1) % 100:02d}"


def next_numbers(
    kind: Document.Kind, prefix: str, at: datetime, country: str, time_zone: str, *, count: int
) -> tuple[DocumentSeries, list[tuple[int, str]]]:
    """The series, and the next `count` numbers in it, each also as printed, like MAT/26-27/000123.

    Locks the series until the transaction ends, which must write the documents: so that no number
    is given twice, and none is lost. Raises SerialTooLong.
    """
    year = financial_year(at, country, time_zone)
    name = f"{prefix}{SUFFIXES[kind]}"
    DocumentSeries.objects.get_or_create(prefix=name, financial_year=year, defaults={"kind": kind})
    series = DocumentSeries.objects.select_for_update().get(prefix=name, financial_year=year)
    first = series.last_number + 1
    series.last_number += count
    series.save(update_fields=["last_number"])
    numbers = range(first, first + count)
    return series, [(number, format_serial(name, year, number)) for number in numbers]


def format_serial(name: str, year: str, number: int) -> str:
    """The number as printed: MAT/26-27/00123. Longer series get fewer leading zeros, and then the
    year without its hyphen. Raises SerialTooLong where that is not enough either."""
    for written in (year, year.replace("-", "")):
        room = LONGEST_SERIAL - len(f"{name}/{written}/")
        if len(str(number)) <= room:
            return f"{name}/{written}/{number:0{min(USUAL_DIGITS, room)}d}"
    raise SerialTooLong(
        f"number {number} of series {name} does not fit into {LONGEST_SERIAL} characters:"
        " shorten the seller's invoice prefix"
    )
