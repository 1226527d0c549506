"""The configured database, for the commands that run once and end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from matricula.config import environment as settings
from matricula.config.environment import Environment
from matricula.config.reading import SettingError
from matricula.runtime.embedded import EmbeddedPostgres
from matricula.runtime.serving import database_dir

OLDEST_VERSION = 15
_DEMO_MARK = "demo"  # file in MATRICULA_HOME: this home holds a demo installation


@contextmanager
def configured_database() -> Iterator[Environment]:
    """The environment, with DATABASE_URL set to a server that answers.

    Without DATABASE_URL that is the embedded server: one that runs already, or our own until
    the end of the block. Raises SettingError or StartError when there is no usable database.
    """
    follow_demo_mark()
    environment = settings.load(os.environ)
    if environment.database_url:
        check_server(environment.database_url)
        yield environment
        return
    with EmbeddedPostgres(database_dir(environment)) as server:
        os.environ["DATABASE_URL"] = server.url
        try:
            yield environment
        finally:
            del os.environ["DATABASE_URL"]


def check_server(url: str) -> None:
    """Raises SettingError, naming DATABASE_URL, unless a new enough server answers there."""
    import psycopg  # not every command needs it

    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            version = connection.info.server_version // 10_000
    except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
        reason = " ".join(str(error).split())
        raise SettingError(
            "DATABASE_URL", f"leads nowhere ({reason})", "start that server or mend the address"
        ) from error
    if version < OLDEST_VERSION:
        raise SettingError(
            "DATABASE_URL",
            f"leads to PostgreSQL {version}",
            f"give a server of version {OLDEST_VERSION} or newer",
        )


def mark_demo(environment: Environment) -> None:
    """Leaves word in MATRICULA_HOME whether this is a demo, for later commands."""
    mark = environment.home / _DEMO_MARK
    try:
        if environment.demo:
            environment.home.mkdir(parents=True, exist_ok=True)
            mark.touch()
        else:
            mark.unlink(missing_ok=True)
    except OSError as error:
        raise SettingError(
            "MATRICULA_HOME",
            f"({environment.home}) cannot be used: {error.strerror}",
            "point it to a folder this user may write",
        ) from error


def follow_demo_mark() -> None:
    """Has a command that is run beside `make serve` use the same mode, unless it is told one.

    A secret key of its own marks a real installation, which must not slip into demo mode.
    """
    told = os.environ.get("MATRICULA_DEMO") or os.environ.get("MATRICULA_SECRET_KEY")
    home = Path(os.environ.get("MATRICULA_HOME") or "./var")
    if not told and (home / _DEMO_MARK).exists():
        os.environ["MATRICULA_DEMO"] = "1"
