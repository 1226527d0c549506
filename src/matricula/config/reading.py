"""How single settings are read from the environment, and how a wrong one is said."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit


class SettingError(Exception):
    """A setting is missing or wrong; `str()` names it and says how to mend it, in one line."""

    def __init__(self, name: str, problem: str, remedy: str) -> None:
        self.name = name
        super().__init__(f"{name} {problem}: {remedy}")


def choice(environ: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    """One of these words; the first when nothing is set."""
    text = environ.get(name, "").strip().lower() or choices[0]
    if text not in choices:
        raise SettingError(
            name, f"is {text!r}", f"set it to {', '.join(choices[:-1])} or {choices[-1]}"
        )
    return text


def integer(environ: Mapping[str, str], name: str, *, default: int, low: int, high: int) -> int:
    """A whole number from `low` to `high`."""
    text = environ.get(name, "").strip()
    if not text:
        return default
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(high))
    if not is_number or not low <= int(text) <= high:
        raise SettingError(name, f"is {text!r}", f"set it to a whole number from {low} to {high}")
    return int(text)


def listed(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    """The values of a comma-separated setting; none when it is unset. A value that holds a comma
    itself stands in double quotes, as in a CSV file. A setting that is set and holds no value is
    refused: read as an empty list it would mean what an unset one means, or nothing at all."""
    text = environ.get(name, "").strip()
    if not text:
        return ()
    remedy = 'write values separated by commas, in double quotes ("") where they hold one'
    try:
        (row,) = csv.reader([text], skipinitialspace=True, strict=True)
    except (csv.Error, ValueError) as error:
        raise SettingError(name, "is not a list", remedy) from error
    values = tuple(value.strip() for value in row if value.strip())
    if not values:
        raise SettingError(name, "holds no value", remedy)
    return values


def split(name: str, url: str, remedy: str) -> SplitResult:
    """The parts of an address, its port checked. Never repeats the address: it may hold a
    password."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise SettingError(name, "is not an address", remedy) from error
    return parts
