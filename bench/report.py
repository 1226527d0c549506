"""Figures and how they are shown: a table to read, a JSON file to keep."""

from __future__ import annotations

import json
import statistics
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench import machine, plot
from bench.installation import ROOT

RESULTS = Path(__file__).parent / "results"
COLUMNS = ("figure", "measured", "limit", "ratio", "to reach", "")


@dataclass(frozen=True)
class Target:
    """What is to be reached: by the ratio to the limit, or by the value itself."""

    bound: float
    of_ratio: bool = False
    at_most: bool = False


@dataclass(frozen=True)
class Figure:
    """One measured figure: the median of its rounds, beside the median of its limit's."""

    name: str
    unit: str
    rounds: Sequence[float]
    limit: str = ""
    limit_rounds: Sequence[float] = ()
    target: Target | None = None
    notes: Mapping[str, float | str] = field(default_factory=dict)

    @property
    def value(self) -> float:
        return statistics.median(self.rounds)

    @property
    def limit_value(self) -> float | None:
        return statistics.median(self.limit_rounds) if self.limit_rounds else None

    @property
    def ratio(self) -> float | None:
        """The median of the rounds' own ratios: neighbours in time suffer the same noise."""
        if not self.limit_rounds:
            return None
        pairs = zip(self.rounds, self.limit_rounds, strict=True)
        return statistics.median(value / limit for value, limit in pairs)

    @property
    def is_reached(self) -> bool | None:
        if self.target is None:
            return None
        value = self.ratio if self.target.of_ratio else self.value
        if value is None:
            return None
        return value <= self.target.bound if self.target.at_most else value >= self.target.bound


def interleaved(
    rounds: int, contenders: Mapping[str, Callable[[], float]]
) -> dict[str, list[float]]:
    """Runs each contender once a round, one after the other; every round turns the order."""
    figures: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds):
        names = list(contenders) if number % 2 == 0 else list(contenders)[::-1]
        for name in names:
            figures[name].append(contenders[name]())
    return figures


def table(figures: Sequence[Figure]) -> str:
    """The figures as lines of text."""
    rows = [COLUMNS, *map(_row, figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _row(figure: Figure) -> tuple[str, ...]:
    target, reached = figure.target, figure.is_reached
    wanted = ""
    if target is not None:
        sign = "≤" if target.at_most else "≥"
        unit = "x" if target.of_ratio else figure.unit
        wanted = f"{sign} {target.bound:g} {unit}"
    return (
        figure.name,
        _amount(figure.value, figure.unit),
        "" if figure.limit_value is None else _amount(figure.limit_value, figure.unit),
        "" if figure.ratio is None else f"{figure.ratio:.2f}",
        wanted,
        "" if reached is None else "reached" if reached else "missed",
    )


def _amount(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:,.1f} {unit}"


def keep(name: str, settings: Mapping[str, float], figures: Sequence[Figure]) -> Path:
    """Writes the figures of one benchmark to its file in `results`."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    content = {
        "benchmark": name,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine.describe(),
        "settings": dict(settings),
        "figures": [
            {
                **asdict(figure),
                "value": round(figure.value, 2),
                "limit_value": figure.limit_value,
                "ratio": None if figure.ratio is None else round(figure.ratio, 3),
                "is_reached": figure.is_reached,
            }
            for figure in figures
        ],
    }
    path.write_text(json.dumps(content, indent=2, default=float) + "\n")
    plot.draw(RESULTS)
    return path


def commit() -> str:
    """The commit that was measured, marked when files of `src` differ from it."""
    try:
        name = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--", "src", "requirements")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{name} with changes" if changed else name


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
