"""Which taxes a supply owes: pure, from dated rates. Everything here is a default that an
accountant confirms; rates are data (`TaxRate`), the rules about places are these.

India: GST at one rate, split into CGST and SGST where buyer and seller are in one State (UTGST in a
Union Territory without a legislature), else IGST (IGST Act, sections 7 and 8, with section 12(2)
for the place of supply: where the recipient is). Buyers abroad are exports, zero-rated under a
letter of undertaking (section 16). European Union: the buyer's country's VAT; a business
elsewhere in the Union with a confirmed VAT id owes it itself (Directive 2006/112/EC, articles 44
and 196).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from matricula.kernel.words import marked
from matricula.pricing.values import Place, Rate, SellerIdentity

EXEMPT = "exempt"
# Union Territories without a legislature; Delhi, Puducherry and Jammu and Kashmir have one.
# Other Territory counts as one of them (UTGST Act, section 2(8)).
UTGST_STATES = frozenset({"AN", "CH", "DH", "LA", "LD", "OT"})
EU = frozenset(
    [
        "AT",
        "BE",
        "BG",
        "CY",
        "CZ",
        "DE",
        "DK",
        "EE",
        "ES",
        "FI",
        "FR",
        "GR",
        "HR",
        "HU",
        "IE",
        "IT",
        "LT",
        "LU",
        "LV",
        "MT",
        "NL",
        "PL",
        "PT",
        "RO",
        "SE",
        "SI",
        "SK",
    ]
)
NOTE_EXPORT = marked("Export of services under LUT, without payment of IGST.")
NOTE_REVERSE_CHARGE = marked("Reverse charge: VAT is owed by the recipient.")
NOTE_UNCONFIRMED = marked("The VAT id was not confirmed yet: VAT is charged.")
NOTE_EXEMPT = marked("Exempt from tax.")


@dataclass(frozen=True)
class Taxes:
    """The heads owed with their rates, the product's code, and what the invoice must say."""

    heads: tuple[tuple[str, Decimal], ...] = ()
    code: str = ""
    note: str = ""


def taxes_of(
    category: str, *, seller: SellerIdentity, place: Place, rates: Sequence[Rate], on: date
) -> Taxes:
    """The taxes on a product of this category sold to this place on this day."""
    if category == EXEMPT:
        return Taxes(note=NOTE_EXEMPT)
    if seller.country == "IN":
        return _india(category, seller, place, rates, on)
    if place.country in EU and seller.country in EU:
        return _in_the_union(category, seller, place, rates, on)
    if place.country == seller.country:
        return _single(_rate(category, seller.country, rates, on))
    return Taxes()


def _in_the_union(
    category: str, seller: SellerIdentity, place: Place, rates: Sequence[Rate], on: date
) -> Taxes:
    rate = _rate(category, place.country, rates, on)
    if place.country == seller.country or not place.tax_id:
        return _single(rate)
    if place.tax_evidence:
        return Taxes(note=NOTE_REVERSE_CHARGE)
    return _single(rate, NOTE_UNCONFIRMED)


def _india(
    category: str, seller: SellerIdentity, place: Place, rates: Sequence[Rate], on: date
) -> Taxes:
    rate = _rate(category, "IN", rates, on)
    if rate is None:
        return Taxes()
    if place.country != "IN":
        return Taxes(code=rate.code, note=NOTE_EXPORT)
    if place.state and place.state != seller.state:
        return Taxes((("IGST", rate.percent),), rate.code)
    half = rate.percent / 2
    local = "UTGST" if seller.state in UTGST_STATES else "SGST"
    return Taxes((("CGST", half), (local, half)), rate.code)


def _single(rate: Rate | None, note: str = "") -> Taxes:
    return Taxes() if rate is None else Taxes(((rate.head, rate.percent),), rate.code, note)


def _rate(category: str, country: str, rates: Sequence[Rate], on: date) -> Rate | None:
    """The rate of that day; of several the one that began last."""
    fitting = [
        rate
        for rate in rates
        if rate.category == category and rate.country == country and rate.is_valid(on)
    ]
    return max(fitting, key=lambda rate: rate.valid_from or date.min, default=None)
