"""GSTINs, the GST registration numbers of India: pure.

Two digits of the State, the PAN, a number of the registration, Z, and a check character. stdnum
checks the parts, but its list of States lacks Ladakh (38) and Other Territory (97), so the State is
read here (https://services.gst.gov.in, list of State codes).
"""

from __future__ import annotations

import re

from stdnum import luhn
from stdnum.exceptions import ValidationError
from stdnum.in_ import pan

from matricula.pricing import regions

_FORM = re.compile(r"[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][1-9A-Z]Z[0-9A-Z]")
_CHECK_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class InvalidGstin(ValueError):
    """No GSTIN: its form, its State, its PAN or its check character is wrong."""


def parse(text: str) -> tuple[str, str]:
    """The GSTIN in its standard form, and the code of its State. Raises InvalidGstin."""
    number = text.replace(" ", "").replace("-", "").upper()
    state = regions.state_of_gst_number(number[:2])
    if state is None or not _FORM.fullmatch(number):
        raise InvalidGstin
    try:
        pan.validate(number[2:12])
        luhn.validate(number, _CHECK_ALPHABET)
    except ValidationError as error:
        raise InvalidGstin from error
    return number, state
