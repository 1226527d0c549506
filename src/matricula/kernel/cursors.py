"""Places in lists, as opaque text that is only for giving back. Pure."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from matricula.kernel.errors import NotFound
from matricula.kernel.words import said

# What the API takes. The longest we make holds a title of 150 letters, of at most six bytes each in
# JSON, and an id: 1,264 letters of base64.
LONGEST = 1_500


def make(*values: str | int) -> str:
    """The place after these values. Raises ValueError when the API would refuse it for its length:
    what sorts a list has to be bounded."""
    written = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    cursor = base64.urlsafe_b64encode(written.encode(errors="surrogatepass")).decode().rstrip("=")
    if len(cursor) > LONGEST:
        raise ValueError(f"a cursor of {len(cursor)} letters")
    return cursor


def read(cursor: str, *types: type) -> list[Any]:
    """The values inside a cursor. Raises NotFound when we never made it."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        values = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise NotFound(said("There is no such page.")) from error
    if (
        not isinstance(values, list)
        or [type(value) for value in values] != list(types)
        or any(isinstance(value, int) and not 0 <= value < 2**31 for value in values)
        or any(isinstance(value, str) and not _is_storable(value) for value in values)
    ):
        raise NotFound(said("There is no such page."))
    return values


def _is_storable(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
