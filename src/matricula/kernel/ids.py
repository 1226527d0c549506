"""Ids: UUIDv7 in the database, TypeID text outside (https://github.com/jetify-com/typeid).

Version 7 sorts by time, so that new rows land together in an index. It is made in Python (or by
`new_uuid7()` of `kernel/sql`), since PostgreSQL has its own only from version 18 on.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import uuid_utils.compat
from typeid.codecs.base32 import decode as _decode_base32
from typeid.codecs.base32 import encode as _encode_base32

from matricula.kernel.errors import NotFound

Prefix = Literal[
    "usr",
    "crs",
    "coh",
    "enr",
    "hld",
    "evt",
    "ord",
    "pay",
    "rfd",
    "inv",
    "cpn",
    "whk",
    "dsp",
    "tsk",
    "sup",
    "wtl",
    "off",
    "dlv",
]

_SUFFIX_LENGTH = 26


def new_id() -> UUID:
    """A new UUIDv7."""
    return uuid_utils.compat.uuid7()


def to_text(prefix: Prefix, value: UUID) -> str:
    """The TypeID of `value`, like `enr_01h455vb4pex5vsknk084sn02q`."""
    return f"{prefix}_{_encode_base32(value.bytes)}"


def from_text(prefix: Prefix, text: str) -> UUID:
    """The UUID inside a TypeID.

    Raises NotFound for any text that is not a TypeID of this kind: to the outside a malformed id
    and a foreign one look the same.
    """
    found, _, suffix = text.partition("_")
    if found != prefix or len(suffix) != _SUFFIX_LENGTH or not suffix.isascii():
        raise NotFound
    try:
        value = UUID(bytes=_decode_base32(suffix))
    except RuntimeError as error:  # what the codec raises for a foreign character
        raise NotFound from error
    if to_text(prefix, value) != text:
        raise NotFound
    return value
