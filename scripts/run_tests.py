"""Runs pytest, and tells noise from failure: `run_tests.py [pytest's arguments]`.

A test that failed runs once more, alone, in a process of its own. If it passes then, it is named as
`flaky: NAME` and the run is green; a flaky test is a defect to be mended all the same. If it fails
again, or so many fail that it cannot be noise, the run is red.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

MOST_RERUN = 20
TESTS_FAILED = 1  # pytest's exit code: it ran, and some tests failed
_ROOT = Path(__file__).resolve().parent.parent
_LAST_FAILED = _ROOT / ".pytest_cache" / "v" / "cache" / "lastfailed"


def main(arguments: list[str]) -> int:
    """The exit code of the run."""
    _LAST_FAILED.unlink(missing_ok=True)
    code = _pytest(arguments)
    failed = _failed() if code == TESTS_FAILED else []
    if not 0 < len(failed) <= MOST_RERUN:
        return code
    print(f"\nrunning {len(failed)} failed tests again, each alone", flush=True)
    still = [name for name in failed if _pytest(["-n0", name]) != 0]
    for name in failed:
        print(f"{'failed twice' if name in still else 'flaky'}: {name}")
    return TESTS_FAILED if still else 0


def _pytest(arguments: list[str]) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=_ROOT).returncode  # noqa: PLW1510 - its exit code is the answer


def _failed() -> list[str]:
    return sorted(json.loads(_LAST_FAILED.read_text())) if _LAST_FAILED.exists() else []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
