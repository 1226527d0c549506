"""Legal numbers: consecutive and without gaps, per series and financial year."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from matricula.orders.models import Document, DocumentSeries

APRIL = 4
# Credit notes are a series of their own; a serial has at most 16 characters (CGST Rules, rule 46).
SUFFIXES = {Document.Kind.INVOICE: "", Document.Kind.CREDIT_NOTE: "C"}


def financial_year(at: datetime, country: str, time_zone: str) -> str:
    """The financial year of a moment, in the seller's time: April to March in India ("26-27"), the
    calendar year elsewhere ("2026")."""
    day = at.astimezone(ZoneInfo(time_zone))
    if country != "IN":
        return str(day.year)
    first = day.year if day.month >= APRIL else day.year - 1
    return f"{first % 100:02d}-{(first + 1) % 100:02d}"


def next_numbers(
    kind: Document.Kind, prefix: str, at: datetime, country: str, time_zone: str, *, count: int
) -> tuple[DocumentSeries, list[tuple[int, str]]]:
    """The series, and the next `count` numbers in it, each also as printed, like MAT/26-27/000123.

    Locks the series until the transaction ends, which must write the documents: so that no number
    is given twice, and none is lost.
    """
    year = financial_year(at, country, time_zone)
    name = f"{prefix}{SUFFIXES[kind]}"
    DocumentSeries.objects.get_or_create(prefix=name, financial_year=year, defaults={"kind": kind})
    series = DocumentSeries.objects.select_for_update().get(prefix=name, financial_year=year)
    first = series.last_number + 1
    series.last_number += count
    series.save(update_fields=["last_number"])
    numbers = range(first, first + count)
    return series, [(number, f"{name}/{year}/{number:05d}") for number in numbers]
