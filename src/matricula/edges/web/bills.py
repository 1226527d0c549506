"""What something costs, in words: breakdowns, refund policies, and where a bill may go."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from matricula.edges.web import words
from matricula.kernel.money import Money
from matricula.kernel.words import reader_locale
from matricula.orders import policy
from matricula.orders.policy import Step
from matricula.orders.queries import OrderRecord
from matricula.payments.queries import RefundRecord
from matricula.payments.states import RefundState
from matricula.pricing import regions
from matricula.pricing.tax import NOTE_UNCONFIRMED
from matricula.pricing.values import Quote

RTL_MARK = "\N{RIGHT-TO-LEFT MARK}"


@dataclass(frozen=True)
class Row:
    """A line of a breakdown; `kind` is plain, off or total."""

    label: str
    amount: str
    kind: str = "plain"


@dataclass(frozen=True)
class Bill:
    """A breakdown: its rows, the total in words, and what the tax rules say about it."""

    rows: tuple[Row, ...]
    total: str
    minor: int
    is_free: bool
    notes: tuple[str, ...]


@dataclass(frozen=True)
class RefundLine:
    """Money given back, or on its way."""

    state: str
    amount: str
    at: datetime


@dataclass(frozen=True)
class Region:
    """A country or a State to choose."""

    code: str
    name: str


def bill_of_quote(quote: Quote) -> Bill:
    """What a quote costs."""
    sale = sum((line.sale_discount.minor for line in quote.lines), 0)
    coupon = sum((line.coupon_discount.minor for line in quote.lines), 0)
    codes = ", ".join(found.code for found in quote.coupons)
    taxes = [(tax.head, tax.percent, tax.amount) for tax in quote.tax_lines]
    offs = [
        (_("Discount"), Money(sale, quote.currency)),
        (_("Coupon %(code)s") % {"code": codes}, Money(coupon, quote.currency)),
    ]
    return _bill(
        [(line.title, line.original) for line in quote.lines],
        offs=offs,
        net=quote.net,
        taxes=taxes,
        total=quote.total,
        notes=quote.notes,
    )


def bill_of_order(order: OrderRecord) -> Bill:
    """What an order costs, as it was agreed."""
    codes = ", ".join(order.coupon_codes)
    label = _("Discount with %(code)s") % {"code": codes} if codes else _("Discount")
    taxes = [
        (tax["head"], Decimal(tax["percent"]), Money(tax["amount_minor"], order.currency))
        for tax in order.tax_lines
    ]
    return _bill(
        [(line.title, line.original) for line in order.lines],
        offs=[(label, order.discount)],
        net=order.net,
        taxes=taxes,
        total=order.total,
        notes=order.notes,
    )


def _bill(
    items: Sequence[tuple[str, Money]],
    *,
    offs: Sequence[tuple[str, Money]],
    net: Money,
    taxes: Sequence[tuple[str, Decimal, Money]],
    total: Money,
    notes: Sequence[str],
) -> Bill:
    rows = [Row(title, words.money(amount)) for title, amount in items]
    rows += [Row(label, _less(amount), "off") for label, amount in offs if amount]
    if taxes and len(rows) > 1:
        rows.append(Row(_("Before tax"), words.money(net)))
    for head, percent, amount in taxes:
        rows.append(Row(f"{head} {percent.normalize():f} %", words.money(amount)))
    # Taxed and untaxed things bought together: the note is about the latter.
    said = [
        _("In part: %(note)s") % {"note": _(note)}
        if taxes and note != NOTE_UNCONFIRMED
        else _(note)
        for note in notes
    ]
    return Bill(tuple(rows), words.money(total), total.minor, not total, tuple(said))


def _less(amount: Money) -> str:
    """The amount with a minus before its number, also where lines run from right to left: there a
    money begins with a mark, which would part the two."""
    text = words.money(amount)
    mark, rest = ("\N{LEFT-TO-RIGHT MARK}", text[1:]) if text[0] == RTL_MARK else ("", text)
    return f"{mark}\N{MINUS SIGN}{rest}"


def policy_words(
    steps: Sequence[Step] | Sequence[Mapping[str, Any]],
    *,
    paid_at: datetime,
    starts_at: datetime | None,
) -> list[str]:
    """Until when how much is given back, one sentence a step."""
    read = [step if isinstance(step, Step) else policy.read([step])[0] for step in steps]
    said = []
    for step in read:
        percent = {"percent": step.percent}
        if step.until == "after_payment":
            text = ngettext(
                "%(percent)d %% back within %(days)d day of paying",
                "%(percent)d %% back within %(days)d days of paying",
                step.days,
            )
            said.append(text % {**percent, "days": step.days})
            continue
        end = policy.ends_at(step, paid_at=paid_at, starts_at=starts_at)
        if end is not None:
            day = words.day(end)
            said.append(_("%(percent)d %% back until %(day)s") % {**percent, "day": day})
    return said or [_("Nothing is given back after paying.")]


def refunds_in_words(refunds: Sequence[RefundRecord]) -> list[RefundLine]:
    """Where each refund stands."""
    said = {
        RefundState.PROCESSED: _("Given back"),
        RefundState.FAILED: _("Failed; we are looking into it"),
    }
    return [
        RefundLine(
            state=said.get(refund.state, _("On its way back")),
            amount=words.money(refund.amount),
            at=refund.completed_at or refund.requested_at,
        )
        for refund in refunds
    ]


@lru_cache(maxsize=8)
def countries(language: str) -> tuple[Region, ...]:  # noqa: ARG001 - the cache's key
    """Every country in the language that is active, which is named. É stands beside E."""
    names = reader_locale().territories
    found = [
        Region(code, name)
        for code, name in names.items()
        if len(code) == 2 and code.isalpha() and code not in {"EU", "EZ", "UN", "XA", "XB", "ZZ"}  # noqa: PLR2004
    ]
    return tuple(sorted(found, key=lambda region: unicodedata.normalize("NFKD", region.name)))


def indian_states() -> list[Region]:
    return [Region(code, name) for code, (name, _number) in regions.INDIA.items()]


def place_words(country: str, state: str, language: str) -> str:
    """A billing place, like "Karnataka, India"; what is not known of it is left out."""
    names = [
        next((region.name for region in indian_states() if region.code == state), ""),
        next((region.name for region in countries(language) if region.code == country), ""),
    ]
    return _(", ").join(filter(None, names))
