"""P10: how long a start takes, and how much memory an idle installation holds."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from bench.installation import MATRICULA, ROOT, BenchError, free_pair, site_environment, stop
from bench.report import Figure, Target
from bench.settings import Settings

READY = "Matricula is ready"
PARTS = ("Makefile", "pyproject.toml", "README.md", "requirements", "sandbox", "scripts", "src")
_WITHOUT = ("DATABASE_URL", "DJANGO_SETTINGS_MODULE", "VIRTUAL_ENV", "MATRICULA_LIMITS")


def starting(settings: Settings) -> Sequence[Figure]:
    """P10: `make serve` in a fresh copy, then starts of an installation with an empty home and with
    the one that left behind; memory is read after some idle seconds.
    """
    fresh, first, again, memory = [], [], [], []
    for number in range(settings.rounds):
        with tempfile.TemporaryDirectory(prefix="matricula-bench-") as folder:
            home = Path(folder) / "home"
            Path(folder).chmod(0o755)
            if number == 0:  # it installs every package, so once is enough
                fresh.append(_fresh_copy(Path(folder) / "copy"))
            with _serving([MATRICULA, "serve"], home, ROOT) as (seconds, _):
                first.append(seconds)
            with _serving([MATRICULA, "serve"], home, ROOT) as (seconds, pid):
                again.append(seconds)
                time.sleep(settings.idle)
                memory.append(memory_of(pid) / 1e6)
    notes: dict[str, float | str] = {"idle_seconds": settings.idle, "memory": "sum of PSS"}
    return [
        Figure("P10 make serve, fresh copy", "s", fresh, target=Target(60, at_most=True)),
        Figure("P10 first start, empty home", "s", first),
        Figure("P10 restart", "s", again, target=Target(5, at_most=True)),
        Figure("P10 idle memory", "MB", memory, target=Target(400, at_most=True), notes=notes),
    ]


def memory_of(pid: int) -> int:
    """Bytes that the process and all below it hold, shared pages counted once in all."""
    top = psutil.Process(pid)
    total = 0
    for process in [top, *top.children(recursive=True)]:
        rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
        line = next(line for line in rollup.splitlines() if line.startswith("Pss:"))
        total += int(line.split()[1]) * 1024
    return total


def _fresh_copy(folder: Path) -> float:
    """Seconds from `make serve` in a copy without an environment to its last line of start-up."""
    folder.mkdir()
    for name in PARTS:
        source = ROOT / name
        if source.is_dir():
            leave = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(source, folder / name, ignore=leave)
        elif source.exists():
            shutil.copy(source, folder / name)
    with _serving(["make", "serve"], folder / "var", folder) as (seconds, _):
        return seconds


@contextmanager
def _serving(argv: list[str], home: Path, folder: Path) -> Iterator[tuple[float, int]]:
    """Starts it, and yields how many seconds it took to be ready, and its process id."""
    environ = site_environment(home, free_pair())
    for name in _WITHOUT:
        environ.pop(name, None)
    environ["PATH"] = os.defpath if argv[0] == "make" else environ.get("PATH", os.defpath)
    began = time.monotonic()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            argv, env=environ, cwd=folder, stdout=subprocess.PIPE, stderr=errors
        )
        try:
            for line in process.stdout or ():
                if line.strip() == READY.encode():
                    break
            else:
                errors.seek(0)
                raise BenchError(f"it did not start: {errors.read()[-1000:]!r}")
            yield time.monotonic() - began, process.pid
        finally:
            stop(process)
