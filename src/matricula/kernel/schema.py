"""Brings a database up to date: tables by Django's migrations, functions from the `.sql` files.

A function has one text, in the room it belongs to, and is installed anew by each `migrate`. While
old and new processes run side by side both must work, so a function whose parameters change gets a
new name, and the old one goes a release later.
"""

from __future__ import annotations

import io
import secrets
import time
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

_MIGRATING = 7_236_490_115  # one migration at a time, whichever machine starts first
TURN_PAUSE = 0.1  # seconds
_PACKAGE = Path(__file__).resolve().parent.parent


def function_files() -> list[Path]:
    """Every `sql/*.sql`, lower rooms first, so that a function finds those it calls."""
    rooms = [
        app.removeprefix("matricula.").replace(".", "/")
        for app in settings.INSTALLED_APPS
        if app.startswith("matricula.")
    ]
    return [file for room in rooms for file in sorted((_PACKAGE / room / "sql").glob("*.sql"))]


def install_functions() -> None:
    """Creates or replaces every function and trigger of the `.sql` files, all or none."""
    with transaction.atomic(), connection.cursor() as cursor:
        for file in function_files():
            # Without parameters psycopg sends the text as it is, several statements at once.
            cursor.execute(file.read_text())


def migrate() -> str:
    """Applies what is missing. Safe to call at every start, and from several machines at once.

    Returns the mark it leaves in the database: of no set-up, and no other call's.
    """
    mark = f"migrated {secrets.token_hex(8)}"
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0; SET lock_timeout = 0")
        _wait_for_our_turn(cursor)
        try:
            # A table lock that does not come soon would queue everybody behind us: give up instead.
            cursor.execute("SET lock_timeout = '4s'")
            call_command("migrate", interactive=False, verbosity=0, stdout=io.StringIO())
            # Whatever the database was set up for before, what follows may undo it.
            cursor.execute("DELETE FROM kernel_setupmark")
            cursor.execute("INSERT INTO kernel_setupmark (mark) VALUES (%s)", [mark])
            call_command("createcachetable", verbosity=0)
            install_functions()
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_MIGRATING])
            cursor.execute("RESET statement_timeout; RESET lock_timeout")
    return mark


def _wait_for_our_turn(cursor: CursorWrapper) -> None:
    """Takes the lock of migrations. By asking again and again: one statement that waits holds a
    snapshot, for which an index that is made concurrently waits in turn."""
    while True:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_MIGRATING])
        if cursor.fetchone() == (True,):
            return
        time.sleep(TURN_PAUSE)
