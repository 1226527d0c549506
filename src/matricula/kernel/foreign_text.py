"""Text that comes from other systems."""

from __future__ import annotations


def storable(text: str, longest: int) -> str:
    """The text without what PostgreSQL and UTF-8 cannot hold (NUL, halves of surrogate pairs, which
    JSON can spell), cut to so many characters."""
    cleaned = text.replace("\x00", "").encode("utf-8", "ignore").decode()
    return cleaned[:longest]
