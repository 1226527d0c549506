"""What the dispatcher's notice says: whom a batch of events is about, so that live processes read
only what somebody there watches.

PostgreSQL bounds a notice to 7,999 bytes, so an id is written in 22 characters (base64), and a
batch may need a few notices. `sql/notices.sql` writes them.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from uuid import UUID

CHANNEL = "matricula_events"
_WIDTH = 22
_PADDING = "=="


def read(notice: str) -> list[UUID] | None:
    """Whom the notice names; None when it cannot be understood (another version wrote it), and
    then it may be about anybody."""
    if not notice or len(notice) % _WIDTH:
        return None
    try:
        return [
            UUID(bytes=urlsafe_b64decode(notice[start : start + _WIDTH] + _PADDING))
            for start in range(0, len(notice), _WIDTH)
        ]
    except ValueError:
        return None
