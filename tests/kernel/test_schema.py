"""Migrations and functions: complete, repeatable, and in step with the models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import DjangoDbBlocker

from matricula.kernel import schema
from tests.support.crowds import all_at_once, django_on


@pytest.fixture
def address(fresh_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    with django_db_blocker.unblock(), django_on(fresh_database):
        yield fresh_database


def described() -> list[Any]:
    """Every table, function and trigger of ours, with its text."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 'function', proname, prosrc FROM pg_proc"
            " WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'"
            " UNION ALL SELECT 'trigger', tgname, pg_get_triggerdef(oid) FROM pg_trigger"
            " WHERE NOT tgisinternal"
            " UNION ALL SELECT 'table', relname, relkind::text FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace"
            " UNION ALL SELECT 'migration', app, name FROM django_migrations"
            " ORDER BY 1, 2, 3"
        )
        return list(cursor.fetchall())


def test_every_model_change_has_its_migration(db: None) -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_migrating_again_changes_nothing(address: str) -> None:
    before = described()
    schema.migrate()
    assert described() == before


def test_two_machines_can_migrate_at_once(address: str) -> None:
    before = described()
    marks = all_at_once(address, [schema.migrate] * 2)
    assert [type(mark) for mark in marks] == [str, str]
    assert described() == before


def test_installing_functions_brings_back_a_lost_one(address: str) -> None:
    before = described()
    with connection.cursor() as cursor:
        cursor.execute(
            "DROP FUNCTION sell_seats; DROP TRIGGER event_is_append_only ON kernel_event"
        )
    schema.install_functions()
    assert described() == before


def test_lower_rooms_come_first() -> None:
    rooms = [file.parent.parent.name for file in schema.function_files()]
    assert rooms.index("kernel") < rooms.index("seats") < rooms.index("flows")
