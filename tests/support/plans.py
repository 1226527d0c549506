"""How the database finds rows: which indexes a statement used, also inside a function."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection


@dataclass
class Reads:
    """How often a table was read through from end to end, how many of its rows were read in all,
    and which of its indexes were used."""

    table_scans: int = 0
    rows: int = 0
    indexes: set[str] = field(default_factory=set)


@contextmanager
def reads_of(table: str) -> Iterator[Reads]:
    """Counts the reads of a table inside the block, within the present transaction."""
    reads = Reads()
    scans, rows, by_index = _counts(table)
    yield reads
    scans_now, rows_now, by_index_now = _counts(table)
    reads.table_scans, reads.rows = scans_now - scans, rows_now - rows
    reads.indexes = {name for name, seen in by_index_now.items() if seen > by_index.get(name, 0)}


@contextmanager
def plans(mode: str) -> Iterator[None]:
    """Has functions plan with the values at hand (`force_custom_plan`) or without them
    (`force_generic_plan`). Both happen: PostgreSQL changes over after five calls."""
    with connection.cursor() as cursor:
        cursor.execute("DISCARD PLANS")
        cursor.execute(f"SET LOCAL plan_cache_mode = {mode}")
        yield
        cursor.execute("SET LOCAL plan_cache_mode = auto")


@contextmanager
def without_triggers() -> Iterator[None]:
    """Rows in bulk, without the checks of foreign keys; only to fill a table."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield
        cursor.execute("SET LOCAL session_replication_role = origin")


def indexes_of_plan(statement: str, params: Any = None) -> set[str]:
    """The names of the indexes in the plan of the statement."""
    return set(re.findall(r"Index (?:Only )?Scan(?: using| on) (\w+)", explain(statement, params)))


def explain(statement: str, params: Any = None) -> str:
    """The plan of the statement, as text."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statement}", params)
        return "\n".join(row[0] for row in cursor.fetchall())


def _counts(table: str) -> tuple[int, int, dict[str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT seq_scan, seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables"
            " WHERE relname = %s",
            [table],
        )
        scans, rows = cursor.fetchone()
        cursor.execute(
            "SELECT c.relname, pg_stat_get_xact_numscans(c.oid) FROM pg_index i"
            " JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = %s::regclass",
            [table],
        )
        return scans, rows, dict(cursor.fetchall())
