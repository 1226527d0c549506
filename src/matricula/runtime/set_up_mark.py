"""What a database was last set up for, so that a start that changes nothing need not look through
migrations, functions and demo data again: that takes as long as a web process takes to start.

The mark is a digest of what a set-up depends on, and of the functions it has installed. Whoever
migrates puts a mark of its own in its place (`kernel/schema.py`), and a set-up that went through to
its end replaces only that one. Plain psycopg: importing Django is most of what is to be spared.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection, errors

import matricula
from matricula.config.environment import Environment

_PACKAGE = Path(matricula.__file__).parent
_KINDS = {".py", ".sql"}
_FUNCTIONS = """
SELECT md5(string_agg(p.oid::regprocedure::text || p.prosrc, '' ORDER BY p.oid::regprocedure::text))
  FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
"""


def of(environment: Environment) -> str:
    """The mark of a set-up by this code, with these packages, in this mode."""
    digest = hashlib.sha256(b"demo" if environment.demo else b"")
    for installed in sorted({f"{one.name} {one.version}" for one in distributions()}):
        digest.update(installed.encode())
    for file in sorted(file for file in _PACKAGE.rglob("*") if file.suffix in _KINDS):
        digest.update(str(file.relative_to(_PACKAGE)).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def stands(database_url: str, mark: str) -> bool:
    """Whether the database was set up for this mark, and still has the functions it had then."""
    with psycopg.connect(database_url) as connection:
        functions = _functions(connection)
        try:
            row = connection.execute("SELECT mark, functions FROM kernel_setupmark").fetchone()
        except errors.UndefinedTable:
            return False
    return row == (mark, functions)


def put(database_url: str, mark: str, after: str) -> None:
    """Notes that the set-up of this mark is done: unless somebody has migrated since the migration
    that left the mark `after`."""
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE kernel_setupmark SET mark = %s, functions = %s WHERE mark = %s",
            [mark, _functions(connection), after],
        )


def _functions(connection: Connection[Any]) -> str:
    """A digest of the functions that the database has."""
    row = connection.execute(_FUNCTIONS).fetchone()
    return str(row[0]) if row else ""


def forget(database_url: str) -> None:
    """Has the next start set up again, whatever it finds."""
    with psycopg.connect(database_url) as connection, suppress(errors.UndefinedTable):
        connection.execute("DELETE FROM kernel_setupmark")
