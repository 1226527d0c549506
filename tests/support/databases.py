"""One PostgreSQL for the whole test run, and as many databases on it as tests want.

The server is the embedded one, without durability. A template database is migrated and filled with
the demo data once; every further database is a copy of it, made in a moment. With
MATRICULA_TEST_SERVER_URL set, another server is used instead (any role that may create databases).
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from django.conf import settings
from django.db import connections
from psycopg.conninfo import conninfo_to_dict

from matricula.runtime.embedded import EmbeddedPostgres
from tests.support.ports import free_pair

SERVER = "MATRICULA_TEST_SERVER_URL"
HOME = "MATRICULA_HOME"
TEMPLATE = "matricula_template"
_FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "600",
    "autovacuum_naptime": "5s",
    # Databases are dropped under their users here, and the last words belong to pytest.
    "log_min_messages": "panic",
}
# Tests undo what they did, which leaves their tables with empty ends. Autovacuum cuts these off
# under a lock that shuts everybody out; on a busy machine a test has waited for it in vain.
_KEEP_EMPTY_ENDS = """
    DO $$ DECLARE name text; BEGIN
      FOR name IN SELECT oid::regclass FROM pg_class
                   WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
        EXECUTE format('ALTER TABLE %s SET (vacuum_truncate = off)', name);
      END LOOP;
    END $$
"""
_PREPARE = (
    "import django; django.setup();"
    "from matricula.kernel.schema import migrate; migrate();"
    "from matricula import demo; demo.load()"
)


class TestServer:
    """The server of this test run; the process that starts it also stops it."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="matricula-tests-"))
        self._folder.chmod(0o755)
        self._postgres: EmbeddedPostgres | None = None

    def start(self) -> None:
        if SERVER not in os.environ:
            self._postgres = EmbeddedPostgres(self._folder / "postgres", settings=_FAST)
            self._postgres.start()
            os.environ[SERVER] = self._postgres.url
        os.environ[HOME] = str(self._folder / "home")
        _drop(TEMPLATE)
        _create(TEMPLATE, "template1")
        environ = {**os.environ, **site_environment(url_of(TEMPLATE))}
        subprocess.run([sys.executable, "-c", _PREPARE], check=True, env=environ)
        _run(_KEEP_EMPTY_ENDS, TEMPLATE)

    def stop(self) -> None:
        if self._postgres is not None:
            self._postgres.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


# The gateway sandbox of this process, if a test starts one, listens beside it.
_PORT = str(free_pair())


def site_environment(database_url: str) -> dict[str, str]:
    """The settings every test process runs with."""
    return {
        "DATABASE_URL": database_url,
        "DJANGO_SETTINGS_MODULE": "matricula.config.settings",
        "MATRICULA_DEMO": "1",
        "MATRICULA_LIMITS": "off",
        "MATRICULA_METRICS_TOKEN": "metrics-token-of-the-tests",
        HOME: os.environ[HOME],
        "PORT": _PORT,
    }


def lead_django_to(url: str) -> None:
    """Has Django's connections of this process lead to the database, whatever its settings say.
    Two processes in one database would wait for each other's undone rows."""
    parts = conninfo_to_dict(url)
    connections["default"].close()
    connections["default"].settings_dict["NAME"] = parts["dbname"]
    settings.DATABASE_ADDRESS = settings.DATABASE_DIRECT_ADDRESS = url


def url_of(name: str) -> str:
    """The address of a database on the test server."""
    parts = urlsplit(os.environ[SERVER])
    return urlunsplit(parts._replace(path=f"/{name}"))


def new_database() -> str:
    """The address of a new copy of the template, for the whole run."""
    name = f"matricula_{secrets.token_hex(6)}"
    _create(name, TEMPLATE)
    return url_of(name)


@contextmanager
def fresh_database() -> Iterator[str]:
    """The address of a new copy of the template, dropped at the end."""
    url = new_database()
    try:
        yield url
    finally:
        _drop(urlsplit(url).path.removeprefix("/"))


def _create(name: str, template: str) -> None:
    _run(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')


def _drop(name: str) -> None:
    _run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _run(statement: str, database: str = "postgres") -> None:
    with psycopg.connect(url_of(database), autocommit=True) as connection:
        connection.execute(statement)
