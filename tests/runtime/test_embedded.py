"""The embedded database: start, stop, adopt, survive."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from matricula.runtime import cluster
from matricula.runtime.embedded import EmbeddedPostgres
from matricula.runtime.errors import StartError

from .conftest import QUICK, is_gone, wait_until


def value(server: EmbeddedPostgres, query: str) -> object:
    """The single value that `query` returns."""
    with psycopg.connect(server.url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def pid_of(server: EmbeddedPostgres) -> int:
    found = cluster.read_pid_file(server.data_dir)
    assert found is not None
    return found.pid


def test_a_new_server_has_the_database_and_orders_text_by_code_point(
    server: EmbeddedPostgres,
) -> None:
    assert value(server, "SELECT current_database()") == "matricula"
    assert value(server, "SELECT 'Z' < 'a' AND upper('é') = 'É'") is True


def test_the_server_does_not_listen_on_tcp(server: EmbeddedPostgres) -> None:
    assert value(server, "SHOW listen_addresses") == ""


def test_it_is_durable_unless_told_otherwise(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "postgres") as server:
        assert value(server, "SHOW fsync") == "on"
        assert value(server, "SHOW synchronous_commit") == "on"


def test_stopping_leaves_no_process(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "postgres", settings=QUICK) as server:
        pid = pid_of(server)
    assert is_gone(pid)


def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    with (
        EmbeddedPostgres(tmp_path / "postgres", settings=QUICK) as server,
        psycopg.connect(server.url) as connection,
    ):
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    with EmbeddedPostgres(tmp_path / "postgres", settings=QUICK) as server:
        assert value(server, "SELECT answer FROM kept") == 42


def test_a_running_server_is_adopted_and_left_running(server: EmbeddedPostgres) -> None:
    pid = pid_of(server)
    with EmbeddedPostgres(server.data_dir) as second:
        assert second.adopted
        assert second.url == server.url
        assert value(second, "SELECT 1") == 1
    assert not is_gone(pid)


def test_it_starts_again_after_kill_9(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres", settings=QUICK)
    server.start()
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    child = server._child
    assert isinstance(child, subprocess.Popen)
    child.kill()
    child.wait()
    with EmbeddedPostgres(tmp_path / "postgres", settings=QUICK) as second:
        assert not second.adopted
        assert value(second, "SELECT answer FROM kept") == 42


def test_a_pid_file_whose_pid_another_program_has_by_now_does_not_stop_it(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres", settings=QUICK)
    server.start()
    left_over = (server.data_dir / "postmaster.pid").read_text()
    server.stop()
    with subprocess.Popen(["sleep", "60"]) as stranger:
        _, rest = left_over.split("\n", 1)
        (server.data_dir / "postmaster.pid").write_text(f"{stranger.pid}\n{rest}")
        with server:
            assert not server.adopted
        stranger.kill()


@pytest.mark.parametrize("folder", ["with space, and comma", "x" * 120])
def test_a_path_unfit_for_a_socket_gets_a_short_private_one(tmp_path: Path, folder: str) -> None:
    with EmbeddedPostgres(tmp_path / folder / "postgres", settings=QUICK) as server:
        assert value(server, "SELECT 1") == 1
        socket_dir = Path(str(value(server, "SHOW unix_socket_directories")))
    assert socket_dir != server.data_dir
    assert socket_dir.stat().st_mode & 0o777 == 0o700
    socket_dir.rmdir()


def test_a_cluster_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("16\n")
    with pytest.raises(StartError, match="made by PostgreSQL 16"):
        EmbeddedPostgres(tmp_path / "postgres").prepare()


def test_an_initialisation_cut_short_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "postgres.new").mkdir()
    (tmp_path / "postgres.new" / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(tmp_path / "postgres", settings=QUICK) as server:
        assert value(server, "SELECT 1") == 1
    assert not (tmp_path / "postgres.new").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's death signal is Linux's")
def test_it_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys, time\n"
        "from matricula.runtime.embedded import EmbeddedPostgres\n"
        f"server = EmbeddedPostgres(pathlib.Path(sys.argv[1]), settings={QUICK!r})\n"
        "server.start()\n"
        "print('started', flush=True)\n"
        "time.sleep(60)\n"
    )
    data_dir = tmp_path / "postgres"
    argv = [sys.executable, "-c", program, str(data_dir)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "started\n"
        found = cluster.read_pid_file(data_dir)
        assert found is not None
        os.kill(starter.pid, signal.SIGKILL)
    wait_until(lambda: is_gone(found.pid))
