"""Starts child processes that cannot outlive us and that can say when they are ready.

Every child gets a process group of its own, so that Ctrl-C in a terminal reaches only the
supervisor, which then stops the children in order.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Protocol

from setproctitle import setproctitle

from matricula.config.reading import SettingError
from matricula.runtime.errors import StartError

# A copy of a process that has used Apple's frameworks, as Python does there, may crash.
if sys.platform == "linux":
    _CONTEXT = multiprocessing.get_context("fork")
else:
    _CONTEXT = multiprocessing.get_context("spawn")
COPIES = _CONTEXT.get_start_method() == "fork"  # of us, with what we have imported
_READY = b"ready"
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1  # from linux/prctl.h
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class Child(Protocol):
    """A process that is watched: our own, or one that was running before us."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None:
        """The exit status once it has ended (negative: the signal that ended it), else None."""

    def send_signal(self, sig: int) -> None: ...


@dataclass(frozen=True)
class Account:
    """The system account a child runs under."""

    uid: int
    gid: int


class Program:
    """A process of ours at work. It tells us through a pipe when it is ready (`announce_ready`)."""

    def __init__(self, process: BaseProcess, pipe: Connection) -> None:
        self._process = process
        self._pipe = pipe
        self._announced = False

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    def poll(self) -> int | None:
        status = self._process.exitcode
        if status is not None:
            self._pipe.close()
        return status

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:  # its number may be another's by now
            os.kill(self.pid, sig)

    def has_announced(self) -> bool:
        """Whether the process has called `announce_ready`."""
        if not self._pipe.closed and self._pipe.poll():
            with suppress(EOFError, OSError):  # it has ended without a word
                self._announced = self._pipe.recv_bytes() == _READY
            self._pipe.close()
        return self._announced


class _Announcement:
    """Where this process says that it is ready, if somebody waits for it."""

    pipe: Connection | None = None


def announce_ready() -> None:
    """Tells the supervisor, if there is one, that this process has taken up its work."""
    pipe, _Announcement.pipe = _Announcement.pipe, None
    if pipe is not None:
        with pipe, suppress(BrokenPipeError):  # the supervisor has died: so shall we
            pipe.send_bytes(_READY)


def start(
    work: Callable[[], None],
    name: str,
    *,
    without: Sequence[socket.socket] = (),
    death_signal: signal.Signals = signal.SIGTERM,
) -> Program:
    """Has a process of its own do `work`, with all its output on our standard output. It ends with
    0 when `work` returns, and with 1 after an error, which it prints.

    On Linux it is a copy of ours: what we have imported is there at once, in memory that both
    share. It does not keep the sockets of `without` open. Elsewhere `work` is pickled.

    Call it from the process's only thread. As with `spawn`, it gets `death_signal` when we die.
    """
    reader, writer = _CONTEXT.Pipe(duplex=False)
    inherited = (reader, *without) if COPIES else ()
    process = _CONTEXT.Process(
        target=_live,
        args=(work, writer, inherited, os.getpid(), death_signal),
        name=name,
        daemon=True,  # one that is left over at our end is told to stop, and not just waited for
    )
    # One that comes too early would go to our handlers, in a process that is not us.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        writer.close()
    return Program(process, reader)


def _live(
    work: Callable[[], None],
    announcement: Connection,
    inherited: Sequence[Connection | socket.socket],
    parent: int,
    death_signal: signal.Signals,
) -> None:
    """What a process that was started does from its first moment."""
    os.setpgid(0, 0)
    _die_with(parent, death_signal)
    signal.set_wakeup_fd(-1)
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    os.dup2(1, 2)
    for one in inherited:
        one.close()
    setproctitle(f"matricula: {multiprocessing.current_process().name}")
    _Announcement.pipe = announcement
    try:
        work()
    except (SettingError, StartError) as error:
        sys.exit(str(error))


def spawn(
    argv: Sequence[str],
    *,
    environ: Mapping[str, str],
    death_signal: signal.Signals = signal.SIGTERM,
    account: Account | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Starts `argv` with our standard output and our standard error.

    On Linux the kernel sends `death_signal` to the child when we die, however we die. The kernel
    watches the starting thread, so call this from a thread that lives as long as the process.
    """
    return subprocess.Popen(
        argv,
        env=dict(environ),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        process_group=0,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        # Run after the change of account, which would undo it. Safe: it calls prctl and no lock.
        preexec_fn=_tie_to_parent(death_signal),  # noqa: PLW1509
    )


def _tie_to_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    if _LIBC is None:
        return None
    return partial(_die_with, os.getpid(), death_signal)


def _die_with(parent: int, death_signal: signal.Signals) -> None:
    """Has the kernel send us `death_signal` when `parent`, which started us, dies (Linux only)."""
    if _LIBC is None:
        return
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    if os.getppid() != parent:  # it died before the call above could take effect
        os._exit(1)


def stop_with_parent() -> None:
    """Has the kernel send us SIGTERM when the process that started us dies (Linux only)."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)


def how_it_ended(status: int) -> str:
    """An exit status in words."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
