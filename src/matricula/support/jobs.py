"""Jobs of support."""

from __future__ import annotations

from matricula.kernel.regularly import regularly
from matricula.support import actions


@regularly("41 4 * * *")
def forget_old_conversations() -> int:
    """Every night: conversations closed two years ago are deleted."""
    return actions.forget_old()
