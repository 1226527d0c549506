"""Dumps the database into a file and brings it back, with PostgreSQL's own programs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from matricula.runtime import cluster, set_up_mark
from matricula.runtime.errors import StartError

_OWN_TABLES = """
    SELECT count(*) FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
      AND n.nspname NOT LIKE 'pg_toast%'
"""


class BackupError(StartError):
    """A backup could not be made or brought back; `str()` says why, in one line."""


def back_up(url: str, target: Path) -> int:
    """Writes a backup of the database at `url` to `target` and returns its size in bytes.

    `target` appears complete and on disk, or not at all; an older file of that name stays until
    then. Raises BackupError.
    """
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        # Made first, so that nobody else can read it while it grows.
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        _run("pg_dump", url, ["--format=custom", f"--file={draft}"])
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        size = draft.stat().st_size
        draft.replace(target)
        _sync_folder(target.absolute().parent)
    except OSError as error:
        raise BackupError(f"{target} cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
    return size


def is_empty(url: str) -> bool:
    """Whether the database at `url` holds no tables."""
    with psycopg.connect(url) as connection:
        found = connection.execute(_OWN_TABLES).fetchone()
    return found is not None and found[0] == 0


def restore(url: str, source: Path) -> None:
    """Replaces what the database at `url` holds by the backup in `source`, wholly or not at all.

    Raises BackupError when the file is no backup or does not fit.
    """
    if not source.is_file():
        raise BackupError(f"{source} is not a file")
    _run("pg_restore", None, ["--list", str(source)])
    options = ["--clean", "--if-exists", "--single-transaction", "--no-owner", "--no-privileges"]
    _run("pg_restore", url, [*options, str(source)])
    set_up_mark.forget(url)  # a backup from before marks leaves the one that it finds


def _run(program: str, url: str | None, arguments: list[str]) -> None:
    environ = cluster.clean_environ()
    argv = [str(cluster.bin_path(program)), *arguments]
    if url is not None:
        address: dict[str, str] = {
            name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None
        }
        environ["PGPASSWORD"] = address.pop("password", "")  # an argument would show in `ps`
        argv += ["--no-password", f"--dbname={make_conninfo('', **address)}"]
        argv[0] = _program_for(program, url)
    done = _complete(argv, environ)
    if done.returncode != 0:
        reason = " ".join(done.stderr.split()) or f"exit status {done.returncode}"
        raise BackupError(f"{program} failed: {reason}")


def _program_for(program: str, url: str) -> str:
    """The bundled program, but where the server wants TLS, which that was built without."""
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            encrypted = connection.pgconn.ssl_in_use
    except psycopg.OperationalError as error:
        raise BackupError(" ".join(str(error).split())) from error
    if not encrypted:
        return str(cluster.bin_path(program))
    found = shutil.which(program)
    if found is None:
        raise BackupError(
            f"the connection uses TLS and {program} is not installed: install PostgreSQL's client"
        )
    return found


def _complete(argv: list[str], environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
