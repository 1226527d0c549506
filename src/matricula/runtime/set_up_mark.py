"""What a database was last set up for, so that a start that changes nothing need not look through
migrations, functions and demo data again: that takes as long as a web process takes to start.

The mark is a digest of everything it depends on. Whoever migrates takes it away
(`kernel/schema.py`), and only a set-up that went through to its end puts it back. Plain psycopg:
importing Django is most of what is to be spared.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import distributions
from pathlib import Path

import psycopg
from psycopg import errors

import matricula
from matricula.config.environment import Environment

_PACKAGE = Path(matricula.__file__).parent
_KINDS = {".py", ".sql"}


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
    """Whether the database bears this mark."""
    with psycopg.connect(database_url) as connection:
        try:
            row = connection.execute("SELECT mark FROM kernel_setupmark").fetchone()
        except errors.UndefinedTable:
            return False
    return row == (mark,)


def put(database_url: str, mark: str) -> None:
    """Notes that the set-up of this mark is done."""
    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM kernel_setupmark")
        connection.execute("INSERT INTO kernel_setupmark (mark) VALUES (%s)", [mark])
