"""What stands on an invoice and on a credit note: pure, from the order as it was agreed.

Rule 46 of India's CGST Rules lists what a tax invoice must say; a credit note (rule 53) refers
to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from matricula.kernel.money import Money, minor_digits

_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = [
    "zero",
    "ten",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
]
_INDIAN = ((10_000_000, "crore"), (100_000, "lakh"), (1000, "thousand"), (100, "hundred"))
_WESTERN = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_SYMBOLS = {"INR": "₹", "EUR": "€", "USD": "$", "GBP": "£"}


def money(amount: Money) -> str:
    """₹1,23,456.50; grouped the Indian way for rupees."""
    sign = "\N{MINUS SIGN}" if amount.minor < 0 else ""
    whole, _, decimals = str(abs(amount.major)).partition(".")
    first = 3
    groups = [whole[-first:]]
    rest = whole[:-first]
    size = 2 if amount.currency == "INR" else 3
    while rest:
        groups.insert(0, rest[-size:])
        rest = rest[:-size]
    text = ",".join(groups) + (f".{decimals}" if decimals else "")
    symbol = _SYMBOLS.get(amount.currency)
    return f"{sign}{symbol}{text}" if symbol else f"{sign}{text} {amount.currency}"


def in_words(amount: Money) -> str:
    """The amount in English words, in lakh and crore for rupees."""
    scale = _INDIAN if amount.currency == "INR" else _WESTERN
    unit = 10 ** minor_digits(amount.currency)
    whole, part = divmod(abs(amount.minor), unit)
    name, small = ("rupees", "paise") if amount.currency == "INR" else (amount.currency, "cents")
    said = f"{_count(whole, scale)} {name if whole != 1 else name.removesuffix('s')}"
    if part:
        said += f" and {_count(part, scale)} {small}"
    return said[0].upper() + said[1:] + " only."


def _count(number: int, scale: Sequence[tuple[int, str]]) -> str:
    if number < len(_ONES):
        return _ONES[number]
    for size, name in scale:
        if number >= size:
            whole, rest = divmod(number, size)
            said = f"{_count(whole, scale)} {name if whole != 1 else name.removesuffix('s')}"
            return f"{said} {_count(rest, scale)}" if rest else said
    tens, ones = divmod(number, 10)
    return _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")


def split_part(line: Mapping[str, Any], part_minor: int, currency: str) -> dict[str, Any]:
    """The share of a line that a refund of `part_minor` gives back: its taxable value and each tax
    head in proportion, summing exactly to the part."""
    weights = [line["net_minor"], *(tax["amount_minor"] for tax in line["tax_lines"])]
    shares = Money(part_minor, currency).split(weights)
    return {
        **line,
        "net_minor": shares[0].minor,
        "tax_lines": [
            {**tax, "amount_minor": share.minor}
            for tax, share in zip(line["tax_lines"], shares[1:], strict=True)
        ],
        "total_minor": part_minor,
    }


def compose(
    *,
    title: str,
    seller: Mapping[str, Any],
    buyer: Sequence[str],
    supply: Sequence[str],
    about: Sequence[str],
    lines: Sequence[Mapping[str, Any]],
    currency: str,
    notes: Sequence[str],
    total_label: str,
) -> dict[str, Any]:
    """The content of a paper, everything a text as printed. Each line has title, detail, tax_code,
    net_minor, tax_lines and total_minor."""
    net = sum(line["net_minor"] for line in lines)
    total = Money(sum(line["total_minor"] for line in lines), currency)
    sums = [{"label": "Taxable value", "amount": money(Money(net, currency))}]
    sums += [
        {"label": f"{head} {_rate(percent)} %", "amount": money(Money(minor, currency))}
        for (head, percent), minor in _heads(lines).items()
    ]
    return {
        "title": title,
        "seller": seller,
        "buyer": {"lines": list(buyer)},
        "supply": list(supply),
        "about": list(about),
        "words": {"buyer": "Billed to", "supply": "Place of supply", "about": "Details"},
        "columns": ["Description", "SAC", "Taxable value", "Tax", "Total"],
        "rows": [_row(line, currency) for line in lines],
        "sums": sums,
        "total": {"label": total_label, "amount": money(total)},
        "in_words": in_words(total),
        "notes": list(notes),
        "total_minor": total.minor,
        "currency": currency,
    }


def _heads(lines: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], int]:
    """The taxes of all lines by head and rate, in order of appearance."""
    heads: dict[tuple[str, str], int] = {}
    for line in lines:
        for tax in line["tax_lines"]:
            key = (tax["head"], tax["percent"])
            heads[key] = heads.get(key, 0) + tax["amount_minor"]
    return heads


def _row(line: Mapping[str, Any], currency: str) -> dict[str, str]:
    tax = sum(entry["amount_minor"] for entry in line["tax_lines"])
    return {
        "title": line["title"],
        "detail": line["detail"],
        "code": line["tax_code"],
        "taxable": money(Money(line["net_minor"], currency)),
        "tax": money(Money(tax, currency)),
        "total": money(Money(line["total_minor"], currency)),
    }


def _rate(percent: str) -> str:
    return f"{Decimal(percent).normalize():f}"
