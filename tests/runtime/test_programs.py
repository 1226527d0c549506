"""What the supervisor imports for all, and hands on to its copies."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import clean_environ

# A database that is not there: whoever asked for it would fail.
_NOWHERE = "postgresql:///matricula?host=/nonexistent"
_LOAD = """
import os, socket, stat, sys, threading

def sockets():
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            if stat.S_ISSOCK(os.stat(f"/proc/self/fd/{name}").st_mode):
                found.add(name)
        except FileNotFoundError:  # the one that listed them
            pass
    return found

before = sockets()
from matricula import programs
programs.load()
from django.db import connections
print(threading.active_count(), sockets() - before, connections["default"].connection,
      {"matricula.worker", "matricula.config.asgi", "matricula.edges.web.urls"} <= set(sys.modules))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_loading_starts_no_thread_and_opens_no_connection(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LOAD],
        env=clean_environ(MATRICULA_DEMO="1", MATRICULA_HOME=str(tmp_path), DATABASE_URL=_NOWHERE),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "1 set() None True\n"
