"""The plain values that prices are made from and of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

from matricula.catalog.rules import ListPrice
from matricula.kernel.money import Money


@dataclass(frozen=True)
class Item:
    """A course to be priced. `key` is how the caller finds its line again; no price is free."""

    key: UUID
    course_id: UUID
    title: str
    price: ListPrice | None
    tax_inclusive: bool
    tax_category: str


@dataclass(frozen=True)
class Place:
    """Where a buyer is: ISO 3166-1 country and the subdivision's code without the country ("KA").
    `tax_id` is the GSTIN or VAT id of a business, `tax_evidence` the proof that a VAT id is
    confirmed, in words; empty while it is not."""

    country: str
    state: str = ""
    tax_id: str = ""
    tax_evidence: str = ""


@dataclass(frozen=True)
class SellerIdentity:
    """Who sells, as printed on invoices, and where taxes are owed."""

    name: str
    legal_name: str
    address: str
    country: str
    state: str
    gstin: str = ""
    vat_id: str = ""
    email: str = ""
    time_zone: str = "UTC"
    invoice_prefix: str = "INV"


@dataclass(frozen=True)
class Rate:
    """A tax rate of a country for a category of product, valid in a half-open span of days."""

    category: str
    country: str
    head: str
    percent: Decimal
    valid_from: date | None = None
    valid_until: date | None = None
    code: str = ""

    def is_valid(self, on: date) -> bool:
        starts = self.valid_from is None or self.valid_from <= on
        return starts and (self.valid_until is None or on < self.valid_until)


@dataclass(frozen=True)
class CouponTerms:
    """What a coupon takes off. No courses: all of them."""

    id: UUID
    code: str
    kind: Literal["percent", "fixed"]
    percent: Decimal | None = None
    amount: Money | None = None
    courses: frozenset[UUID] = frozenset()
    stackable: bool = False
    automatic: bool = False

    def covers(self, course_id: UUID) -> bool:
        return not self.courses or course_id in self.courses


@dataclass(frozen=True)
class TaxLine:
    head: str
    percent: Decimal
    amount: Money


@dataclass(frozen=True)
class QuoteLine:
    """One course's price. original - sale_discount - coupon_discount is what the buyer owes before
    tax is added, or with it where the price includes it; net + tax = total, exactly."""

    key: UUID
    course_id: UUID
    title: str
    original: Money
    sale_discount: Money
    coupon_discount: Money
    net: Money
    tax_lines: tuple[TaxLine, ...] = ()
    tax_code: str = ""

    @property
    def discount(self) -> Money:
        return self.sale_discount + self.coupon_discount

    @property
    def tax(self) -> Money:
        return sum_of((line.amount for line in self.tax_lines), self.net.currency)

    @property
    def total(self) -> Money:
        return self.net + self.tax


@dataclass(frozen=True)
class Quote:
    """What it all costs: sums of the lines, exactly."""

    currency: str
    lines: tuple[QuoteLine, ...]
    coupons: tuple[CouponTerms, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def original(self) -> Money:
        return sum_of((line.original for line in self.lines), self.currency)

    @property
    def discount(self) -> Money:
        return sum_of((line.discount for line in self.lines), self.currency)

    @property
    def net(self) -> Money:
        return sum_of((line.net for line in self.lines), self.currency)

    @property
    def tax(self) -> Money:
        return sum_of((line.tax for line in self.lines), self.currency)

    @property
    def total(self) -> Money:
        return self.net + self.tax

    @property
    def tax_lines(self) -> tuple[TaxLine, ...]:
        """The taxes of all lines, summed by head and rate, in order of appearance."""
        sums: dict[tuple[str, Decimal], Money] = {}
        for line in self.lines:
            for tax in line.tax_lines:
                key = (tax.head, tax.percent)
                sums[key] = sums.get(key, Money.zero(self.currency)) + tax.amount
        return tuple(TaxLine(head, percent, amount) for (head, percent), amount in sums.items())


def sum_of(amounts: Iterable[Money], currency: str) -> Money:
    total = Money.zero(currency)
    for amount in amounts:
        total = total + amount
    return total
