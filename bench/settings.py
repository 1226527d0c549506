"""How long and how much to measure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """`rounds` of `seconds` each; `people` who can enroll; `idle` seconds before memory is
    read; `streams` that are open at once."""

    rounds: int
    seconds: float
    people: int
    idle: float = 10.0
    streams: int = 10_000
