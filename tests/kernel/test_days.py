"""A day is always the day of somewhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

import matricula
from matricula.kernel.days import day_at

_SOURCE = Path(matricula.__file__).parent
# `words._plain` takes a moment that is in its zone already.
_ALLOWED = {"kernel/days.py", "kernel/words.py"}


def days_in_utc(source: str) -> Iterator[int]:
    """The lines where a day is taken of a moment without saying whose day: `x.date()`,
    `date.today()`, `localdate()`."""
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        is_day_of_moment = node.func.attr == "date" and not node.args
        if is_day_of_moment or node.func.attr in {"today", "localdate", "utcnow"}:
            yield node.lineno


def test_every_day_in_the_source_says_whose_it_is() -> None:
    found = [
        f"{file.relative_to(_SOURCE)}:{line}"
        for file in sorted(_SOURCE.rglob("*.py"))
        if str(file.relative_to(_SOURCE)) not in _ALLOWED
        for line in days_in_utc(file.read_text())
    ]
    assert not found, f"use kernel.days.day_at: {found}"


@pytest.mark.parametrize("text", ["now().date()", "date.today()", "timezone.localdate()"])
def test_a_day_of_nowhere_is_found(text: str) -> None:
    assert list(days_in_utc(text)) == [1]


def test_the_day_is_that_of_the_zone() -> None:
    evening = datetime(2026, 11, 30, 19, 0, tzinfo=UTC)
    assert day_at(evening, "Asia/Kolkata") == date(2026, 12, 1)
    assert day_at(evening, UTC) == date(2026, 11, 30)
