"""A start that changes nothing does not set up again; any other does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from pytest_django import DjangoDbBlocker

from matricula.kernel import schema
from matricula.runtime import set_up_mark
from matricula.support import roles
from tests.support.crowds import django_on
from tests.support.databases import site_environment


def set_up(url: str) -> None:
    """What `serve` runs before it answers."""
    subprocess.run(
        [sys.executable, "-c", "from matricula import programs; programs.set_up()"],
        env={**os.environ, **site_environment(url)},
        check=True,
    )


def has_role(url: str) -> bool:
    """Whether the role that a set-up brings along is there."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT 1 FROM auth_group WHERE name = %s", [roles.ROLE])
        return row.fetchone() is not None


def lose_role(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("DELETE FROM auth_group_permissions")
        connection.execute("DELETE FROM auth_group WHERE name = %s", [roles.ROLE])


def lose_function(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("DROP FUNCTION sell_seats")


def bear_another_mark(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE kernel_setupmark SET mark = 'of another release'")


@pytest.mark.parametrize("change", [bear_another_mark, lose_function, set_up_mark.forget])
def test_only_a_set_up_of_something_else_is_gone_through_again(
    fresh_database: str, change: Callable[[str], None]
) -> None:
    set_up(fresh_database)
    lose_role(fresh_database)
    set_up(fresh_database)
    assert not has_role(fresh_database)  # nothing was looked at
    change(fresh_database)
    set_up(fresh_database)
    assert has_role(fresh_database)


@pytest.fixture
def migrate(fresh_database: str, django_db_blocker: DjangoDbBlocker) -> Callable[[], str]:
    def run() -> str:
        with django_db_blocker.unblock(), django_on(fresh_database):
            return schema.migrate()

    return run


def test_whoever_migrates_takes_the_mark_away(
    fresh_database: str, migrate: Callable[[], str]
) -> None:
    set_up_mark.put(fresh_database, "ours", after=migrate())
    assert set_up_mark.stands(fresh_database, "ours")
    migrate()
    assert not set_up_mark.stands(fresh_database, "ours")


def test_a_set_up_during_which_another_has_migrated_leaves_no_mark(
    fresh_database: str, migrate: Callable[[], str]
) -> None:
    ours, theirs = migrate(), migrate()
    set_up_mark.put(fresh_database, "ours", after=ours)
    assert not set_up_mark.stands(fresh_database, "ours")
    set_up_mark.put(fresh_database, "theirs", after=theirs)
    assert set_up_mark.stands(fresh_database, "theirs")


def test_a_database_without_tables_bears_no_mark(fresh_database: str) -> None:
    with psycopg.connect(fresh_database) as connection:
        connection.execute("DROP TABLE kernel_setupmark")
    assert not set_up_mark.stands(fresh_database, "ours")
    set_up_mark.forget(fresh_database)  # is no error


def test_the_mark_depends_on_mode_code_and_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = settings.ENVIRONMENT
    usual = set_up_mark.of(environment)
    assert set_up_mark.of(environment) == usual
    other_mode = set_up_mark.of(replace(environment, demo=not environment.demo))
    monkeypatch.setattr(set_up_mark, "distributions", list)
    no_packages = set_up_mark.of(environment)
    monkeypatch.setattr(set_up_mark, "_PACKAGE", tmp_path)
    (tmp_path / "one.sql").write_text("SELECT 1")
    one = set_up_mark.of(environment)
    (tmp_path / "one.sql").write_text("SELECT 2")
    assert len({usual, other_mode, no_packages, one, set_up_mark.of(environment)}) == 5
