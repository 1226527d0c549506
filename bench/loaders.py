"""Runs the two load generators, ours over HTTP and pgbench, each as a process of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from bench.installation import ROOT, BenchError
from bench.load import Order, Outcome
from matricula.runtime import cluster

CLAIM = Path(__file__).parent / "sql" / "claim.sql"
_RATE = re.compile(r"tps = ([\d.]+) \(without")
_DONE = re.compile(r"actually processed: (\d+)")


def load(order: Order) -> Outcome:
    """Sends the order's requests and returns what came back."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        input=json.dumps(asdict(order)),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    if done.returncode != 0:
        raise BenchError(f"the load generator failed: {done.stderr[-2000:]}")
    return Outcome(**json.loads(done.stdout))


def expect_only(outcome: Outcome, status: str) -> int:
    """How many answers there were. Raises BenchError when one had another status."""
    if outcome.broken or set(outcome.answers) != {status}:
        raise BenchError(
            f"not every answer was {status}: {outcome.answers}, {outcome.broken} broken;"
            f" one of them:\n{outcome.unexpected}"
        )
    return outcome.answers[status]


def pgbench(
    url: str, script: Path, *, clients: int, seconds: float, variables: Mapping[str, int]
) -> tuple[float, int]:
    """Runs `script` over the database: transactions a second, and how many in all."""
    argv = [str(cluster.bin_path("pgbench")), "--no-vacuum", "--protocol=prepared"]
    argv += [f"--client={clients}", "--jobs=1", f"--time={max(1, round(seconds))}"]
    for name, value in {**variables, "i": 0, "clients": clients}.items():
        argv.append(f"--define={name}={value}")
    done = subprocess.run(
        [*argv, f"--file={script}", url],
        env=cluster.clean_environ(),
        capture_output=True,
        text=True,
        check=False,
    )
    rate, count = _RATE.search(done.stdout), _DONE.search(done.stdout)
    if done.returncode != 0 or rate is None or count is None:
        raise BenchError(f"pgbench failed: {done.stdout[-1000:]}{done.stderr[-1000:]}")
    return float(rate[1]), int(count[1])
