"""What can go wrong while starting, put so that an operator can act on it."""

from __future__ import annotations


class StartError(Exception):
    """Something could not start, or had to stop; `str()` is the one line shown to the operator."""
