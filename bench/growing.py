"""P8: the same figures while the database grows."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg

from bench import enrolling, filling, pages
from bench.installation import MATRICULA, Site
from bench.report import Figure, Target
from bench.settings import Settings

GROW = Path(__file__).parent / "sql" / "grow.sql"
AT_ONCE = 250_000
_STOCK = "CREATE TABLE IF NOT EXISTS bench_stock (n integer PRIMARY KEY, id uuid NOT NULL)"
FLAT = 0.8


def growth(site: Site, settings: Settings) -> Sequence[Figure]:
    """P1, the course page and the doctor at each size; the smallest is the limit of the others."""
    rates: dict[int, list[float]] = {}
    page_rates: dict[int, list[float]] = {}
    doctors: dict[int, float] = {}
    grown = 0
    for size in settings.sizes:
        grown = _grow(site, grown, size)
        ask = pages.asking(site, settings, pages.COURSE, "")
        rates[size], page_rates[size] = [], []
        for _ in range(settings.rounds):
            rates[size].append(enrolling.enroll(site, settings, filling.HOT).per_second)
            page_rates[size].append(ask())
        doctors[size] = _examine(site)
    first = settings.sizes[0]
    figures = []
    for size in settings.sizes:
        for name, measured in (("enrollments", rates), ("course page", page_rates)):
            figures.append(
                Figure(
                    f"P8 {name} at {size:,}",
                    "/s",
                    measured[size],
                    limit=f"the same at {first:,}",
                    limit_rounds=measured[first],
                    target=Target(FLAT, of_ratio=True),
                )
            )
        notes: dict[str, float | str] = {"microseconds_each": round(doctors[size] / size * 1e6, 2)}
        figures.append(Figure(f"P8 doctor at {size:,}", "s", [doctors[size]], notes=notes))
    return figures


def _grow(site: Site, have: int, size: int) -> int:
    """Brings the number of old enrollments up to `size`, on all cores."""
    with psycopg.connect(site.database_url, autocommit=True) as database:
        database.execute("SET statement_timeout = 0")
        database.execute(_STOCK)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            parts = range(have, size, AT_ONCE)
            list(pool.map(lambda first: _add(site, first, min(first + AT_ONCE, size)), parts))
        database.execute("VACUUM ANALYZE")
        database.execute("CHECKPOINT")
    return size


def _add(site: Site, first: int, last: int) -> None:
    statements = GROW.read_text().replace("{first}", str(first)).replace("{last}", str(last))
    with psycopg.connect(site.database_url) as database:
        database.execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")
        database.execute(statements.encode())


def _examine(site: Site) -> float:
    """Seconds that the doctor takes over and above starting up, with nothing owed any more."""
    with site.worked_off():
        begun = time.monotonic()
        site.examine()
        took = time.monotonic() - begun
    begun = time.monotonic()
    subprocess.run([MATRICULA, "version"], env=site.environ, capture_output=True, check=True)
    return max(0.001, took - (time.monotonic() - begun))
