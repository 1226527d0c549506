"""Checks that every model change has its migration and that no migration would lock a busy table.

Runs over a short-lived embedded database; exits with 1 when something is wrong.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from pathlib import Path

from matricula.runtime.embedded import EmbeddedPostgres


def main() -> int:
    """The exit status of the first check that fails, or 0."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(
            DJANGO_SETTINGS_MODULE="matricula.config.settings",
            MATRICULA_DEMO="1",
            BIND="127.0.0.1",
            MATRICULA_HOME=folder,
        )
        with EmbeddedPostgres(Path(folder) / "postgres", settings={"fsync": "off"}) as server:
            os.environ["DATABASE_URL"] = server.url
            return _check()


def _check() -> int:
    # Here, because Django reads the environment that `main` sets.
    import django
    from django.apps import apps
    from django.core.management import call_command
    from django.db import connections
    from django.db.backends.postgresql.base import DatabaseWrapper
    from django_migration_linter import MigrationLinter

    django.setup()
    try:
        call_command("makemigrations", check=True, dry_run=True)
        ours = [app.label for app in apps.get_app_configs() if app.name.startswith("matricula.")]
        logging.getLogger("django_migration_linter").setLevel(logging.WARNING)
        linter = MigrationLinter(
            include_apps=ours,
            no_cache=True,
            quiet=["ok", "ignore"],
            ignore_initial_migrations=True,  # they make tables that nobody uses yet
        )
        linter.lint_all_migrations()
    except SystemExit as stopped:
        return int(stopped.code or 0)
    finally:
        for connection in connections.all():
            connection.close()
            if isinstance(connection, DatabaseWrapper):
                connection.close_pool()
    return 1 if linter.has_errors else 0


if __name__ == "__main__":
    sys.exit(main())
