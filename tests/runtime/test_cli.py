"""The command line: failures an operator can mend are one line."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import clean_environ

COMMANDS = [
    "serve",
    "web",
    "worker",
    "migrate",
    "demo",
    "doctor",
    "bounce",
    "create-staff",
    "backup",
    "restore",
    "version",
]


def matricula(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "matricula.cli", *arguments],
        env=clean_environ(**environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """What a failed command said, which must be one line."""
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    done = matricula(command, "--help")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) > 4


def test_help_does_not_load_django() -> None:
    program = (
        "import sys, matricula.cli\n"
        "assert not {'django', 'psycopg', 'uvicorn'} & set(sys.modules), 'slow imports'"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_missing_setting_is_named_in_one_line(tmp_path: Path) -> None:
    line = one_line(matricula("serve", MATRICULA_HOME=str(tmp_path)))
    assert line.startswith("MATRICULA_")
    assert "is not set" in line


def test_a_wrong_setting_is_named_in_one_line(tmp_path: Path) -> None:
    line = one_line(
        matricula("serve", MATRICULA_DEMO="1", BIND="192.0.2.1", MATRICULA_HOME=str(tmp_path))
    )
    assert line.startswith("BIND ")


def test_a_port_in_use_is_named_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = str(holder.getsockname()[1])
        line = one_line(
            matricula("serve", MATRICULA_DEMO="1", PORT=port, MATRICULA_HOME=str(tmp_path))
        )
    assert line.startswith(f"PORT is {port}, which another program")
    assert not (tmp_path / "postgres").exists()


def test_a_database_that_does_not_answer_is_named_in_one_line(tmp_path: Path) -> None:
    line = one_line(
        matricula(
            "serve",
            MATRICULA_DEMO="1",
            DATABASE_URL=f"postgresql:///matricula?host={tmp_path}",
            MATRICULA_HOME=str(tmp_path),
        )
    )
    assert line.startswith("DATABASE_URL leads nowhere")
