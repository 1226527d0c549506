"""Parses mail that strangers sent, in time that grows with its length only.

The standard library's parser needs the limits below: its work grows with the square of a header
field's length and with the number of nested parts times the number of lines.
"""

from __future__ import annotations

import email
from email import policy
from email.message import Message

MAX_BYTES = 256 * 1024
"""Of a longer mail the beginning is read: the text stands there, files follow."""
MAX_HEAD_BYTES = 64 * 1024
MAX_FIELD_LETTERS = 4096
_MAX_MULTIPARTS = 20


class _ShortFields(policy.Compat32):
    """Reads a header field that is too long as empty. Cut off, a From of two would look like a
    From of one."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value if len(value) <= MAX_FIELD_LETTERS else ""


_POLICY = _ShortFields()


def read_head(raw: bytes) -> Message:
    """The header fields alone; none of them when they are longer than `MAX_HEAD_BYTES`."""
    start = raw[:MAX_HEAD_BYTES]
    ends = [at for at in (start.find(b"\n\n"), start.find(b"\r\n\r\n")) if at >= 0]
    if not ends and len(raw) > MAX_HEAD_BYTES:
        return Message()
    # The body stays unparsed, so a multipart head needs no boundary search.
    head = start[: min(ends)] if ends else start
    return email.message_from_bytes(head + b"\n\n", policy=_POLICY)


def read_whole(raw: bytes) -> Message | None:
    """The mail with its parts, up to `MAX_BYTES`; None when its parts are nested beyond reason."""
    start = raw[:MAX_BYTES]
    if start.lower().count(b"multipart/") > _MAX_MULTIPARTS:
        return None
    try:
        return email.message_from_bytes(start, policy=_POLICY)
    except RecursionError:
        return None
