"""How long and how much to measure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """`rounds` of `seconds` each; `people` who can enroll; `idle` seconds before memory is
    read; `streams` that are open at once; the `sizes` that a database grows through."""

    rounds: int
    seconds: float
    people: int
    idle: float = 10.0
    streams: int = 10_000
    sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000)
