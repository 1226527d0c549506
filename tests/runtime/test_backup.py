"""Backup and restore."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from matricula.runtime.backup import BackupError, back_up, is_empty, restore
from matricula.runtime.embedded import EmbeddedPostgres


def run(server: EmbeddedPostgres, statement: str) -> None:
    with psycopg.connect(server.url) as connection:
        connection.execute(statement)


def answers(server: EmbeddedPostgres) -> list[int]:
    with psycopg.connect(server.url) as connection:
        return [row[0] for row in connection.execute("SELECT answer FROM kept ORDER BY 1")]


def test_a_restored_backup_holds_what_was_there(server: EmbeddedPostgres, tmp_path: Path) -> None:
    run(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    size = back_up(server.url, tmp_path / "kept.dump")
    assert (tmp_path / "kept.dump").stat().st_size == size
    assert (tmp_path / "kept.dump").stat().st_mode & 0o777 == 0o600
    run(server, "INSERT INTO kept VALUES (43)")
    restore(server.url, tmp_path / "kept.dump")
    assert answers(server) == [42]


def test_after_a_restore_the_next_start_sets_up(server: EmbeddedPostgres, tmp_path: Path) -> None:
    """Also after that of a backup from before there were marks."""
    back_up(server.url, tmp_path / "old.backup")
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kernel_setupmark (mark text, functions text)")
        connection.execute("INSERT INTO kernel_setupmark VALUES ('of today', '')")
    restore(server.url, tmp_path / "old.backup")
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT * FROM kernel_setupmark").fetchall() == []


def test_a_failed_backup_leaves_the_older_one(server: EmbeddedPostgres, tmp_path: Path) -> None:
    target = tmp_path / "kept.dump"
    target.write_bytes(b"older")
    missing = server.url.replace("/matricula?", "/missing?")
    with pytest.raises(BackupError, match="does not exist"):
        back_up(missing, target)
    assert target.read_bytes() == b"older"
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []


def test_a_file_that_is_no_backup_changes_nothing(server: EmbeddedPostgres, tmp_path: Path) -> None:
    run(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    (tmp_path / "kept.dump").write_bytes(b"no dump at all")
    with pytest.raises(BackupError, match="pg_restore failed"):
        restore(server.url, tmp_path / "kept.dump")
    assert answers(server) == [42]


def test_a_database_is_empty_until_it_has_a_table(server: EmbeddedPostgres) -> None:
    assert is_empty(server.url)
    run(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    assert not is_empty(server.url)
