"""How many random histories are run."""

from __future__ import annotations

import os


def histories(in_the_suite: int) -> int:
    """A few in the suite; `MATRICULA_HISTORIES` (`make histories`) where it is set."""
    return int(os.environ.get("MATRICULA_HISTORIES", in_the_suite))
