"""What the runtime's tests share. They need no Django and no database but their own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from matricula.runtime.embedded import EmbeddedPostgres

QUICK = {"fsync": "off", "shared_buffers": "16MB"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A running embedded database."""
    with EmbeddedPostgres(tmp_path / "postgres", settings=QUICK) as server:
        yield server


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Returns once `condition` holds; fails the test when it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    """Whether no process `pid` runs any more; one that nobody has waited for is gone too."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


def clean_environ(**changes: str) -> dict[str, str]:
    """Our environment without Matricula's settings, with `changes`."""
    ours = ("MATRICULA_", "DATABASE_URL", "BIND", "PORT", "WEB_WORKERS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, **changes}
