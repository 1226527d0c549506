"""Histories are as long as they are: a busy machine needs minutes for what another does in one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

LONGEST = 0 if "MATRICULA_HISTORIES" in os.environ else 900  # seconds; 0: no limit


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.timeout(LONGEST))
