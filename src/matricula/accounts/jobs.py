"""Periodic work of this room."""

from __future__ import annotations

from matricula.accounts import tokens
from matricula.kernel.regularly import regularly


@regularly("17 3 * * *")
def forget_refresh_tokens() -> int:
    """Deletes refresh tokens past their life, once a night."""
    return tokens.forget_old()
