"""What the processes of an installation do, each on its own and beside the others.

Django and the rooms are imported inside the functions: `matricula serve` imports them in `load`,
once, and its processes are copies of what it is then.
"""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module

import click

from matricula.config.environment import Environment
from matricula.runtime.database import configured_database
from matricula.runtime.serving import Programs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "matricula.config.settings")


@contextmanager
def django_over_database() -> Iterator[Environment]:
    """Django, ready for use, over the configured database; raises as `configured_database`."""
    with configured_database() as environment:
        import django
        from django.db import connections
        from django.db.backends.postgresql.base import DatabaseWrapper

        django.setup()
        try:
            yield environment
        finally:
            for connection in connections.all():
                connection.close()
                if isinstance(connection, DatabaseWrapper):
                    connection.close_pool()


@cache
def load() -> None:
    """Imports all that the others need. Starts no thread and opens no connection: a copy of this
    process would have the memory of them without them."""
    import django

    django.setup()
    from django.conf import settings
    from django.template import engines
    from django.urls import get_resolver
    from django.utils.module_loading import import_string

    for name in ("matricula.worker", "matricula.config.asgi", "matricula.runtime.web"):
        import_module(name)
    for name in (settings.EMAIL_BACKEND, settings.ACCOUNT_ADAPTER):
        import_string(name)
    engines.all()  # with the libraries of their tags
    get_resolver().reverse_dict  # noqa: B018  # reads the whole table of addresses
    # A copy's collector need not walk all this, and so does not make the copies' memory differ.
    gc.collect()
    gc.freeze()


def set_up() -> None:
    """What comes before the first answer: migrations, roles and, at first in demo mode, demo data;
    nothing at all when the database was set up by this very code."""
    from matricula.runtime import set_up_mark

    with configured_database() as environment:
        mark = set_up_mark.of(environment)
        if not set_up_mark.stands(os.environ["DATABASE_URL"], mark):
            set_up_mark.put(os.environ["DATABASE_URL"], mark, after=_set_up())


def _set_up() -> str:
    """Returns the mark of its migration."""
    with django_over_database() as environment:
        from matricula import demo

        mark = migrate()
        if not environment.demo:
            for address in demo.close_accounts():
                click.echo(f"Closed the demo account {address}: its password is published")
        elif not demo.is_loaded():
            demo.load()
        return mark


def migrate() -> str:
    """Brings the database up to date, and the roles that Matricula brings along. Needs Django.

    Returns the mark that the migration has left (`kernel/schema.py`).
    """
    from matricula.kernel import schema
    from matricula.support.roles import ensure_role

    mark = schema.migrate()
    ensure_role()
    return mark


def worker() -> None:
    """Jobs, timers, the dispatcher of events; until a signal asks to stop."""
    with django_over_database():
        from matricula.worker import run

        run()


def web(listener: socket.socket, others: Sequence[socket.socket], environment: Environment) -> None:
    """The site and its API; until a signal asks to stop."""
    from matricula.runtime.web import run_web_process

    run_web_process(listener, others, environment)


PROGRAMS = Programs(load=load, set_up=set_up, worker=worker, web=web)
